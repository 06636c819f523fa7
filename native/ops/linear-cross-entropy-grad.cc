// Gradients of linearCrossEntropy, the matrix' added to its sum: sum, x, matrix, targets, weights.
#include "op.h"

#include "ops/linear-cross-entropy.h"

namespace dots::ops {

bool linearCrossEntropyGrad::fits(const Operands& op) {
  return fitsLinearCrossEntropy(op, 1) && op.isStored(0) && op.rank(0) == 2 && op.axis(0, 0) == op.axis(2, 0) &&
         op.axis(0, 1) == op.axis(2, 1) && op.isRows(kOut) && op.axis(kOut, 0) == op.axis(1, 0) &&
         op.width(kOut) == op.axis(1, 1) + 1;
}

bool linearCrossEntropyGrad::run(Call& op) { return lossOfRows(op, 1); }

}  // namespace dots::ops
