// Matrix products with stored weights: linear and groupedLinear.
#pragma once

#include "op.h"

namespace dots::ops {

/// Rows, converted as the weights' storage type wants them, and a matrix of it (rank 2) or one for each expert (rank
/// 3).
bool fitsProduct(const Operands& op, int rankOfWeight);
/// This product and as many of the following ones as can run as one loop: query, key and value; gate and up.
bool runProducts(Call& op);

}  // namespace dots::ops
