// Gradient of rmsNorm for its weight, summed over rows: gradient, x.
#include "op.h"

#include "kernels/row-gradients.h"
#include "ops/sum-in-blocks.h"

namespace dots::ops {

bool rmsNormGradWeight::fits(const Operands& op) {
  const int64_t width = op.elements(kOut);
  return op.areFloats(0, 1, kOut) && op.elements(0) == op.elements(1) && op.width(0) == width && op.width(1) == width;
}

bool rmsNormGradWeight::run(Call& op) {
  const int64_t width = op.elements(kOut);
  return sumInBlocks(op, op.rows(0), width,
                     [&, kernel = op.kernels().rmsNormGradWeight](int64_t begin, int64_t end, float* sum) {
                       kernel(op.floats(0), op.floats(1), op.floatConstant(0), width, sum, begin, end);
                     });
}

}  // namespace dots::ops
