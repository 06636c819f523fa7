// Gradient of groupedLinear for its rows: gradient, matrices, experts.
#include "op.h"

#include "kernels/row-gradients.h"
#include "ops/routed-rows.h"

namespace dots::ops {

bool groupedLinearGradInput::fits(const Operands& op) {
  return op.isRows(0) && op.isMatrix(1, 3) && op.isRouting(2) && op.isRows(kOut) && op.isRouted(0, 2) &&
         op.isRoutedOrToken(kOut, 2) && op.axis(0, 1) == op.axis(1, 1) && op.width(kOut) == op.axis(1, 2);
}

bool groupedLinearGradInput::run(Call& op) {
  const int64_t numExperts = op.axis(1, 0), numRouted = op.axis(0, 0), width = op.width(kOut), k = op.width(2);
  const RoutedRows* const routed = routedRows(op, 2, numExperts);
  if (!routed) return false;
  const bool isPerToken = op.axis(kOut, 0) != numRouted;
  float* const out = isPerToken ? op.scratch(numRouted * width) : op.floats(kOut);
  if (!out) return false;
  RowsProduct product;
  product.x = {op.floats(0), op.width(0), routed->rows_R.data()};
  product.numTokens = numRouted;
  product.offsets = routed->offsets_E.data();
  product.numExperts = static_cast<int32_t>(numExperts);
  product.weights = op.matrix(1);
  if (!product.weights) return false;
  product.rows = op.axis(1, 1);
  product.cols = width;
  product.isTransposed = true;
  product.out = {out, width, routed->rows_R.data()};
  if (!op.multiply(product)) return false;
  if (!isPerToken) return true;
  // Slots are summed in their order and not in that of experts, which depends on how rows were sorted.
  op.share(op.axis(kOut, 0), k * width, [&, kernel = op.kernels().sumSlots](int64_t begin, int64_t end, int) {
    kernel(out, k, width, op.floats(kOut), begin, end);
  });
  return true;
}

}  // namespace dots::ops
