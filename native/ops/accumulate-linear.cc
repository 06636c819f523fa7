// Adds the gradient of a matrix to its sum in a store: sum, gradient, x.
#include "op.h"

#include "ops/weight-gradients.h"

namespace dots::ops {

bool accumulateLinear::fits(const Operands& op) {
  return op.isMark() && op.isStored(0) && op.rank(0) == 2 && op.isRows(1) && op.isRows(2) &&
         op.axis(1, 0) == op.axis(2, 0) && op.axis(0, 0) == op.axis(1, 1) && op.axis(0, 1) == op.axis(2, 1);
}

bool accumulateLinear::run(Call& op) {
  op.floats(kOut)[0] = 0;
  WeightProduct product = weightGradient(op, 1, 2, 0);
  product.isAdded = true;
  return op.multiply(product);
}

}  // namespace dots::ops
