// softmax(q k^T) v, a block of keys at a time, for runs of queries that share a key/value head.
//
// One canonical arithmetic, in two shapes. A score is sixteen partial sums (lane l takes elements l, 16 + l, 32 + l ...
// in order), added from lane 0 to lane 15. Per block, every row updates its maximum, its sixteen-lane denominator and
// its output once; outputs add up key by key. `scoreRow` and `mixRow` do that for one query straight from the cells,
// where memory is the limit. `scoreTile` and `mixTile` do it for six queries in registers against a block widened to
// f32 once for the whole run, where arithmetic is the limit. Masked keys are never computed with, only skipped.
#include "attention.h"

#include "attention-cells.h"

namespace dots {
namespace DOTS_ISA {

// Queries that share one widening of a block: widening costs about as much as three rows, and 128 rows of q, output
// and scores (H = 128: 160 KiB) stay in any L2 beside the block (64 KiB).
constexpr int kRunRows = 128;
// Below this, widening and transposing the keys costs more than it saves.
constexpr int kMinTileRows = 3;
// Rows of a register tile. Six times two AVX2 registers are twelve sums in flight, enough to hide the latency of two
// FMA pipes, and leave four of sixteen registers for operands. AVX-512 and NEON have 32 registers.
#if defined(DOTS_AVX512)
constexpr int kTileRows = 6, kTileKeys = 2, kTileColumns = 4;  // keys and columns in units of Vec16
#elif defined(DOTS_PORTABLE)
constexpr int kTileRows = 2, kTileKeys = 1, kTileColumns = 1;
#else
constexpr int kTileRows = 6, kTileKeys = 1, kTileColumns = 1;
#endif
constexpr float kLog2e = 1.44269504088896341f;

// Working memory of one run of rows.
struct Run {
  int headWidth, chunks, padded;  // H; Vec16s in a row; 16 * chunks
  float* q;                       // [rows][padded], scaled; in tile order when the run uses tiles
  float* y;                       // [rows][padded], not yet divided
  float* denominator;             // [rows][16]
  float* maximum;                 // [rows]
  float* keys;                    // [kPageSize / 16][padded][16 keys], in tile order
  float* values;                  // [chunks][kPageSize][16]
  float* scores;                  // [rows][kPageSize]
  float* decay;                   // [rows]
  int32_t* position;              // [rows]
};

static size_t floatsOfRun(int headWidth) {
  const size_t padded = static_cast<size_t>((headWidth + 15) / 16) * 16;
  return kRunRows * (2 * padded + 16 + kPageSize + 3) + 2 * kPageSize * padded;
}

size_t attendWorkspaceBytes(int headWidth) { return floatsOfRun(headWidth) * sizeof(float) + 63; }

static Run makeRun(int headWidth, float* workspace) {
  Run run;
  run.headWidth = headWidth;
  run.chunks = (headWidth + 15) / 16;
  run.padded = 16 * run.chunks;
  // A vector that straddles two cache lines takes two loads.
  run.q = reinterpret_cast<float*>((reinterpret_cast<uintptr_t>(workspace) + 63) & ~static_cast<uintptr_t>(63));
  run.y = run.q + kRunRows * run.padded;
  run.denominator = run.y + kRunRows * run.padded;
  run.keys = run.denominator + kRunRows * 16;
  run.values = run.keys + kPageSize * run.padded;
  run.scores = run.values + kPageSize * run.padded;
  run.decay = run.scores + kRunRows * kPageSize;
  run.maximum = run.decay + kRunRows;
  run.position = reinterpret_cast<int32_t*>(run.maximum + kRunRows);
  return run;
}

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

// Asks for the cache lines of a page, a few with every step of the arithmetic: asked for in a burst they would fill
// all buffers for outstanding lines, and the loads that follow would wait.
class Prefetch {
 public:
  inline __attribute__((always_inline)) Prefetch(const uint8_t* page, size_t pageBytes, int numSteps)
      : next_(page),
        end_(page ? page + pageBytes : nullptr),
        stride_((pageBytes / 64 + static_cast<size_t>(numSteps)) / static_cast<size_t>(numSteps) * 64) {}
  inline __attribute__((always_inline)) void step() {
    if (next_ >= end_) return;
    for (size_t i = 0; i < stride_; i += 64) __builtin_prefetch(next_ + i, 0, 2);
    next_ += stride_;
  }

 private:
  const uint8_t* next_;
  const uint8_t* end_;
  size_t stride_;
};

// -- one query, straight from the cells -------------------------------------------------------------------------

template <class CellsT>
DOTS_INLINE void scoreRow(const CellsT& keys, const float* q, int chunks, int visible, float* scores,
                          const NextBlock& next) {
  Prefetch prefetch(next.keys, next.pageBytes, kPageSize / 4 * chunks);
  for (int j0 = 0; j0 < visible; j0 += 16) {
    Vec16 partial[16];
    for (int i = 0; i < 16; i += 4) {
      // Keys behind the last visible one are not read; what stands in their place is thrown away.
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

template <int kColumns, class CellsT>
DOTS_INLINE void mixRowColumns(const CellsT& values, const float* weights, int begin, int end, int c, float* y,
                               Prefetch* prefetch) {
  Vec16 sum[kColumns];
  DOTS_UNROLL
  for (int v = 0; v < kColumns; ++v) sum[v] = load16(y + 16 * (c + v));
  for (int j = begin; j < end; ++j) {
    if (prefetch) prefetch->step();
    const Vec16 w = set16(weights[j]);
    DOTS_UNROLL
    for (int v = 0; v < kColumns; ++v) sum[v] = fma(w, values.load(j, c + v), sum[v]);
  }
  DOTS_UNROLL
  for (int v = 0; v < kColumns; ++v) store16(y + 16 * (c + v), sum[v]);
}

template <class CellsT>
DOTS_INLINE void mixRow(const CellsT& values, const float* weights, float decay, int visible, int chunks, float* y,
                        const NextBlock& next) {
  for (int c = 0; c < chunks; ++c) store16(y + 16 * c, mul(load16(y + 16 * c), set16(decay)));
  Prefetch prefetch(next.values, next.pageBytes, kPageSize * (chunks / 4 + chunks % 4));
  int c = 0;
  for (; c + 4 <= chunks; c += 4) mixRowColumns<4>(values, weights, 0, visible, c, y, &prefetch);
  for (; c < chunks; ++c) mixRowColumns<1>(values, weights, 0, visible, c, y, &prefetch);
}

// -- tiles of queries, from a widened block ---------------------------------------------------------------------

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

struct WideValues {
  const float* panels;
  inline __attribute__((always_inline)) Vec16 load(int j, int c) const {
    return load16(panels + (c * kPageSize + j) * 16);
  }
};

template <class CellsT>
DOTS_INLINE void widenValues(const CellsT& values, int visible, const Run& run) {
  for (int c = 0; c < run.chunks; ++c)
    for (int j = 0; j < visible; ++j) store16(run.values + (c * kPageSize + j) * 16, values.load(j, c));
}

// kChunks: run.chunks where the compiler is to know it, or 0. Tiles stay functions of their own: inlined into the loop
// over panels, GCC runs out of registers for addresses and parks them in vector registers.
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

template <int kRows, int kColumns>
static __attribute__((noinline)) void mixTile(const Run& run, int row, int block, int c) {
  const WideValues values{run.values};
  const float* weights = run.scores + row * kPageSize;
  float* y = run.y + row * run.padded;
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
      const Vec16 w = set16(weights[m * kPageSize + j]);
      DOTS_UNROLL
      for (int v = 0; v < kColumns; ++v) sum[m][v] = fma(w, value[v], sum[m][v]);
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
      mixRowColumns<kColumns>(values, weights + m * kPageSize, fewest, visible, c, y + m * run.padded, nullptr);
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

template <int kKeys>
struct ScoreTiles {
  const Run& context;
  int block, j0;
  Prefetch* nextKeys;
  Prefetch* nextValues;
  template <int kRows>
  void run(int row) const {
    nextKeys->step();
    nextValues->step();
    // Keys that not even the last row of the tile sees are left out.
    if (visibleKeys(context, row + kRows - 1, block) <= j0) return;
    if (context.chunks == 8) return scoreTile<kRows, kKeys, 8>(context, row, j0);
    scoreTile<kRows, kKeys, 0>(context, row, j0);
  }
};

template <int kColumns>
struct MixTiles {
  const Run& context;
  int block, c;
  template <int kRows>
  void run(int row) const {
    mixTile<kRows, kColumns>(context, row, block, c);
  }
};

// One panel of keys or values (H = 128: 4 to 16 KiB) stays in L1 while all rows pass by it.
static void tilesOfBlock(const Run& run, int first, int numRows, int block, const NextBlock& next) {
  const int visible = visibleKeys(run, numRows - 1, block);
  const int numSteps = (numRows - first + kTileRows - 1) / kTileRows * (kPageSize / (16 * kTileKeys));
  Prefetch nextKeys(next.keys, next.pageBytes, numSteps), nextValues(next.values, next.pageBytes, numSteps);
  for (int j0 = 0; j0 < visible; j0 += 16 * kTileKeys) {
    forTiles(ScoreTiles<kTileKeys>{run, block, j0, &nextKeys, &nextValues}, first, numRows);
  }
  for (int i = first; i < numRows; ++i)
    run.decay[i] = softmaxBlock(run.scores + i * kPageSize, visibleKeys(run, i, block), run.maximum + i,
                                run.denominator + i * 16);
  int c = 0;
  for (; c + kTileColumns <= run.chunks; c += kTileColumns)
    forTiles(MixTiles<kTileColumns>{run, block, c}, first, numRows);
  for (; c < run.chunks; ++c) forTiles(MixTiles<1>{run, block, c}, first, numRows);
}

// -- a run ------------------------------------------------------------------------------------------------------

// Rows of a run: query heads of one key/value head, token by token. Row i is token i / share, head i % share.
struct Rows {
  const KvLayer* layer;
  const int32_t* pages;  // of the sequence
  int64_t firstToken, numQueryHeads, firstHead, share;
  int64_t head;  // key/value head
};

DOTS_INLINE size_t offsetOfRow(const Rows& rows, int64_t i, int headWidth) {
  const int64_t token = rows.firstToken + i / rows.share, head = rows.firstHead + i % rows.share;
  return static_cast<size_t>(token * rows.numQueryHeads + head) * static_cast<size_t>(headWidth);
}

static void beginRun(const Run& run, const Rows& rows, const KvStep& step, const float* q_TNH, int64_t begin,
                     int numRows) {
  const bool tiles = numRows >= kMinTileRows;
  const float scale = kLog2e / __builtin_sqrtf(static_cast<float>(run.headWidth));
  for (int i = 0; i < numRows; ++i) {
    const float* q_H = q_TNH + offsetOfRow(rows, begin + i, run.headWidth);
    float* q = run.q + i * run.padded;
    for (int h = 0; h < run.padded; ++h) {
      const float value = h < run.headWidth ? q_H[h] * scale : 0.0f;
      q[tiles ? tileOrder(h, run.chunks) : h] = value;
    }
    run.position[i] = step.positions_T[rows.firstToken + (begin + i) / rows.share];
    run.maximum[i] = -__builtin_inff();
  }
  memset(run.y, 0, sizeof(float) * static_cast<size_t>(numRows * run.padded));
  memset(run.denominator, 0, sizeof(float) * static_cast<size_t>(numRows * 16));
}

static void endRun(const Run& run, const Rows& rows, float* y_TNH, int64_t begin, int numRows) {
  for (int i = 0; i < numRows; ++i) {
    float* y_H = y_TNH + offsetOfRow(rows, begin + i, run.headWidth);
    const Vec16 denominator = set16(reduceAdd16(load16(run.denominator + 16 * i)));
    for (int c = 0; c < run.chunks; ++c) {
      const Vec16 y = div(load16(run.y + i * run.padded + 16 * c), denominator);
      if (16 * c + 16 <= run.headWidth) {
        store16(y_H + 16 * c, y);
      } else {
        storeTail16(y_H + 16 * c, y, run.headWidth - 16 * c);
      }
    }
  }
}

template <KvType kType, bool kWhole>
static void walkBlocks(const Run& run, const Rows& rows, int numRows) {
  const size_t pageBytes = headPageBytes(kType, run.headWidth);
  const int lastBlock = run.position[numRows - 1] / kPageSize;
  const bool tiles = numRows >= kMinTileRows;
  // Scales of one block of keys and one of values (kQ8_0 only).
  constexpr int kScales = kType == KvType::kQ8_0 ? kPageSize * kMaxHeadWidth / kScaleBlock : 1;
  float keyScales[kScales], valueScales[kScales];
  int first = 0;
  for (int block = 0; block <= lastBlock; ++block) {
    while (run.position[first] < block * kPageSize) ++first;
    const auto offsetOf = [&](int b) {
      return static_cast<size_t>(static_cast<int64_t>(rows.pages[b]) * rows.layer->numHeads + rows.head) * pageBytes;
    };
    const Cells<kType, kWhole> keys(rows.layer->keys + offsetOf(block), run.headWidth, keyScales);
    const Cells<kType, kWhole> values(rows.layer->values + offsetOf(block), run.headWidth, valueScales);
    NextBlock next{nullptr, nullptr, pageBytes};
    if (block < lastBlock) {
      next.keys = rows.layer->keys + offsetOf(block + 1);
      next.values = rows.layer->values + offsetOf(block + 1);
    }
    if (tiles) {
      const int visible = visibleKeys(run, numRows - 1, block);
      widenKeys(keys, visible, run);
      widenValues(values, visible, run);
      tilesOfBlock(run, first, numRows, block, next);
      continue;
    }
    for (int i = first; i < numRows; ++i) {
      float weights[kPageSize];
      const int visible = visibleKeys(run, i, block);
      scoreRow(keys, run.q + i * run.padded, run.chunks, visible, weights, next);
      const float decay = softmaxBlock(weights, visible, run.maximum + i, run.denominator + 16 * i);
      mixRow(values, weights, decay, visible, run.chunks, run.y + i * run.padded, next);
    }
  }
}

static void walk(const Run& run, const Rows& rows, int numRows) {
  const bool whole = run.headWidth % 16 == 0;
  switch (rows.layer->type) {
    case KvType::kF32:
      return whole ? walkBlocks<KvType::kF32, true>(run, rows, numRows)
                   : walkBlocks<KvType::kF32, false>(run, rows, numRows);
    case KvType::kF16:
      return whole ? walkBlocks<KvType::kF16, true>(run, rows, numRows)
                   : walkBlocks<KvType::kF16, false>(run, rows, numRows);
    default:
      return whole ? walkBlocks<KvType::kQ8_0, true>(run, rows, numRows)
                   : walkBlocks<KvType::kQ8_0, false>(run, rows, numRows);
  }
}

int64_t planAttention(const KvStep& step, int64_t numQueryHeads, int64_t numHeads, int32_t* starts) {
  const int64_t tokensPerRun = maxOf<int64_t>(1, kRunRows / (numQueryHeads / numHeads));
  int64_t count = 0;
  for (int64_t t = 0; t < step.numTokens; ++t) {
    const bool fits = t > 0 && step.sequences_T[t] == step.sequences_T[t - 1] && t - starts[count - 1] < tokensPerRun;
    if (!fits) starts[count++] = static_cast<int32_t>(t);
  }
  starts[count] = static_cast<int32_t>(step.numTokens);
  return count;
}

void attend(const KvLayer& layer, const KvStep& step, int64_t numQueryHeads, const int32_t* starts, int64_t numTiles,
            const float* q_TNH, float* y_TNH, float* workspace, int64_t begin, int64_t end) {
  const Run run = makeRun(layer.headWidth, workspace);
  const int64_t share = numQueryHeads / layer.numHeads;
  for (int64_t item = begin; item < end; ++item) {
    // A prompt's last queries see the most keys: they start first, so that no thread ends the step with a long one.
    const int64_t tile = numTiles - 1 - item / layer.numHeads, head = item % layer.numHeads;
    const int64_t firstToken = starts[tile], numRows = (starts[tile + 1] - firstToken) * share;
    const int32_t* pages = step.pages_BP + step.sequences_T[firstToken] * step.pagesPerSequence;
    const Rows rows{&layer, pages, firstToken, numQueryHeads, head * share, share, head};
    for (int64_t row = 0; row < numRows; row += kRunRows) {
      const int count = static_cast<int>(minOf<int64_t>(kRunRows, numRows - row));
      beginRun(run, rows, step, q_TNH, row, count);
      walk(run, rows, count);
      endRun(run, rows, y_TNH, row, count);
    }
  }
}

}  // namespace DOTS_ISA
}  // namespace dots
