// Gradients of matrices, written over their output or added to a stored sum; the operands are given by number.
#pragma once

#include "op.h"

namespace dots::ops {

/// gradient^T x, for one matrix.
WeightProduct weightGradient(Call& op, int gradient, int x, int sum);
/// The same for each expert, over the rows that go to it. x has rows for tokens or for routed rows.
bool multiplyGroupedGradient(Call& op, int gradient, int x, int experts, int sum);

}  // namespace dots::ops
