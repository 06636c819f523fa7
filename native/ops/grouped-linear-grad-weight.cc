// Gradient of groupedLinear for its matrices: gradient, x, experts.
#include "op.h"

#include "ops/routed-rows.h"
#include "ops/weight-gradients.h"

namespace dots::ops {

bool groupedLinearGradWeight::fits(const Operands& op) {
  return op.isFloats(kOut) && op.rank(kOut) == 3 && op.isRows(0) && op.isRows(1) && op.isRouting(2) &&
         op.isRouted(0, 2) && op.isRoutedOrToken(1, 2) && op.axis(kOut, 1) == op.axis(0, 1) &&
         op.width(kOut) == op.axis(1, 1);
}

bool groupedLinearGradWeight::run(Call& op) { return multiplyGroupedGradient(op, 0, 1, 2, kOut); }

bool multiplyGroupedGradient(Call& op, int gradient, int x, int experts, int sum) {
  const RoutedRows* const routed = routedRows(op, experts, op.axis(sum, 0));
  if (!routed) return false;
  WeightProduct product = weightGradient(op, gradient, x, sum);
  product.gradient.rows = routed->rows_R.data();
  product.x.rows = (op.isRouted(x, experts) ? routed->rows_R : routed->tokens_R).data();
  product.offsets = routed->offsets_E.data();
  product.numExperts = static_cast<int32_t>(op.axis(sum, 0));
  product.isAdded = op.isStored(sum);
  return op.multiply(product);
}

}  // namespace dots::ops
