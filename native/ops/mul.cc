// Products, element by element; the second operand is repeated over leading axes of the first.
#include "op.h"

#include "kernels/elementwise.h"

namespace dots::ops {

bool mul::fits(const Operands& op) {
  const int64_t count = op.elements(kOut), lengthB = op.elements(1);
  return op.areAlike(1) && op.isFloats(1) && (count == 0 || (lengthB > 0 && count % lengthB == 0));
}

bool mul::run(Call& op) {
  op.share(op.elements(kOut), 1, [&, kernel = op.kernels().mulElements](int64_t begin, int64_t end, int) {
    kernel(op.floats(0), op.floats(1), op.elements(1), op.floats(kOut), begin, end);
  });
  return true;
}

}  // namespace dots::ops
