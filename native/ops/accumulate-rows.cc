// Adds rows to rows of the sum that a store holds: the gradient of an embedding.
#include "op.h"

#include "ops/add-rows.h"

namespace dots::ops {

bool accumulateRows::fits(const Operands& op) {
  return op.isMark() && op.isStored(0) && op.rank(0) == 2 && op.isRows(1) && op.isIntegers(2) &&
         op.elements(2) == op.axis(1, 0) && op.axis(0, 1) == op.axis(1, 1);
}

bool accumulateRows::run(Call& op) {
  op.floats(kOut)[0] = 0;
  return addRows(op, 1, 2, 0);
}

}  // namespace dots::ops
