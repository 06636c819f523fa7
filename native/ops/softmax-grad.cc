// Gradient of softmax: gradient, output.
#include "op.h"

#include "kernels/row-gradients.h"

namespace dots::ops {

bool softmaxGrad::fits(const Operands& op) { return op.areAlike(2) && op.width(1) == op.width(kOut); }

bool softmaxGrad::run(Call& op) {
  const int64_t width = op.width(kOut);
  op.share(op.rows(kOut), 2 * width, [&, kernel = op.kernels().softmaxGrad](int64_t begin, int64_t end, int) {
    kernel(op.floats(0), op.floats(1), width, op.floats(kOut), begin, end);
  });
  return true;
}

}  // namespace dots::ops
