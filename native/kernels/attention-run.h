// A run: queries that walk the cells of one key/value head together, and what all types of cells have in common:
// the online softmax, adding up values, and asking for the next page.
#pragma once

#include "attention-cells.h"

namespace dots {
namespace DOTS_ISA {

// Queries that share one widening of a block: widening costs about as much as three rows, and 128 rows of q, output
// and scores (H = 128: 160 KiB) stay in any L2 together with the block (64 KiB).
constexpr int kRunRows = 128;
// Below this, widening and transposing the keys costs more than it saves.
constexpr int kMinTileRows = 3;
#if defined(DOTS_PORTABLE)
constexpr bool kHasTiles = false;  // nothing to put tiles into
#else
constexpr bool kHasTiles = true;
#endif
// Rows of a register tile. Six times two AVX2 registers are twelve sums in flight, enough to hide the latency of two
// FMA pipes, and leave four of sixteen registers for operands. AVX-512 and NEON have 32 registers. Tiles of any size
// give the same bits, so sanitizer builds take small ones, which compile in a fraction of the minutes.
#if defined(DOTS_SMALL_CODE)
constexpr int kTileRows = 2, kTileKeys = 1, kTileColumns = 2;
#elif defined(DOTS_AVX512)
constexpr int kTileRows = 6, kTileKeys = 2, kTileColumns = 4;  // keys and columns in units of Vec16
#else
constexpr int kTileRows = 6, kTileKeys = 1, kTileColumns = 1;
#endif

struct Run {
  int headWidth, chunks, padded;  // H; Vec16s in a row; 16 * chunks
  float* q;                       // [rows][padded]; its content depends on the type of the cache
  float* queryScale;              // [rows][padded / kScaleBlock]; kQ8_0
  float* y;                       // [rows][padded], not yet divided
  float* denominator;             // [rows][16]
  float* maximum;                 // [rows]
  float* keys;                    // [kPageSize / 16][padded][16 keys]
  float* values;                  // [chunks][kPageSize][16]
  float* scores;                  // [rows][kPageSize]
  float* scaled;                  // [padded / kScaleBlock][rows][kPageSize]; kQ8_0
  float* decay;                   // [rows]
  int32_t* position;              // [rows]
};

DOTS_INLINE int visibleKeys(const Run& run, int row, int block) {
  return minOf(kPageSize, run.position[row] - block * kPageSize + 1);
}

// Scores (in base 2) to weights, in place; the row's state moves on by one block. Returns what its output must be
// multiplied with before this block's values are added.
DOTS_INLINE float softmaxBlock(float* weights, int visible, float* maximum, float* denominator) {
  for (int j = visible; j < kPageSize; ++j) weights[j] = -__builtin_inff();
  Vec16 x[4];
  DOTS_UNROLL
  for (int i = 0; i < 4; ++i) x[i] = load16(weights + 16 * i);
  const float before = *maximum;
  const float after = maxOf(before, reduceMax16(max(max(x[0], x[1]), max(x[2], x[3]))));
  const Vec16 shift = set16(after);
  Vec16 sum = softmaxExp2(sub(x[0], shift));
  store16(weights, sum);
  DOTS_UNROLL
  for (int i = 1; i < 4; ++i) {
    const Vec16 w = softmaxExp2(sub(x[i], shift));
    store16(weights + 16 * i, w);
    sum = add(sum, w);
  }
  const Vec16 decay = softmaxExp2(sub(set16(before), shift));
  store16(denominator, fma(load16(denominator), decay, sum));
  *maximum = after;
  float lanes[16];
  store16(lanes, decay);
  return lanes[0];
}

// The cells of the block after this one, or null. They may lie anywhere, so hardware prefetchers stop at their border.
struct NextBlock {
  const uint8_t* keys;
  const uint8_t* values;
  size_t pageBytes;
};

// Asks for the cache lines of a page, a few with every step of the arithmetic: requested in a burst they would fill
// all buffers for outstanding lines, and the loads that follow would wait.
class Prefetch {
 public:
  DOTS_METHOD Prefetch(const uint8_t* page, size_t pageBytes, int numSteps)
      : next_(page),
        end_(page ? page + pageBytes : nullptr),
        stride_((pageBytes / 64 + static_cast<size_t>(numSteps)) / static_cast<size_t>(numSteps) * 64) {}
  DOTS_METHOD void step() {
    if (next_ >= end_) return;
    for (size_t i = 0; i < stride_; i += 64) __builtin_prefetch(next_ + i, 0, 2);
    next_ += stride_;
  }

 private:
  const uint8_t* next_;
  const uint8_t* end_;
  size_t stride_;
};

// y += weights * values for a few Vec16s of one row. kStride: 0, or how far apart the weights of one scale block and of
// the next are (kQ8_0).
template <int kColumns, int kStride, class CellsT>
DOTS_INLINE void mixRowColumns(const CellsT& values, const float* weights, int begin, int end, int c, float* y,
                               Prefetch* prefetch) {
  constexpr int kWeights = kStride ? (kColumns + 1) / 2 : 1;
  Vec16 sum[kColumns];
  DOTS_UNROLL
  for (int v = 0; v < kColumns; ++v) sum[v] = load16(y + 16 * (c + v));
  for (int j = begin; j < end; ++j) {
    if (prefetch) prefetch->step();
    Vec16 w[kWeights];
    DOTS_UNROLL
    for (int i = 0; i < kWeights; ++i) w[i] = set16(weights[i * kStride + j]);
    DOTS_UNROLL
    for (int v = 0; v < kColumns; ++v) sum[v] = fma(w[kStride ? v / 2 : 0], values.load(j, c + v), sum[v]);
  }
  DOTS_UNROLL
  for (int v = 0; v < kColumns; ++v) store16(y + 16 * (c + v), sum[v]);
}

template <int kStride, class CellsT>
DOTS_INLINE void mixRow(const CellsT& values, const float* weights, float decay, int visible, int chunks, float* y,
                        const NextBlock& next) {
  for (int c = 0; c < chunks; ++c) store16(y + 16 * c, mul(load16(y + 16 * c), set16(decay)));
  Prefetch prefetch(next.values, next.pageBytes, kPageSize * (chunks / 4 + chunks % 4));
  int c = 0;
  for (; c + 4 <= chunks; c += 4)
    mixRowColumns<4, kStride>(values, weights + c / 2 * kStride, 0, visible, c, y, &prefetch);
  for (; c < chunks; ++c) mixRowColumns<1, kStride>(values, weights + c / 2 * kStride, 0, visible, c, y, &prefetch);
}

// Values widened to f32, read like cells.
struct WideValues {
  const float* panels;
  DOTS_METHOD Vec16 load(int j, int c) const { return load16(panels + (c * kPageSize + j) * 16); }
};

template <class CellsT>
DOTS_INLINE void widenValues(const CellsT& values, int visible, const Run& run) {
  for (int c = 0; c < run.chunks; ++c)
    for (int j = 0; j < visible; ++j) store16(run.values + (c * kPageSize + j) * 16, values.load(j, c));
}

// Tiles stay functions of their own: inlined into the loop over panels, GCC runs out of registers for addresses and
// parks them in vector registers.
template <int kRows, int kColumns, int kStride>
static __attribute__((noinline)) void mixTile(const Run& run, const float* weights, int row, int block, int c) {
  constexpr int kWeights = kStride ? (kColumns + 1) / 2 : 1;
  const WideValues values{run.values};
  float* y = run.y + row * run.padded;
  weights += row * kPageSize + c / 2 * kStride;
  // Positions ascend: the first row sees the fewest keys.
  const int fewest = visibleKeys(run, row, block);
  Vec16 sum[kRows][kColumns];
  DOTS_UNROLL
  for (int m = 0; m < kRows; ++m) {
    DOTS_UNROLL
    for (int v = 0; v < kColumns; ++v)
      sum[m][v] = mul(load16(y + m * run.padded + 16 * (c + v)), set16(run.decay[row + m]));
  }
  for (int j = 0; j < fewest; ++j) {
    Vec16 value[kColumns];
    DOTS_UNROLL
    for (int v = 0; v < kColumns; ++v) value[v] = values.load(j, c + v);
    DOTS_UNROLL
    for (int m = 0; m < kRows; ++m) {
      Vec16 w[kWeights];
      DOTS_UNROLL
      for (int i = 0; i < kWeights; ++i) w[i] = set16(weights[m * kPageSize + i * kStride + j]);
      DOTS_UNROLL
      for (int v = 0; v < kColumns; ++v) sum[m][v] = fma(w[kStride ? v / 2 : 0], value[v], sum[m][v]);
    }
  }
  DOTS_UNROLL
  for (int m = 0; m < kRows; ++m) {
    DOTS_UNROLL
    for (int v = 0; v < kColumns; ++v) store16(y + m * run.padded + 16 * (c + v), sum[m][v]);
  }
  // The staircase at the causal edge. Adding masked values with weight zero instead would turn a NaN or an infinity
  // of a later token into one of this row, or a -0 into a +0.
  for (int m = 1; m < kRows; ++m) {
    const int visible = visibleKeys(run, row + m, block);
    if (visible > fewest)
      mixRowColumns<kColumns, kStride>(values, weights + m * kPageSize, fewest, visible, c, y + m * run.padded,
                                       nullptr);
  }
}

// Calls tile.run<kRows>(row) for rows first...numRows-1, as many at a time as fit into registers.
template <int kRows, class Tile>
DOTS_INLINE void lastTile(const Tile& tile, int row, int numRows) {
  if (numRows - row == kRows) return tile.template run<kRows>(row);
  if constexpr (kRows > 1) lastTile<kRows - 1>(tile, row, numRows);
}
template <class Tile>
DOTS_INLINE void forTiles(const Tile& tile, int row, int numRows) {
  for (; numRows - row >= kTileRows; row += kTileRows) tile.template run<kTileRows>(row);
  lastTile<kTileRows - 1>(tile, row, numRows);
}

template <int kColumns, int kStride>
struct MixTiles {
  const Run& context;
  const float* weights;
  int block, c;
  template <int kRows>
  void run(int row) const {
    mixTile<kRows, kColumns, kStride>(context, weights, row, block, c);
  }
};

// One panel of keys or values (H = 128: 4 to 16 KiB) stays in L1 while all rows pass by it.
template <int kStride>
static void mixTiles(const Run& run, const float* weights, int first, int numRows, int block) {
  int c = 0;
  for (; c + kTileColumns <= run.chunks; c += kTileColumns)
    forTiles(MixTiles<kTileColumns, kStride>{run, weights, block, c}, first, numRows);
  for (; c < run.chunks; ++c) forTiles(MixTiles<1, kStride>{run, weights, block, c}, first, numRows);
}

// Score::tile<kRows>(run, keys, row, j0) for every tile of rows and panel of keys, then the softmax of every row.
template <class Score>
struct ScoreTiles {
  const Run& context;
  const uint8_t* keys = nullptr;
  int block = 0, j0 = 0;
  Prefetch* nextKeys = nullptr;
  Prefetch* nextValues = nullptr;
  template <int kRows>
  void run(int row) const {
    nextKeys->step();
    nextValues->step();
    // Keys that not even the last row of the tile sees are left out.
    if (visibleKeys(context, row + kRows - 1, block) > j0) Score::template tile<kRows>(context, keys, row, j0);
  }
};

template <class Score>
static void scoreTiles(const Run& run, const uint8_t* keys, int first, int numRows, int block, const NextBlock& next) {
  const int visible = visibleKeys(run, numRows - 1, block);
  const int numSteps = (numRows - first + kTileRows - 1) / kTileRows * (kPageSize / (16 * kTileKeys));
  Prefetch nextKeys(next.keys, next.pageBytes, numSteps), nextValues(next.values, next.pageBytes, numSteps);
  ScoreTiles<Score> tiles{run};
  tiles.keys = keys;
  tiles.block = block;
  tiles.nextKeys = &nextKeys;
  tiles.nextValues = &nextValues;
  for (; tiles.j0 < visible; tiles.j0 += 16 * kTileKeys) forTiles(tiles, first, numRows);
  for (int i = first; i < numRows; ++i)
    run.decay[i] =
        softmaxBlock(run.scores + i * kPageSize, visibleKeys(run, i, block), run.maximum + i, run.denominator + i * 16);
}

}  // namespace DOTS_ISA
}  // namespace dots
