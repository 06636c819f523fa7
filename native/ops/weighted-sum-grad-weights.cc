// Gradient of weightedSum for the weights: gradient, routed rows.
#include "op.h"

#include "kernels/row-gradients.h"

namespace dots::ops {

bool weightedSumGradWeights::fits(const Operands& op) {
  return op.isRows(0) && op.isRows(1) && op.isRows(kOut) && op.axis(0, 0) == op.axis(kOut, 0) &&
         op.axis(1, 0) == op.elements(kOut) && op.axis(0, 1) == op.axis(1, 1);
}

bool weightedSumGradWeights::run(Call& op) {
  const int64_t k = op.width(kOut), width = op.width(0);
  op.share(op.rows(kOut), k * width,
           [&, kernel = op.kernels().weightedSumGradWeights](int64_t begin, int64_t end, int) {
             kernel(op.floats(0), op.floats(1), k, width, op.floats(kOut), begin, end);
           });
  return true;
}

}  // namespace dots::ops
