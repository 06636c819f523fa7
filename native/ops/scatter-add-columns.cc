// Entries added into the given columns of rows of zeros: the gradient of gather.
#include "op.h"

#include "kernels/embedding.h"
#include "kernels/row-gradients.h"

namespace dots::ops {

bool scatterAddColumns::fits(const Operands& op) {
  return op.isRows(0) && op.isRows(kOut) && op.isIntegers(1) && op.rank(1) == 2 && op.elements(1) == op.elements(0) &&
         op.axis(1, 1) == op.axis(0, 1) && op.axis(0, 0) == op.axis(kOut, 0);
}

bool scatterAddColumns::run(Call& op) {
  const int32_t* columns = op.integers(1);
  const int64_t k = op.width(0), width = op.width(kOut);
  if (op.kernels().findOutside(columns, op.elements(1), width) >= 0)
    return op.fail("a column is added to that does not exist");
  op.share(op.rows(kOut), width + k, [&, kernel = op.kernels().scatterAddColumns](int64_t begin, int64_t end, int) {
    kernel(op.floats(0), columns, k, width, op.floats(kOut), begin, end);
  });
  return true;
}

}  // namespace dots::ops
