// The weighted loss of each row against an output matrix, without all logits in memory: x, matrix, targets,
// weights.
#include "op.h"

#include <algorithm>
#include <cstring>

#include "kernels/row-gradients.h"
#include "ops/linear-cross-entropy.h"

namespace dots::ops {

namespace {

/// Logits that exist at a time: 16 MB.
constexpr int64_t kMaxLogits = 4 << 20;
/// Twice as many where there are threads to feed; the bits are the same.
constexpr int kManyThreads = 5;
constexpr int64_t kMaxLossRows = 1024;

}  // namespace

bool linearCrossEntropy::fits(const Operands& op) {
  return fitsLinearCrossEntropy(op, 0) && op.isFloats(kOut) && op.elements(kOut) == op.axis(0, 0);
}

bool linearCrossEntropy::run(Call& op) { return lossOfRows(op, 0); }

bool fitsLinearCrossEntropy(const Operands& op, int x) {
  const int64_t numTokens = op.axis(x, 0);
  return op.isRows(x) && op.isMatrix(x + 1, 2) && op.axis(x, 1) == op.axis(x + 1, 1) && op.isIntegers(x + 2) &&
         op.isFloats(x + 3) && op.haveElements(numTokens, x + 2, x + 3);
}

bool lossOfRows(Call& op, int x) {
  const bool isGradient = x > 0;
  const int64_t numTokens = op.axis(x, 0), width = op.axis(x, 1), numWords = op.axis(x + 1, 0),
                widthOfOut = isGradient ? width + 1 : 1;
  const int32_t* targets_T = op.integers(x + 2);
  const float *weights_T = op.floats(x + 3), *head = op.matrix(x + 1);
  if (!head) return false;
  float* const out = op.floats(kOut);
  // Rows that do not count are not computed: in fine-tuning most do not.
  Buffer<int32_t>& counted = op.workspace().countedRows;
  counted.clear();
  for (int64_t t = 0; t < numTokens; ++t) {
    if (targets_T[t] >= numWords) return op.fail("a target is outside of the vocabulary");
    if (targets_T[t] >= 0 && weights_T[t] != 0.0f) {
      if (!counted.push(static_cast<int32_t>(t))) return op.outOfMemory("a list of rows");
    } else {
      std::memset(out + t * widthOfOut, 0, static_cast<size_t>(widthOfOut) * sizeof(float));
    }
  }
  // A multiple of 64, so that sums over rows are cut where they are cut anyway.
  const int64_t logitsAtOnce = kMaxLogits * (op.pool().numThreads() < kManyThreads ? 1 : 2);
  const int64_t rowsEach = std::min(kMaxLossRows, std::max<int64_t>(64, logitsAtOnce / numWords / 64 * 64));
  const int64_t numCounted = static_cast<int64_t>(counted.size());
  float* const logits = op.scratch(std::min(rowsEach, numCounted) * numWords);
  if (!logits) return false;
  // The matrix is packed once for all chunks, in both directions; the next run has another.
  Workspace& workspace = op.workspace();
  workspace.headPanels.isFilled = workspace.headGradPanels.isFilled = false;
  for (int64_t first = 0; first < numCounted; first += rowsEach) {
    const int64_t numRows = std::min(rowsEach, numCounted - first);
    const int32_t* rows = counted.data() + first;
    RowsProduct forward;
    forward.x = {op.floats(x), width, rows};
    forward.numTokens = numRows;
    forward.weights = head;
    forward.rows = numWords;
    forward.cols = width;
    forward.out = {logits, numWords, nullptr};
    forward.kept = &workspace.headPanels;
    if (!op.multiply(forward)) return false;
    op.pool().parallelFor(numRows, [&, kernel = op.kernels().softmaxLoss](int64_t i, int) {
      const int32_t t = rows[i];
      float* const row = logits + i * numWords;
      out[t * widthOfOut + widthOfOut - 1] =
          kernel(row, numWords, targets_T[t], weights_T[t], isGradient ? row : nullptr);
    });
    if (!isGradient) continue;
    RowsProduct toRows;
    toRows.x = {logits, numWords, nullptr};
    toRows.numTokens = numRows;
    toRows.weights = head;
    toRows.rows = numWords;
    toRows.cols = width;
    toRows.isTransposed = true;
    toRows.out = {out, widthOfOut, rows};
    toRows.kept = &workspace.headGradPanels;
    WeightProduct toMatrix;
    toMatrix.gradient = {logits, numWords, nullptr};
    toMatrix.x = {op.floats(x), width, rows};
    toMatrix.numTokens = numRows;
    toMatrix.rows = numWords;
    toMatrix.cols = width;
    toMatrix.out = op.floats(0);
    toMatrix.isAdded = true;
    if (!op.multiply(toRows) || !op.multiply(toMatrix)) return false;
  }
  return true;
}

}  // namespace dots::ops
