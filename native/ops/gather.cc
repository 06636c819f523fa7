// Entries of every row, by column.
#include "op.h"

#include "kernels/embedding.h"
#include "kernels/router.h"

namespace dots::ops {

bool gather::fits(const Operands& op) {
  return op.areFloats(0, kOut) && op.isIntegers(1) && op.elements(1) == op.elements(kOut) &&
         op.width(1) == op.width(kOut) && op.rows(0) == op.rows(kOut);
}

bool gather::run(Call& op) {
  const int32_t* columns = op.integers(1);
  if (op.kernels().findOutside(columns, op.elements(kOut), op.width(0)) >= 0)
    return op.fail("a column is gathered that does not exist");
  op.kernels().gather(op.floats(0), op.width(0), columns, op.width(kOut), op.floats(kOut), 0, op.rows(kOut));
  return true;
}

}  // namespace dots::ops
