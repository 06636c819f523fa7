// Causal attention of training: no cache, the whole of a document at once, and its gradient.
//
// One task is one document and one key head: its keys and values are packed once (gemm-tile.h) and used by the queries
// 64 rows at a time. Scores of those rows exist in the cache only, and keys after the last query of the 64 are never
// touched.
#pragma once

#include <cstdint>

#include "isa-dispatch.h"

namespace dots {

constexpr int64_t kMaxTrainedHeadWidth = 256;

struct CausalDocument {
  const float* q_TNH;
  const float* k_TGH;
  const float* v_TGH;
  int64_t numHeads, numKeyHeads, headWidth;  // N, G, H; N is a multiple of G
  const int32_t* tokens;                     // of the document, in its order
  int64_t numTokens;
  int64_t keyHead;
};

DOTS_DECLARE_KERNEL(
    /// Floats of scratch memory for a document of at most numTokens.
    int64_t causalAttentionScratch(int64_t numTokens, int64_t headWidth))

DOTS_DECLARE_KERNEL(
    /// Fills the rows of y_TNH that belong to the document's tokens and to the query heads of its key head.
    void causalAttention(const CausalDocument& document, float* y_TNH, float* scratch))

DOTS_DECLARE_KERNEL(
    /// Gradients of queries, keys and values, packed: [T, N + 2 G, H].
    void causalAttentionGrad(const CausalDocument& document, const float* gradient_TNH, float* packed, float* scratch))

}  // namespace dots
