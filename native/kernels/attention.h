// Causal attention over a paged key/value cache, with an online softmax: no score matrix in memory.
//
// T tokens of this step, N query heads, G key/value heads (N is a multiple of G), H head width, P pages.
//
// Same bits always: a token's output depends on its query and on the cells 0...its position, and on nothing else, not
// on which tokens share the step, how a prompt was split into steps, or who computes it. Keys and values are always
// read back from the cells, blocks of kPageSize keys are walked from position 0, and the kernel for one query and the
// one for a tile of queries do the same arithmetic in the same order (docs/numerics.md).
#pragma once

#include <cstddef>
#include <cstdint>

#include "isa-dispatch.h"

namespace dots {

/// Positions in one page of the cache, and the block in which attention walks the keys.
constexpr int kPageSize = 64;
/// Wider heads are refused by checkKvStep.
constexpr int kMaxHeadWidth = 1024;

/// How a cell is stored. kQ8_0: one byte an element and an f16 scale for every 32 elements of a head; queries are
/// quantised in the same way for such keys.
enum class KvType : int32_t { kF32 = 0, kF16 = 1, kQ8_0 = 2 };

/// The cells of one layer: keys and values are each [P][G][headPageBytes(type, H)], in their own memory.
struct KvLayer {
  KvType type = KvType::kF32;
  int32_t numHeads = 0;   // G
  int32_t headWidth = 0;  // H
  int32_t numPages = 0;   // P
  uint8_t* keys = nullptr;
  uint8_t* values = nullptr;
};

/// The tokens of a step. Those of one sequence are consecutive, in ascending position.
struct KvStep {
  int64_t numTokens = 0;  // T
  const int32_t* positions_T = nullptr;
  const int32_t* sequences_T = nullptr;  // rows of pages_BP
  const int32_t* pages_BP = nullptr;     // page of positions 64p...64p+63 of each sequence
  int64_t numSequences = 0;
  int64_t pagesPerSequence = 0;
};

DOTS_DECLARE_KERNEL(
    /// Bytes of one page of one head (attention-cells.h has the layout).
    size_t headPageBytes(KvType type, int headWidth))

DOTS_DECLARE_KERNEL(
    /// Whether a step may be run: null, or what is wrong with it. Every position up to a token's own must have a page
    /// inside the layer; which of them hold written cells is the caller's business.
    const char* checkKvStep(const KvLayer& layer, const KvStep& step, int64_t numQueryHeads))

DOTS_DECLARE_KERNEL(
    /// Store this step's keys and values. Items [begin, end) of T * G, token-major. Values beyond the range of f16 are
    /// stored as its largest number.
    void writeKv(const KvLayer& layer, const KvStep& step, const float* k_TGH, const float* v_TGH, int64_t begin,
                 int64_t end))

DOTS_DECLARE_KERNEL(
    /// Cut the token axis into runs of queries that walk the cells together: starts[0...count] with count returned.
    /// `starts` has room for T + 1. The cut decides speed, never bits.
    int64_t planAttention(const KvStep& step, int64_t numQueryHeads, int64_t numHeads, int32_t* starts))

DOTS_DECLARE_KERNEL(
    /// Bytes of working memory that `attend` needs for each thread.
    size_t attendWorkspaceBytes(int headWidth))

DOTS_DECLARE_KERNEL(
    /// softmax(q k^T / sqrt(H)) v over the cells 0...position of each token; writeKv must be over. q_TNH -> y_TNH.
    /// Query head n reads head floor(n * G / N). Items [begin, end) of numTiles * G, the longest ones first.
    void attend(const KvLayer& layer, const KvStep& step, int64_t numQueryHeads, const int32_t* starts,
                int64_t numTiles, const float* q_TNH, float* y_TNH, float* workspace, int64_t begin, int64_t end))

}  // namespace dots
