// Gradient of rope: turns back.
#include "op.h"

#include "kernels/row-gradients.h"
#include "ops/turn-heads.h"

namespace dots::ops {

bool ropeGrad::fits(const Operands& op) { return fitsRope(op); }

bool ropeGrad::run(Call& op) {
  return turnHeads(op, areInterleaved(op) ? op.kernels().ropeInterleavedGrad : op.kernels().ropeGrad);
}

}  // namespace dots::ops
