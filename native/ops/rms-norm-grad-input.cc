// Gradient of rmsNorm for its rows: gradient, x, weight.
#include "op.h"

#include "kernels/row-gradients.h"

namespace dots::ops {

bool rmsNormGradInput::fits(const Operands& op) {
  const int64_t width = op.width(kOut);
  return op.areAlike(2) && op.isFloats(2) && op.width(1) == width && op.elements(2) == width;
}

bool rmsNormGradInput::run(Call& op) {
  const int64_t width = op.width(kOut);
  op.share(op.rows(kOut), 4 * width, [&, kernel = op.kernels().rmsNormGradInput](int64_t begin, int64_t end, int) {
    kernel(op.floats(0), op.floats(1), op.floats(2), op.floatConstant(0), width, op.floats(kOut), begin, end);
  });
  return true;
}

}  // namespace dots::ops
