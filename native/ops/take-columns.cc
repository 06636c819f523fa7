// Some neighbouring columns of every row.
#include "op.h"

#include "kernels/row-gradients.h"

namespace dots::ops {

bool takeColumns::fits(const Operands& op) {
  const double first = op.constant(0);
  return op.isRows(0) && op.isRows(kOut) && op.axis(0, 0) == op.axis(kOut, 0) && first >= 0 &&
         first + static_cast<double>(op.width(kOut)) <= static_cast<double>(op.width(0)) &&
         first == static_cast<double>(static_cast<int64_t>(first));
}

bool takeColumns::run(Call& op) {
  const int64_t first = static_cast<int64_t>(op.constant(0)), width = op.width(kOut);
  op.share(op.rows(kOut), width, [&, kernel = op.kernels().takeColumns](int64_t begin, int64_t end, int) {
    kernel(op.floats(0), op.width(0), first, width, op.floats(kOut), begin, end);
  });
  return true;
}

}  // namespace dots::ops
