// The sum of all rows.
#include "op.h"

#include "kernels/row-gradients.h"
#include "ops/sum-in-blocks.h"

namespace dots::ops {

bool sumRows::fits(const Operands& op) {
  return op.isRows(0) && op.isFloats(kOut) && op.axis(0, 1) == op.elements(kOut);
}

bool sumRows::run(Call& op) {
  const int64_t width = op.elements(kOut);
  return sumInBlocks(op, op.axis(0, 0), width,
                     [&, kernel = op.kernels().sumRows](int64_t begin, int64_t end, float* sum) {
                       kernel(op.floats(0), width, sum, begin, end);
                     });
}

}  // namespace dots::ops
