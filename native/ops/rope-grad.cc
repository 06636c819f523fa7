// Gradient of rope: turns back.
#include "op.h"

#include "kernels/row-gradients.h"
#include "ops/rope-angles.h"

namespace dots::ops {

bool ropeGrad::fits(const Operands& op) { return fitsRope(op); }

bool ropeGrad::run(Call& op) {
  const float* const angles = ropeAngles(op);
  op.share(op.rows(kOut), 2 * op.width(kOut), [&, kernel = DOTS_KERNEL(ropeGrad)](int64_t begin, int64_t end, int) {
    kernel(op.floats(0), angles, op.axis(kOut, 1), op.width(kOut), op.floats(kOut), begin, end);
  });
  return true;
}

}  // namespace dots::ops
