// The mean loss of rows of logits whose targets count (are not negative).
#include "op.h"

#include "kernels/row-gradients.h"
#include "ops/cross-entropy.h"

namespace dots::ops {

bool crossEntropy::fits(const Operands& op) {
  return op.isMark() && op.isRows(0) && op.isIntegers(1) && op.elements(1) == op.axis(0, 0);
}

bool crossEntropy::run(Call& op) {
  const int64_t numCounted = countTargets(op, 0, 1);
  if (numCounted < 0) return false;
  const int64_t numTokens = op.axis(0, 0), numWords = op.width(0);
  const int32_t* targets_T = op.integers(1);
  float* const losses_T = op.scratch(numTokens);
  if (!losses_T) return false;
  op.pool().parallelFor(numTokens, [&, kernel = op.kernels().softmaxLoss](int64_t t, int) {
    const bool isCounted = targets_T[t] >= 0;
    losses_T[t] = isCounted ? kernel(op.floats(0) + t * numWords, numWords, targets_T[t], 1.0f, nullptr) : 0;
  });
  double sum = 0;
  for (int64_t t = 0; t < numTokens; ++t) sum += losses_T[t];
  op.floats(kOut)[0] = numCounted == 0 ? 0.0f : static_cast<float>(sum / static_cast<double>(numCounted));
  return true;
}

int64_t countTargets(Call& op, int logits, int targets) {
  const int64_t numTokens = op.axis(logits, 0), numWords = op.width(logits);
  const int32_t* targets_T = op.integers(targets);
  int64_t numCounted = 0;
  for (int64_t t = 0; t < numTokens; ++t) {
    if (targets_T[t] >= numWords) return op.fail("a target is outside of the vocabulary"), -1;
    numCounted += targets_T[t] >= 0;
  }
  return numCounted;
}

}  // namespace dots::ops
