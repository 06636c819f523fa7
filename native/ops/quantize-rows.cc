// Rows of activations as int8 blocks, for products with quantised weights.
#include "op.h"

#include "kernels/linear.h"
#include "kernels/quantize-rows.h"

namespace dots::ops {

bool quantizeRows::fits(const Operands& op) {
  const double kind = op.constant(0);
  const int64_t cols = op.width(0), width = op.width(kOut);
  return op.areFloats(0, kOut) && (kind == 1 || kind == 2) && cols % (kind == 1 ? 32 : 256) == 0 &&
         width * 4 == activationRowBytes(static_cast<Activation>(static_cast<int>(kind)), cols) &&
         op.rows(kOut) == op.rows(0);
}

bool quantizeRows::run(Call& op) {
  const int64_t cols = op.width(0);
  quantizeActivations(static_cast<Activation>(static_cast<int>(op.constant(0))), op.floats(0), cols, op.rows(kOut),
                      cols, op.floats(kOut), op.device());
  return true;
}

}  // namespace dots::ops
