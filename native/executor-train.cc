// Training's products: gradients of matrices, attention over documents, and the loss.
#include "executor.h"

#include <algorithm>
#include <cstring>

#include "kernels/causal-attention.h"
#include "kernels/decode-row.h"
#include "kernels/embedding.h"
#include "kernels/row-gradients.h"
#include "kernels/storage.h"

namespace dots {
namespace {

/// Logits that exist at a time while the loss is computed: 16 MB.
constexpr int64_t kMaxLogits = 4 << 20;
/// Twice as many where there are threads to feed; the bits are the same.
constexpr int kManyThreads = 5;
constexpr int64_t kMaxLossRows = 1024;

}  // namespace

/// A matrix (or one for each expert) as f32: where it lies, or decoded into memory that the next call uses again.
const float* Executable::matrix(int32_t id) {
  if (value(id).kind != ValueKind::kWeight || weight(id).floats) return floats(id);
  const Weight& w = weight(id);
  const StorageInfo* storage = storageInfo(w.type);
  const int64_t cols = w.dims[w.rank - 1], numRows = elements(id) / cols, rowBytes = storedBytes(*storage, cols);
  const int64_t rowsOfPart = numRows / static_cast<int64_t>(w.parts.size());
  decodedMatrix_.resize(static_cast<size_t>(numRows * cols));
  share(numRows, 4 * cols, [&](int64_t begin, int64_t end, int) {
    for (int64_t row = begin; row < end; ++row)
      decodeRow(storage->id, w.parts[static_cast<size_t>(row / rowsOfPart)].data() + row % rowsOfPart * rowBytes, cols,
                decodedMatrix_.data() + row * cols);
  });
  return decodedMatrix_.data();
}

float* Executable::scratchFloats(int64_t count, std::string* error) {
  float* const memory = floatsOf(trainScratch_, count);
  if (!memory) *error = "out of memory for scratch";
  return memory;
}

bool Executable::multiply(const RowsProduct& product, std::string* error) {
  return multiplyRows(product, pool_, gemmScratch_) || (*error = "out of memory for packed matrices", false);
}

bool Executable::multiply(const WeightProduct& product, std::string* error) {
  return multiplyWeights(product, pool_, gemmScratch_) || (*error = "out of memory for packed rows", false);
}

bool Executable::runGroupedGradient(const Instruction& instruction, const std::vector<RunInput>& inputs,
                                    std::string* error) {
  const std::vector<int32_t>& in = instruction.inputs;
  const int32_t out = instruction.output;
  if (instruction.op == Op::kGroupedLinearGradInput) {
    const int64_t numExperts = axis(in[1], 0), numRouted = axis(in[0], 0), width = lastAxis(out), k = lastAxis(in[2]);
    if (!groupRows(in[2], numExperts, inputs, error)) return false;
    const bool isPerToken = axis(out, 0) != numRouted;
    float* const routed = isPerToken ? scratchFloats(numRouted * width, error) : floats(out);
    if (!routed) return false;
    const bool isDone = multiply(RowsProduct{floats(in[0]), lastAxis(in[0]), rows_R_.data(), numRouted,
                                             offsets_E_.data(), static_cast<int32_t>(numExperts), matrix(in[1]),
                                             axis(in[1], 1), width, true, routed, width, rows_R_.data(), false},
                                 error);
    if (!isDone || !isPerToken) return isDone;
    // Slots are summed in their order and not in that of experts, which depends on how rows were sorted.
    float* const y = floats(out);
    share(axis(out, 0), k * width, [&, kernel = DOTS_KERNEL(sumSlots)](int64_t begin, int64_t end, int) {
      kernel(routed, k, width, y, begin, end);
    });
    return true;
  }
  const bool isAdded = instruction.op == Op::kAccumulateGroupedLinear;
  const int32_t sum = isAdded ? in[0] : out, gradient = in[isAdded ? 1 : 0], x = in[isAdded ? 2 : 1],
                experts = in[isAdded ? 3 : 2];
  const int64_t numExperts = axis(sum, 0), numRouted = axis(gradient, 0);
  if (!groupRows(experts, numExperts, inputs, error)) return false;
  const int32_t* xRows = (axis(x, 0) == numRouted ? rows_R_ : tokens_R_).data();
  const bool isDone =
      multiply(WeightProduct{floats(gradient), lastAxis(gradient), rows_R_.data(), floats(x), lastAxis(x), xRows,
                             numRouted, offsets_E_.data(), static_cast<int32_t>(numExperts), axis(sum, 1), axis(sum, 2),
                             floats(sum), isAdded},
               error);
  if (isAdded) floats(out)[0] = 0;
  return isDone;
}

bool Executable::runCausalAttention(const Instruction& instruction, const std::vector<RunInput>& inputs,
                                    std::string* error) {
  const std::vector<int32_t>& in = instruction.inputs;
  const bool isGradient = instruction.op == Op::kCausalAttentionGrad;
  const size_t q = isGradient ? 1 : 0;
  const int64_t numTokens = axis(in[q], 0);
  if (numTokens == 0) return true;
  const int32_t* sequences_T = integers(in[q + 3], inputs);
  documentTokens_.resize(static_cast<size_t>(numTokens));
  for (size_t t = 0; t < documentTokens_.size(); ++t) documentTokens_[t] = static_cast<int32_t>(t);
  // Documents mostly stand one after the other already.
  const auto isEarlier = [&](int32_t a, int32_t b) { return sequences_T[a] < sequences_T[b]; };
  if (!std::is_sorted(documentTokens_.begin(), documentTokens_.end(), isEarlier))
    std::stable_sort(documentTokens_.begin(), documentTokens_.end(), isEarlier);
  documentEnds_.clear();
  int64_t longest = 0;
  for (int64_t t = 0; t < numTokens; ++t) {
    const bool isLast = t + 1 == numTokens || sequences_T[documentTokens_[static_cast<size_t>(t)]] !=
                                                  sequences_T[documentTokens_[static_cast<size_t>(t) + 1]];
    if (!isLast) continue;
    const int64_t begin = documentEnds_.empty() ? 0 : documentEnds_.back();
    longest = t + 1 - begin > longest ? t + 1 - begin : longest;
    documentEnds_.push_back(static_cast<int32_t>(t + 1));
  }
  CausalDocument common{};
  common.q_TNH = floats(in[q]);
  common.k_TGH = floats(in[q + 1]);
  common.v_TGH = floats(in[q + 2]);
  common.numHeads = axis(in[q], 1);
  common.numKeyHeads = axis(in[q + 1], 1);
  common.headWidth = axis(in[q], 2);
  const int64_t floatsEach = (DOTS_KERNEL(causalAttentionScratch)(longest, common.headWidth) + 15) / 16 * 16;
  float* const scratch = scratchFloats(floatsEach * pool_.numThreads(), error);
  if (!scratch) return false;
  const float* gradient = isGradient ? floats(in[0]) : nullptr;
  float* const y = floats(instruction.output);
  const auto forward = DOTS_KERNEL(causalAttention);
  const auto backward = DOTS_KERNEL(causalAttentionGrad);
  pool_.parallelFor(static_cast<int64_t>(documentEnds_.size()) * common.numKeyHeads, [&](int64_t task, int thread) {
    CausalDocument document = common;
    const size_t i = static_cast<size_t>(task / common.numKeyHeads);
    const int32_t begin = i == 0 ? 0 : documentEnds_[i - 1];
    document.tokens = documentTokens_.data() + begin;
    document.numTokens = documentEnds_[i] - begin;
    document.keyHead = task % common.numKeyHeads;
    if (isGradient)
      backward(document, gradient, y, scratch + thread * floatsEach);
    else
      forward(document, y, scratch + thread * floatsEach);
  });
  return true;
}

/// The loss of rows against the output matrix, some hundred rows at a time, and its gradients.
bool Executable::runLinearCrossEntropy(const Instruction& instruction, const std::vector<RunInput>& inputs,
                                       std::string* error) {
  const bool isGradient = instruction.op == Op::kLinearCrossEntropyGrad;
  const int32_t* in = instruction.inputs.data() + (isGradient ? 1 : 0);  // x, matrix, targets, weights
  const int64_t numTokens = axis(in[0], 0), width = axis(in[0], 1), numWords = axis(in[1], 0),
                widthOfOut = isGradient ? width + 1 : 1;
  const int32_t* targets_T = integers(in[2], inputs);
  const float *x = floats(in[0]), *weights_T = floats(in[3]), *head = matrix(in[1]);
  float* const out = floats(instruction.output);
  // Rows that do not count are not computed: in fine-tuning most do not.
  countedRows_.clear();
  for (int64_t t = 0; t < numTokens; ++t) {
    if (targets_T[t] >= numWords) return *error = "a target is outside of the vocabulary", false;
    if (targets_T[t] >= 0 && weights_T[t] != 0.0f)
      countedRows_.push_back(static_cast<int32_t>(t));
    else
      std::memset(out + t * widthOfOut, 0, static_cast<size_t>(widthOfOut) * sizeof(float));
  }
  // A multiple of 64, so that sums over rows are cut where they are cut anyway.
  const int64_t rowsEach =
      std::min(kMaxLossRows,
               std::max<int64_t>(64, kMaxLogits * (pool_.numThreads() < kManyThreads ? 1 : 2) / numWords / 64 * 64));
  const int64_t numCounted = static_cast<int64_t>(countedRows_.size());
  float* const logits = scratchFloats(std::min(rowsEach, numCounted) * numWords, error);
  if (!logits) return false;
  const auto loss = DOTS_KERNEL(softmaxLoss);
  // The matrix is packed once for all chunks, in both directions; the next run has another.
  headPanels_.isFilled = headGradPanels_.isFilled = false;
  for (int64_t first = 0; first < numCounted; first += rowsEach) {
    const int64_t numRows = std::min(rowsEach, numCounted - first);
    const int32_t* rows = countedRows_.data() + first;
    if (!multiply(RowsProduct{x, width, rows, numRows, nullptr, 1, head, numWords, width, false, logits, numWords,
                              nullptr, false, &headPanels_},
                  error))
      return false;
    pool_.parallelFor(numRows, [&](int64_t i, int) {
      const int32_t t = rows[i];
      float* const row = logits + i * numWords;
      out[t * widthOfOut + widthOfOut - 1] =
          loss(row, numWords, targets_T[t], weights_T[t], isGradient ? row : nullptr);
    });
    if (!isGradient) continue;
    const bool isDone = multiply(RowsProduct{logits, numWords, nullptr, numRows, nullptr, 1, head, numWords, width,
                                             true, out, widthOfOut, rows, false, &headGradPanels_},
                                 error) &&
                        multiply(WeightProduct{logits, numWords, nullptr, x, width, rows, numRows, nullptr, 1, numWords,
                                               width, floats(instruction.inputs[0]), true},
                                 error);
    if (!isDone) return false;
  }
  return true;
}

bool Executable::runTraining(const Instruction& instruction, const std::vector<RunInput>& inputs, std::string* error) {
  const std::vector<int32_t>& in = instruction.inputs;
  const int32_t out = instruction.output;
  switch (instruction.op) {
    case Op::kLinearGradInput:
      return multiply(RowsProduct{floats(in[0]), lastAxis(in[0]), nullptr, axis(in[0], 0), nullptr, 1, matrix(in[1]),
                                  axis(in[1], 0), axis(in[1], 1), true, floats(out), lastAxis(out), nullptr, false},
                      error);
    case Op::kLinearGradWeight:
      return multiply(WeightProduct{floats(in[0]), lastAxis(in[0]), nullptr, floats(in[1]), lastAxis(in[1]), nullptr,
                                    axis(in[0], 0), nullptr, 1, axis(out, 0), axis(out, 1), floats(out), false},
                      error);
    case Op::kAccumulateLinear:
      floats(out)[0] = 0;
      return multiply(WeightProduct{floats(in[1]), lastAxis(in[1]), nullptr, floats(in[2]), lastAxis(in[2]), nullptr,
                                    axis(in[1], 0), nullptr, 1, axis(in[0], 0), axis(in[0], 1), floats(in[0]), true},
                      error);
    case Op::kGroupedLinearGradInput:
    case Op::kGroupedLinearGradWeight:
    case Op::kAccumulateGroupedLinear: return runGroupedGradient(instruction, inputs, error);
    case Op::kCausalAttention:
    case Op::kCausalAttentionGrad: return runCausalAttention(instruction, inputs, error);
    case Op::kLinearCrossEntropy:
    case Op::kLinearCrossEntropyGrad: return runLinearCrossEntropy(instruction, inputs, error);
    case Op::kMuon: return runMuon(instruction, error);
    default: return runTrainingRows(instruction, inputs, error);
  }
}

}  // namespace dots
