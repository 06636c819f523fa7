// Rows to unit root mean square, times a weight.
#include "op.h"

#include "kernels/rms-norm.h"

namespace dots::ops {

bool rmsNorm::fits(const Operands& op) { return op.areAlike(1) && op.isFloats(1) && op.elements(1) == op.width(kOut); }

bool rmsNorm::run(Call& op) {
  const int64_t width = op.width(kOut);
  op.share(op.rows(kOut), 2 * width, [&, kernel = op.kernels().rmsNorm](int64_t begin, int64_t end, int) {
    kernel(op.floats(0), op.floats(1), op.floatConstant(0), width, op.floats(kOut), begin, end);
  });
  return true;
}

}  // namespace dots::ops
