// silu(gate) * up.
#include "op.h"

#include "kernels/swiglu.h"

namespace dots::ops {

bool swiglu::fits(const Operands& op) { return op.areAlike(2); }

bool swiglu::run(Call& op) {
  op.share(op.elements(kOut), 4, [&, kernel = op.kernels().swiglu](int64_t begin, int64_t end, int) {
    kernel(op.floats(0), op.floats(1), op.floats(kOut), begin, end);
  });
  return true;
}

}  // namespace dots::ops
