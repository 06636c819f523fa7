// Gradient of weightedSum for the routed rows: gradient, weights.
#include "op.h"

#include "kernels/row-gradients.h"

namespace dots::ops {

bool weightedSumGradRows::fits(const Operands& op) {
  return op.isRows(0) && op.isRows(1) && op.isRows(kOut) && op.axis(0, 0) == op.axis(1, 0) &&
         op.axis(kOut, 0) == op.elements(1) && op.width(kOut) == op.axis(0, 1);
}

bool weightedSumGradRows::run(Call& op) {
  const int64_t k = op.width(1), width = op.width(kOut);
  op.share(op.axis(0, 0), k * width, [&, kernel = op.kernels().weightedSumGradRows](int64_t begin, int64_t end, int) {
    kernel(op.floats(0), op.floats(1), k, width, op.floats(kOut), begin, end);
  });
  return true;
}

}  // namespace dots::ops
