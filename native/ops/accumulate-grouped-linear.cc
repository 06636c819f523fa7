// Adds the gradient of experts' matrices to its sum in a store: sum, gradient, x, experts.
#include "op.h"

#include "ops/weight-gradients.h"

namespace dots::ops {

bool accumulateGroupedLinear::fits(const Operands& op) {
  return op.isMark() && op.isStored(0) && op.rank(0) == 3 && op.isRows(1) && op.isRows(2) && op.isRouting(3) &&
         op.isRouted(1, 3) && op.isRoutedOrToken(2, 3) && op.axis(0, 1) == op.axis(1, 1) &&
         op.axis(0, 2) == op.axis(2, 1);
}

bool accumulateGroupedLinear::run(Call& op) {
  op.floats(kOut)[0] = 0;
  return multiplyGroupedGradient(op, 1, 2, 3, 0);
}

}  // namespace dots::ops
