// Rows times a matrix in any storage type.
#include "op.h"

#include "kernels/linear.h"
#include "ops/products.h"

namespace dots::ops {

bool linear::fits(const Operands& op) { return fitsProduct(op, 2) && op.axis(0, 0) == op.axis(kOut, 0); }

bool linear::run(Call& op) { return runProducts(op); }

}  // namespace dots::ops
