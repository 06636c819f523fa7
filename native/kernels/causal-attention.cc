#include "causal-attention.h"

#include <math.h>

#include "gemm-tile.h"
#include "vec16.h"

namespace dots {
namespace DOTS_ISA {

// The length of a sum (gemm-tile.h): what 64 queries add to a key's gradient is one link of its chain.
constexpr int64_t kQueries = 64;

DOTS_INLINE int64_t paddedTo(int64_t count, int64_t to) { return (count + to - 1) / to * to; }

namespace {

/// Memory of one task, handed out piece by piece in 64-byte steps.
struct Pieces {
  float* next;
  float* take(int64_t numFloats) {
    float* const piece = next;
    next += paddedTo(numFloats, 16);
    return piece;
  }
};

}  // namespace

/// kGemmDepth columns of scores as panels of packGemmRows.
DOTS_INLINE int64_t turnedFloats() { return (kGemmDepth / gemmTileRows() + 1) * (kQueries * gemmTileRows() + 16); }

int64_t causalAttentionScratch(int64_t numTokens, int64_t headWidth) {
  const int64_t tokens = paddedTo(numTokens, kGemmDepth), width = paddedTo(headWidth, gemmPanelWidth());
  return 5 * tokens * width + 2 * kQueries * tokens + 5 * kQueries * kGemmDepth + 2 * turnedFloats() + 1024;
}

/// Scores of one block of queries, kGemmDepth keys after kGemmDepth keys: [S / kGemmDepth][kQueries][kGemmDepth], which
/// is how packGemmRows would lay them out.
DOTS_INLINE float* scoresAt(float* scores, int64_t row, int64_t key) {
  return scores + (key / kGemmDepth * kQueries + row) * kGemmDepth + key % kGemmDepth;
}

/// a (kQueries rows of a head) times all keys of packed panels of depth `width`.
DOTS_INLINE void multiplyByKeys(const float* a, const float* panels, int64_t width, int64_t numRows, int64_t numKeys,
                                float* scores) {
  for (int64_t key = 0; key < numKeys; key += kGemmDepth) {
    const int64_t here = minOf(kGemmDepth, numKeys - key);
    gemmBlock({a,
               false,
               panels + key * width,
               width,
               width,
               numRows,
               here,
               scoresAt(scores, 0, key),
               kGemmDepth,
               nullptr,
               true,
               {},
               0,
               0,
               0,
               0});
  }
}

/// scores (as weights) times the first numKeys rows of `numPacked` packed values: c[numRows][ldC].
DOTS_INLINE void multiplyByValues(const float* scores, const float* panels, int64_t numPacked, int64_t width,
                                  int64_t numRows, int64_t numKeys, float* c, int64_t ldC) {
  const int64_t padded = paddedTo(width, gemmPanelWidth());
  for (int64_t key = 0; key < numKeys; key += kGemmDepth) {
    // Panels of the last block are as deep as all keys of the document that are left, not only those seen so far.
    const int64_t here = minOf(kGemmDepth, numKeys - key), packed = minOf(kGemmDepth, numPacked - key);
    gemmBlock({scores + key * kQueries,
               false,
               panels + key * padded,
               packed,
               here,
               numRows,
               width,
               c,
               ldC,
               nullptr,
               key == 0,
               {},
               0,
               0,
               0,
               0});
  }
}

/// Rows of values (or keys) as panels for multiplyByValues; the last block may be shorter, and its panels with it.
DOTS_INLINE void packValues(const GemmOperand& rows, int64_t numKeys, int64_t width, float* packed) {
  const int64_t padded = paddedTo(width, gemmPanelWidth());
  for (int64_t key = 0; key < numKeys; key += kGemmDepth)
    packGemmPanels(rows, key, minOf(kGemmDepth, numKeys - key), 0, width, packed + key * padded);
}

/// Scores of one row become exp(score * scale - their maximum), zero from numSeen to numKeys; returns one over their
/// sum.
DOTS_INLINE float exponentials(float* scores, int64_t row, int64_t numSeen, int64_t numKeys, float scale) {
  Vec16 most = set16(-INFINITY);
  for (int64_t key = 0; key < numSeen; key += 16) {
    const float* at = scoresAt(scores, row, key);
    if (key + 16 <= numSeen) {
      most = max(load16(at), most);
      continue;
    }
    for (int i = 0; i < numSeen - key; ++i) most = max(set16(at[i]), most);
  }
  // 2^x has the shorter polynomial; scale is positive, so the largest product belongs to the largest score.
  const Vec16 factor = set16(scale * 1.44269504f), top = mul(set16(reduceMax16(most)), factor);
  Vec16 sum = set16(0.0f);
  int64_t key = 0;
  for (; key < numSeen; key += 16) {
    float* at = scoresAt(scores, row, key);
    const int n = static_cast<int>(minOf<int64_t>(16, numSeen - key));
    Vec16 e = softmaxExp2(sub(mul(load16(at), factor), top));
    if (n < 16) {
      float lanes[16];
      store16(lanes, e);
      e = loadTail16(lanes, n);
    }
    store16(at, e);
    sum = add(sum, e);
  }
  for (; key < numKeys; key += 16) store16(scoresAt(scores, row, key), set16(0.0f));
  return 1.0f / reduceAdd16(sum);
}

DOTS_INLINE GemmOperand headRows(const CausalDocument& d, const float* x, int64_t numHeads, int64_t head,
                                 bool isTransposed) {
  return {x + head * d.headWidth, numHeads * d.headWidth, d.tokens, isTransposed};
}

void causalAttention(const CausalDocument& d, float* y_TNH, float* scratch) {
  const int64_t S = d.numTokens, H = d.headWidth, padded = paddedTo(H, gemmPanelWidth());
  const int64_t numShared = d.numHeads / d.numKeyHeads;
  const float scale = 1.0f / __builtin_sqrtf(static_cast<float>(H));
  Pieces pieces{scratch};
  float* const keys = pieces.take(paddedTo(S, kGemmDepth) * H);
  float* const values = pieces.take(S * padded);
  float* const queries = pieces.take(kQueries * kGemmDepth);
  float* const scores = pieces.take(kQueries * paddedTo(S, kGemmDepth));
  float* const mixed = pieces.take(kQueries * padded);
  packGemmPanels(headRows(d, d.k_TGH, d.numKeyHeads, d.keyHead, false), 0, H, 0, S, keys);
  packValues(headRows(d, d.v_TGH, d.numKeyHeads, d.keyHead, true), S, H, values);
  for (int64_t head = d.keyHead * numShared; head < (d.keyHead + 1) * numShared; ++head)
    for (int64_t first = 0; first < S; first += kQueries) {
      const int64_t numRows = minOf(kQueries, S - first), numKeys = first + numRows;
      packGemmRows(headRows(d, d.q_TNH, d.numHeads, head, false), 0, H, first, first + numRows, queries);
      multiplyByKeys(queries, keys, H, numRows, numKeys, scores);
      float inverse[kQueries];
      for (int64_t row = 0; row < numRows; ++row)
        inverse[row] = exponentials(scores, row, first + row + 1, numKeys, scale);
      multiplyByValues(scores, values, S, H, numRows, numKeys, mixed, padded);
      for (int64_t row = 0; row < numRows; ++row) {
        float* y = y_TNH + (d.tokens[first + row] * d.numHeads + head) * H;
        for (int64_t i = 0; i < H; ++i) y[i] = mixed[row * padded + i] * inverse[row];
      }
    }
}

/// Weights p and their gradients become those of the products q·k, p · (dp - sum of p · dp) / sqrt(H); p is normalised
/// on the way.
DOTS_INLINE void scoreGradients(float* weights, float* gradients, int64_t row, int64_t numKeys, float inverse,
                                float scale) {
  Vec16 sum = set16(0.0f);
  for (int64_t key = 0; key < numKeys; key += 16) {
    float* p = scoresAt(weights, row, key);
    const Vec16 normalised = mul(load16(p), set16(inverse));
    store16(p, normalised);
    // After numKeys the weights are zero, and the gradients are anything, finite or not.
    const int n = static_cast<int>(minOf<int64_t>(16, numKeys - key));
    const float* dp = scoresAt(gradients, row, key);
    sum = fma(normalised, n == 16 ? load16(dp) : loadTail16(dp, n), sum);
  }
  const Vec16 mean = set16(reduceAdd16(sum));
  for (int64_t key = 0; key < numKeys; key += 16) {
    float* dp = scoresAt(gradients, row, key);
    store16(dp, mul(mul(load16(scoresAt(weights, row, key)), sub(load16(dp), mean)), set16(scale)));
  }
}

/// c[key] += the sum over rows of scores[row][key] * panels[row], for all keys.
DOTS_INLINE void addToKeys(const float* scores, const float* panels, int64_t numRows, int64_t numKeys, int64_t width,
                           float* turned, float* c, int64_t ldC) {
  for (int64_t key = 0; key < numKeys; key += kGemmDepth) {
    const int64_t here = minOf(kGemmDepth, numKeys - key);
    packGemmRows({scores + key * kQueries, kGemmDepth, nullptr, true}, 0, numRows, 0, here, turned);
    gemmBlock(
        {turned, true, panels, numRows, numRows, here, width, c + key * ldC, ldC, nullptr, false, {}, 0, 0, 0, 0});
  }
}

void causalAttentionGrad(const CausalDocument& d, const float* gradient_TNH, float* packed, float* scratch) {
  const int64_t S = d.numTokens, H = d.headWidth, padded = paddedTo(H, gemmPanelWidth()),
                tokens = paddedTo(S, kGemmDepth);
  const int64_t numShared = d.numHeads / d.numKeyHeads, numPacked = d.numHeads + 2 * d.numKeyHeads;
  const float scale = 1.0f / __builtin_sqrtf(static_cast<float>(H));
  Pieces pieces{scratch};
  float* const keys = pieces.take(tokens * H);
  float* const values = pieces.take(tokens * H);
  float* const keyRows = pieces.take(S * padded);
  float* const keyGradients = pieces.take(S * padded);
  float* const valueGradients = pieces.take(S * padded);
  float* const weights = pieces.take(kQueries * tokens);
  float* const gradients = pieces.take(kQueries * tokens);
  float* const queries = pieces.take(kQueries * kGemmDepth);
  float* const outputs = pieces.take(kQueries * kGemmDepth);
  float* const queryPanels = pieces.take(kQueries * padded);
  float* const outputPanels = pieces.take(kQueries * padded);
  float* const mixed = pieces.take(kQueries * padded);
  float* const turned = pieces.take(turnedFloats());
  packGemmPanels(headRows(d, d.k_TGH, d.numKeyHeads, d.keyHead, false), 0, H, 0, S, keys);
  packGemmPanels(headRows(d, d.v_TGH, d.numKeyHeads, d.keyHead, false), 0, H, 0, S, values);
  packValues(headRows(d, d.k_TGH, d.numKeyHeads, d.keyHead, true), S, H, keyRows);
  memset(keyGradients, 0, static_cast<size_t>(S * padded) * 4);
  memset(valueGradients, 0, static_cast<size_t>(S * padded) * 4);
  for (int64_t head = d.keyHead * numShared; head < (d.keyHead + 1) * numShared; ++head)
    for (int64_t first = 0; first < S; first += kQueries) {
      const int64_t numRows = minOf(kQueries, S - first), numKeys = first + numRows;
      packGemmRows(headRows(d, d.q_TNH, d.numHeads, head, false), 0, H, first, first + numRows, queries);
      packGemmRows(headRows(d, gradient_TNH, d.numHeads, head, false), 0, H, first, first + numRows, outputs);
      packGemmPanels(headRows(d, d.q_TNH, d.numHeads, head, true), first, numRows, 0, H, queryPanels);
      packGemmPanels(headRows(d, gradient_TNH, d.numHeads, head, true), first, numRows, 0, H, outputPanels);
      multiplyByKeys(queries, keys, H, numRows, numKeys, weights);
      multiplyByKeys(outputs, values, H, numRows, numKeys, gradients);
      for (int64_t row = 0; row < numRows; ++row) {
        const float inverse = exponentials(weights, row, first + row + 1, numKeys, scale);
        scoreGradients(weights, gradients, row, numKeys, inverse, scale);
      }
      addToKeys(weights, outputPanels, numRows, numKeys, H, turned, valueGradients, padded);
      addToKeys(gradients, queryPanels, numRows, numKeys, H, turned, keyGradients, padded);
      multiplyByValues(gradients, keyRows, S, H, numRows, numKeys, mixed, padded);
      for (int64_t row = 0; row < numRows; ++row)
        memcpy(packed + (d.tokens[first + row] * numPacked + head) * H, mixed + row * padded,
               static_cast<size_t>(H) * 4);
    }
  for (int64_t i = 0; i < S; ++i) {
    float* const at = packed + (d.tokens[i] * numPacked + d.numHeads + d.keyHead) * H;
    memcpy(at, keyGradients + i * padded, static_cast<size_t>(H) * 4);
    memcpy(at + d.numKeyHeads * H, valueGradients + i * padded, static_cast<size_t>(H) * 4);
  }
}

}  // namespace DOTS_ISA
}  // namespace dots
