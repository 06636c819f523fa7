// Rows as shares of one.
#include "op.h"

#include "kernels/router.h"

namespace dots::ops {

bool softmax::fits(const Operands& op) { return op.areAlike(1) && op.width(0) == op.width(kOut); }

bool softmax::run(Call& op) {
  const int64_t width = op.width(kOut);
  op.share(op.rows(kOut), 8 * width, [&, kernel = op.kernels().softmax](int64_t begin, int64_t end, int) {
    kernel(op.floats(0), width, op.floats(kOut), begin, end);
  });
  return true;
}

}  // namespace dots::ops
