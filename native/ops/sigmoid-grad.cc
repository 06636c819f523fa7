// Gradient of sigmoid: gradient, sigmoid(x).
#include "op.h"

#include "kernels/gradients.h"

namespace dots::ops {

bool sigmoidGrad::fits(const Operands& op) { return op.areAlike(2); }

bool sigmoidGrad::run(Call& op) {
  op.share(op.elements(kOut), 4, [&, kernel = op.kernels().sigmoidGrad](int64_t begin, int64_t end, int) {
    kernel(op.floats(0), op.floats(1), op.floats(kOut), begin, end);
  });
  return true;
}

}  // namespace dots::ops
