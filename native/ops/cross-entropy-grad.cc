// Gradient of crossEntropy for the logits: gradient, logits, targets.
#include "op.h"

#include <cstring>

#include "kernels/row-gradients.h"
#include "ops/cross-entropy.h"

namespace dots::ops {

bool crossEntropyGrad::fits(const Operands& op) {
  return op.areFloats(0, kOut) && op.elements(0) == 1 && op.isRows(1) && op.elements(1) == op.elements(kOut) &&
         op.axis(1, 1) == op.width(kOut) && op.isIntegers(2) && op.elements(2) == op.axis(1, 0);
}

bool crossEntropyGrad::run(Call& op) {
  const int64_t numCounted = countTargets(op, 1, 2);
  if (numCounted < 0) return false;
  const int64_t numTokens = op.axis(1, 0), numWords = op.width(1);
  const int32_t* targets_T = op.integers(2);
  const float factor = op.floats(0)[0] / static_cast<float>(numCounted);
  op.pool().parallelFor(numTokens, [&, kernel = op.kernels().softmaxLoss](int64_t t, int) {
    float* const y = op.floats(kOut) + t * numWords;
    if (targets_T[t] >= 0)
      kernel(op.floats(1) + t * numWords, numWords, targets_T[t], factor, y);
    else
      std::memset(y, 0, static_cast<size_t>(numWords) * sizeof(float));
  });
  return true;
}

}  // namespace dots::ops
