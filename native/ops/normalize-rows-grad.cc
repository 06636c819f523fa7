// Gradient of normalizeRows: gradient, x.
#include "op.h"

#include "kernels/row-gradients.h"

namespace dots::ops {

bool normalizeRowsGrad::fits(const Operands& op) { return op.areAlike(2) && op.width(1) == op.width(kOut); }

bool normalizeRowsGrad::run(Call& op) {
  const int64_t width = op.width(kOut);
  op.share(op.rows(kOut), 4 * width, [&, kernel = op.kernels().normalizeRowsGrad](int64_t begin, int64_t end, int) {
    kernel(op.floats(0), op.floats(1), width, op.floatConstant(0), op.floats(kOut), begin, end);
  });
  return true;
}

}  // namespace dots::ops
