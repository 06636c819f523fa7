// Rows added into the given rows of zeros: the gradient of takeRows.
#include "op.h"

#include "kernels/embedding.h"
#include "kernels/gradients.h"
#include "kernels/row-gradients.h"
#include "ops/add-rows.h"

namespace dots::ops {

namespace {

/// Columns that rows are added to at once: a thread owns columns, so that rows come in their order.
constexpr int64_t kColumnsEach = 32;

}  // namespace

bool scatterAddRows::fits(const Operands& op) {
  return op.isRows(0) && op.isRows(kOut) && op.isIntegers(1) && op.elements(1) == op.axis(0, 0) &&
         op.axis(0, 1) == op.width(kOut);
}

bool scatterAddRows::run(Call& op) {
  op.share(op.elements(kOut), 1, [&, kernel = op.kernels().fillElements](int64_t begin, int64_t end, int) {
    kernel(0.0f, op.floats(kOut), begin, end);
  });
  return addRows(op, 0, 1, kOut);
}

bool addRows(Call& op, int x, int rows, int sum) {
  const int64_t numAdded = op.axis(x, 0), width = op.width(sum);
  if (op.kernels().findOutside(op.integers(rows), numAdded, op.axis(sum, 0)) >= 0)
    return op.fail("a row is added to one that does not exist");
  op.pool().parallelFor(
      (width + kColumnsEach - 1) / kColumnsEach, [&, kernel = op.kernels().addRows](int64_t chunk, int) {
        const int64_t begin = chunk * kColumnsEach, end = begin + kColumnsEach < width ? begin + kColumnsEach : width;
        kernel(op.floats(x), width, op.integers(rows), numAdded, op.floats(sum), width, begin, end);
      });
  return true;
}

}  // namespace dots::ops
