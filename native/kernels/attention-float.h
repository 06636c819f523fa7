// Scores and values of an f32 or f16 KV cache.
//
// A score is sixteen partial sums (lane l takes elements l, 16 + l, 32 + l ... in order), added from lane 0 to lane 15:
// what one query gets from the cells as they lie, and what a tile of queries can do with keys in its lanes.
#pragma once

#include "attention-run.h"

namespace dots {
namespace DOTS_ISA {

/// load(j, c): elements 16c...16c+15 of position j, zeros after the head's end. kWhole: H is a multiple of 16.
template <KvType kType, bool kWhole>
class Cells;

template <bool kWhole>
class Cells<KvType::kF32, kWhole> {
 public:
  DOTS_METHOD Cells(const uint8_t* page, int headWidth)
      : cells_(reinterpret_cast<const float*>(page)), headWidth_(headWidth) {}
  DOTS_METHOD Vec16 load(int j, int c) const {
    const float* p = cells_ + static_cast<size_t>(j) * headWidth_ + 16 * c;
    if (kWhole || 16 * c + 16 <= headWidth_) return load16(p);
    return loadTail16(p, headWidth_ - 16 * c);
  }

 private:
  const float* cells_;
  int headWidth_;
};

template <bool kWhole>
class Cells<KvType::kF16, kWhole> {
 public:
  DOTS_METHOD Cells(const uint8_t* page, int headWidth)
      : cells_(reinterpret_cast<const uint16_t*>(page)), headWidth_(headWidth) {}
  DOTS_METHOD Vec16 load(int j, int c) const {
    const uint16_t* p = cells_ + static_cast<size_t>(j) * headWidth_ + 16 * c;
    if (kWhole || 16 * c + 16 <= headWidth_) return loadF16x16(p);
    uint16_t lanes[16];
    return loadF16x16(padded(p, headWidth_ - 16 * c, lanes));
  }

 private:
  const uint16_t* cells_;
  int headWidth_;
};

template <class CellsT>
DOTS_INLINE void scoreRow(const CellsT& keys, const float* q, int chunks, int visible, float* scores,
                          const NextBlock& next) {
  Prefetch prefetch(next.keys, next.pageBytes, kPageSize / 4 * chunks);
  for (int j0 = 0; j0 < visible; j0 += 16) {
    Vec16 partial[16];
    for (int i = 0; i < 16; i += 4) {
      // Keys after the last visible one are not read; the values in their place are discarded.
      int j[4];
      Vec16 sum[4];
      DOTS_UNROLL
      for (int u = 0; u < 4; ++u) {
        j[u] = minOf(j0 + i + u, visible - 1);
        sum[u] = set16(0.0f);
      }
      for (int c = 0; c < chunks; ++c) {
        prefetch.step();
        const Vec16 qc = load16(q + 16 * c);
        DOTS_UNROLL
        for (int u = 0; u < 4; ++u) sum[u] = fma(qc, keys.load(j[u], c), sum[u]);
      }
      DOTS_UNROLL
      for (int u = 0; u < 4; ++u) partial[i + u] = sum[u];
    }
    transpose16(partial);
    Vec16 total = partial[0];
    DOTS_UNROLL
    for (int l = 1; l < 16; ++l) total = add(total, partial[l]);
    store16(scores + j0, total);
  }
}

// The order in which `scoreTile` walks the elements: all of lane 0, all of lane 1, ...
DOTS_INLINE int tileOrder(int h, int chunks) { return (h % 16) * chunks + h / 16; }

template <class CellsT>
DOTS_INLINE void widenKeys(const CellsT& keys, int visible, const Run& run) {
  for (int j0 = 0; j0 < visible; j0 += 16) {
    float* panel = run.keys + j0 * run.padded;
    for (int c = 0; c < run.chunks; ++c) {
      Vec16 block[16];
      for (int i = 0; i < 16; ++i) block[i] = keys.load(minOf(j0 + i, visible - 1), c);
      transpose16(block);
      for (int l = 0; l < 16; ++l) store16(panel + tileOrder(16 * c + l, run.chunks) * 16, block[l]);
    }
  }
}

// kChunks: run.chunks where the compiler is to know it, or 0.
template <int kRows, int kKeys, int kChunks>
static __attribute__((noinline)) void scoreTile(const Run& run, int row, int j0) {
  const int chunks = kChunks ? kChunks : run.chunks, padded = 16 * chunks;
  const float* q = run.q + row * padded;
  const float* panel = run.keys + j0 * padded;
  float* scores = run.scores + row * kPageSize + j0;
  Vec16 total[kRows][kKeys];
  DOTS_UNROLL
  for (int m = 0; m < kRows; ++m) {
    DOTS_UNROLL
    for (int v = 0; v < kKeys; ++v) total[m][v] = set16(-0.0f);  // -0 + x is x for every x, zeros included
  }
  for (int l = 0; l < 16; ++l) {
    Vec16 sum[kRows][kKeys];
    DOTS_UNROLL
    for (int m = 0; m < kRows; ++m) {
      DOTS_UNROLL
      for (int v = 0; v < kKeys; ++v) sum[m][v] = set16(0.0f);
    }
    const auto step = [&](int i) __attribute__((always_inline)) {
      Vec16 k[kKeys];
      DOTS_UNROLL
      for (int v = 0; v < kKeys; ++v) k[v] = load16(panel + (v * padded + i) * 16);
      DOTS_UNROLL
      for (int m = 0; m < kRows; ++m) {
        const Vec16 qi = set16(q[m * padded + i]);
        DOTS_UNROLL
        for (int v = 0; v < kKeys; ++v) sum[m][v] = fma(qi, k[v], sum[m][v]);
      }
    };
    if (kChunks) {
      DOTS_UNROLL
      for (int i = 0; i < kChunks; ++i) step(i);
    } else {
      for (int i = 0; i < chunks; ++i) step(i);
    }
    q += chunks;
    panel += 16 * chunks;
    DOTS_UNROLL
    for (int m = 0; m < kRows; ++m) {
      DOTS_UNROLL
      for (int v = 0; v < kKeys; ++v) total[m][v] = add(total[m][v], sum[m][v]);
    }
  }
  DOTS_UNROLL
  for (int m = 0; m < kRows; ++m) {
    DOTS_UNROLL
    for (int v = 0; v < kKeys; ++v) store16(scores + m * kPageSize + 16 * v, total[m][v]);
  }
}

template <KvType kType, bool kWhole>
struct FloatPages {
  using Page = Cells<kType, kWhole>;

  static void setQuery(const Run& run, int row, const float* q_H, float scale, bool tiles) {
    float* q = run.q + row * run.padded;
    for (int h = 0; h < run.padded; ++h)
      q[tiles ? tileOrder(h, run.chunks) : h] = h < run.headWidth ? q_H[h] * scale : 0.0f;
  }

  static void walkRow(const Run& run, const uint8_t* keys, const uint8_t* values, int row, int block,
                      const NextBlock& next) {
    float weights[kPageSize];
    const int visible = visibleKeys(run, row, block);
    scoreRow(Page(keys, run.headWidth), run.q + row * run.padded, run.chunks, visible, weights, next);
    const float decay = softmaxBlock(weights, visible, run.maximum + row, run.denominator + 16 * row);
    mixRow<0>(Page(values, run.headWidth), weights, decay, visible, run.chunks, run.y + row * run.padded, next);
  }

  template <int kRows>
  static void tile(const Run& run, const uint8_t*, int row, int j0) {
    // Known trip counts are worth a second copy for the model's own width.
    if (run.chunks == 8) return scoreTile<kRows, kTileKeys, 8>(run, row, j0);
    scoreTile<kRows, kTileKeys, 0>(run, row, j0);
  }

  static void walkTiles(const Run& run, const uint8_t* keys, const uint8_t* values, int first, int numRows, int block,
                        const NextBlock& next) {
    const int visible = visibleKeys(run, numRows - 1, block);
    widenKeys(Page(keys, run.headWidth), visible, run);
    widenValues(Page(values, run.headWidth), visible, run);
    scoreTiles<FloatPages>(run, keys, first, numRows, block, next);
    mixTiles<0>(run, run.scores, first, numRows, block);
  }
};

}  // namespace DOTS_ISA
}  // namespace dots
