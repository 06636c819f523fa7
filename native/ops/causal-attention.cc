// Causal attention inside documents, without a cache: q, k, v, sequences.
#include "op.h"

#include <algorithm>

#include "kernels/causal-attention.h"
#include "ops/causal-attention.h"

namespace dots::ops {

bool causalAttention::fits(const Operands& op) {
  return fitsCausalAttention(op, 0) && op.axis(kOut, 1) == op.axis(0, 1);
}

bool causalAttention::run(Call& op) { return attendToDocuments(op, 0); }

bool fitsCausalAttention(const Operands& op, int q) {
  if (!op.areFloats(q, q + 1, q + 2, kOut) || !op.isIntegers(q + 3) || op.rank(q) != 3 || op.rank(q + 1) != 3 ||
      op.rank(kOut) != 3)
    return false;
  const int64_t numTokens = op.axis(q, 0), numHeads = op.axis(q, 1), headWidth = op.axis(q, 2),
                numKeyHeads = op.axis(q + 1, 1);
  return op.axis(q + 1, 0) == numTokens && op.axis(q + 1, 2) == headWidth && numKeyHeads >= 1 && numHeads >= 1 &&
         numHeads % numKeyHeads == 0 && headWidth <= kMaxTrainedHeadWidth && op.elements(q + 2) == op.elements(q + 1) &&
         op.elements(q + 3) == numTokens && op.axis(kOut, 0) == numTokens && op.width(kOut) == headWidth;
}

bool attendToDocuments(Call& op, int q) {
  const bool isGradient = q > 0;
  const int64_t numTokens = op.axis(q, 0);
  if (numTokens == 0) return true;
  const int32_t* sequences_T = op.integers(q + 3);
  Buffer<int32_t>&tokens = op.workspace().documentTokens, &ends = op.workspace().documentEnds;
  if (!tokens.resize(static_cast<size_t>(numTokens))) return op.outOfMemory("a list of tokens");
  for (size_t t = 0; t < tokens.size(); ++t) tokens[t] = static_cast<int32_t>(t);
  // Documents are mostly consecutive already. The sort works in place where it finds no memory.
  const auto isEarlier = [&](int32_t a, int32_t b) { return sequences_T[a] < sequences_T[b]; };
  if (!std::is_sorted(tokens.begin(), tokens.end(), isEarlier))
    std::stable_sort(tokens.begin(), tokens.end(), isEarlier);
  ends.clear();
  int64_t longest = 0;
  for (int64_t t = 0; t < numTokens; ++t) {
    const bool isLast = t + 1 == numTokens ||
                        sequences_T[tokens[static_cast<size_t>(t)]] != sequences_T[tokens[static_cast<size_t>(t) + 1]];
    if (!isLast) continue;
    const int64_t begin = ends.empty() ? 0 : ends.back();
    longest = t + 1 - begin > longest ? t + 1 - begin : longest;
    if (!ends.push(static_cast<int32_t>(t + 1))) return op.outOfMemory("a list of documents");
  }
  CausalDocument common{};
  common.q_TNH = op.floats(q);
  common.k_TGH = op.floats(q + 1);
  common.v_TGH = op.floats(q + 2);
  common.numHeads = op.axis(q, 1);
  common.numKeyHeads = op.axis(q + 1, 1);
  common.headWidth = op.axis(q, 2);
  const int64_t floatsEach = (op.kernels().causalAttentionScratch(longest, common.headWidth) + 15) / 16 * 16;
  float* const scratch = op.scratch(floatsEach * op.pool().numThreads());
  if (!scratch) return false;
  const auto forward = op.kernels().causalAttention;
  const auto backward = op.kernels().causalAttentionGrad;
  op.pool().parallelFor(static_cast<int64_t>(ends.size()) * common.numKeyHeads, [&](int64_t task, int thread) {
    CausalDocument document = common;
    const size_t i = static_cast<size_t>(task / common.numKeyHeads);
    const int32_t begin = i == 0 ? 0 : ends[i - 1];
    document.tokens = tokens.data() + begin;
    document.numTokens = ends[i] - begin;
    document.keyHead = task % common.numKeyHeads;
    if (isGradient)
      backward(document, op.floats(0), op.floats(kOut), scratch + thread * floatsEach);
    else
      forward(document, op.floats(kOut), scratch + thread * floatsEach);
  });
  return true;
}

}  // namespace dots::ops
