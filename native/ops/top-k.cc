// The columns of the largest entries of each row.
#include "op.h"

#include "kernels/router.h"

namespace dots::ops {

bool topK::fits(const Operands& op) {
  return op.isRows(0) && op.isIntegers(kOut) && op.rank(kOut) == 2 && op.axis(0, 0) == op.axis(kOut, 0) &&
         op.width(kOut) <= op.axis(0, 1);
}

bool topK::run(Call& op) {
  const int64_t width = op.width(0);
  op.share(op.rows(kOut), 16 * width, [&, kernel = op.kernels().topK](int64_t begin, int64_t end, int) {
    kernel(width, op.width(kOut), op.floats(0), op.writableIntegers(kOut), begin, end);
  });
  return true;
}

}  // namespace dots::ops
