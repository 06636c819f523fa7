// Rows divided by their sums.
#include "op.h"

#include "kernels/router.h"

namespace dots::ops {

bool normalizeRows::fits(const Operands& op) { return op.areAlike(1) && op.width(0) == op.width(kOut); }

bool normalizeRows::run(Call& op) {
  op.kernels().normalizeRows(op.floats(0), op.width(kOut), op.floatConstant(0), op.floats(kOut), 0, op.rows(kOut));
  return true;
}

}  // namespace dots::ops
