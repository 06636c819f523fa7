// x / (1 + exp(-x)).
#include "op.h"

#include "kernels/elementwise.h"

namespace dots::ops {

bool silu::fits(const Operands& op) { return op.areAlike(1); }

bool silu::run(Call& op) {
  op.share(op.elements(kOut), 4, [&, kernel = op.kernels().siluElements](int64_t begin, int64_t end, int) {
    kernel(op.floats(0), op.floats(kOut), begin, end);
  });
  return true;
}

}  // namespace dots::ops
