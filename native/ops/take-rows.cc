// Rows of activations, by number.
#include "op.h"

#include "kernels/embedding.h"

namespace dots::ops {

bool takeRows::fits(const Operands& op) {
  return (op.isFloats(0) || op.isIntegers(0)) && op.isIntegers(1) && op.isFloats(0) == op.isFloats(kOut) &&
         op.rank(0) == 2 && op.width(kOut) == op.width(0) && op.rows(kOut) == op.elements(1);
}

bool takeRows::run(Call& op) {
  const int64_t numRows = op.rows(kOut);
  if (op.kernels().findOutside(op.integers(1), numRows, op.axis(0, 0)) >= 0)
    return op.fail("a row is taken that does not exist");
  op.kernels().takeRows(op.floats(0), op.integers(1), op.width(kOut), op.floats(kOut), 0, numRows);
  return true;
}

}  // namespace dots::ops
