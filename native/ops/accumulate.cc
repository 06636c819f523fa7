// Adds a gradient to the sum that a store holds.
#include "op.h"

#include "kernels/elementwise.h"

namespace dots::ops {

bool accumulate::fits(const Operands& op) {
  return op.isMark() && op.isStored(0) && op.isFloats(1) && op.elements(0) == op.elements(1);
}

bool accumulate::run(Call& op) {
  const int64_t length = op.elements(0);
  op.share(length, 1, [&, kernel = op.kernels().addElements](int64_t begin, int64_t end, int) {
    kernel(op.floats(0), op.floats(1), length, op.floats(0), begin, end);
  });
  op.floats(kOut)[0] = 0;
  return true;
}

}  // namespace dots::ops
