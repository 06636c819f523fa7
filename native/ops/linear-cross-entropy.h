// What linearCrossEntropy and its gradient share. Operand x is the rows; matrix, targets and weights follow it. In the
// gradient the sum of the matrix' gradients comes before them.
#pragma once

#include "op.h"

namespace dots::ops {

bool fitsLinearCrossEntropy(const Operands& op, int x);
/// Losses where x is 0; else the gradients of the rows, with the loss as the last column, and of the matrix.
bool lossOfRows(Call& op, int x);

}  // namespace dots::ops
