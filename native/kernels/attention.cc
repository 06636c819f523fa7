// softmax(q k^T) v, a block of keys at a time, for runs of queries that share a key/value head.
//
// Per block, every row updates its maximum, its sixteen-lane denominator and its output once; outputs add up key by
// key. The types of cells (attention-float.h, attention-q8.h) do that in two shapes with one arithmetic: for one query
// straight from the cells, where memory is the limit, and for six queries in registers against a block widened to f32
// once for the whole run, where arithmetic is the limit. Masked keys are never computed with, only skipped.
#include "attention.h"

#include "attention-float.h"
#include "attention-q8.h"

namespace dots {
namespace DOTS_ISA {

constexpr float kLog2e = 1.44269504088896341f;  // scores are in base 2: exp2 needs no multiplication

DOTS_INLINE size_t wholeBlocks(int headWidth) { return static_cast<size_t>(scaleBlocks(headWidth)) * kScaleBlock; }

size_t attendWorkspaceBytes(int headWidth) {
  const size_t padded = wholeBlocks(headWidth), blocks = padded / kScaleBlock;
  const size_t floats =
      kRunRows * (2 * padded + blocks * (1 + kPageSize) + 16 + kPageSize + 3) + 2 * kPageSize * padded;
  return floats * sizeof(float) + 63;
}

static Run makeRun(KvType type, int headWidth, float* workspace) {
  const int most = static_cast<int>(wholeBlocks(headWidth)), blocks = most / kScaleBlock;
  Run run;
  run.headWidth = headWidth;
  run.padded = type == KvType::kQ8_0 ? most : (headWidth + 15) / 16 * 16;
  run.chunks = run.padded / 16;
  // A vector that straddles two cache lines takes two loads.
  run.q = reinterpret_cast<float*>((reinterpret_cast<uintptr_t>(workspace) + 63) & ~static_cast<uintptr_t>(63));
  run.y = run.q + kRunRows * most;
  run.denominator = run.y + kRunRows * most;
  run.keys = run.denominator + kRunRows * 16;
  run.values = run.keys + kPageSize * most;
  run.scores = run.values + kPageSize * most;
  run.scaled = run.scores + kRunRows * kPageSize;
  run.queryScale = run.scaled + kRunRows * blocks * kPageSize;
  run.decay = run.queryScale + kRunRows * blocks;
  run.maximum = run.decay + kRunRows;
  run.position = reinterpret_cast<int32_t*>(run.maximum + kRunRows);
  return run;
}

namespace {

// Rows of a run: query heads of one key/value head, token by token. Row i is token i / share, head i % share.
struct Rows {
  const KvLayer* layer = nullptr;
  const int32_t* pages = nullptr;  // of the sequence
  int64_t firstToken = 0, numQueryHeads = 0, firstHead = 0, share = 0;
  int64_t head = 0;  // key/value head
};

DOTS_INLINE size_t offsetOfRow(const Rows& rows, int64_t i, int headWidth) {
  const int64_t token = rows.firstToken + i / rows.share, head = rows.firstHead + i % rows.share;
  return static_cast<size_t>(token * rows.numQueryHeads + head) * static_cast<size_t>(headWidth);
}

template <class Pages>
static void beginRun(const Run& run, const Rows& rows, const KvStep& step, const float* q_TNH, int64_t begin,
                     int numRows) {
  const bool tiles = kHasTiles && numRows >= kMinTileRows;
  const float scale = kLog2e / __builtin_sqrtf(static_cast<float>(run.headWidth));
  for (int i = 0; i < numRows; ++i) {
    const float* q_H = q_TNH + offsetOfRow(rows, begin + i, run.headWidth);
    Pages::setQuery(run, i, q_H, scale, tiles);
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
      const int left = run.headWidth - 16 * c;
      if (left >= 16) {
        store16(y_H + 16 * c, y);
      } else {
        storeTail16(y_H + 16 * c, y, left);
      }
    }
  }
}

template <class Pages>
static void walkBlocks(const Run& run, const Rows& rows, int numRows) {
  const KvLayer& layer = *rows.layer;
  const size_t pageBytes = headPageBytes(layer.type, run.headWidth);
  const auto offsetOf = [&](int block) {
    return static_cast<size_t>(static_cast<int64_t>(rows.pages[block]) * layer.numHeads + rows.head) * pageBytes;
  };
  const int lastBlock = run.position[numRows - 1] / kPageSize;
  int first = 0;  // row that still sees something of the block
  for (int block = 0; block <= lastBlock; ++block) {
    while (run.position[first] < block * kPageSize) ++first;
    const uint8_t* keys = layer.keys + offsetOf(block);
    const uint8_t* values = layer.values + offsetOf(block);
    NextBlock next{nullptr, nullptr, pageBytes};
    if (block < lastBlock) {
      next.keys = layer.keys + offsetOf(block + 1);
      next.values = layer.values + offsetOf(block + 1);
    }
    if constexpr (kHasTiles) {
      if (numRows >= kMinTileRows) {
        Pages::walkTiles(run, keys, values, first, numRows, block, next);
        continue;
      }
    }
    for (int i = first; i < numRows; ++i) Pages::walkRow(run, keys, values, i, block, next);
  }
}

template <class Pages>
static void walk(const Run& run, const Rows& rows, const KvStep& step, const float* q_TNH, float* y_TNH, int64_t begin,
                 int numRows) {
  beginRun<Pages>(run, rows, step, q_TNH, begin, numRows);
  walkBlocks<Pages>(run, rows, numRows);
  endRun(run, rows, y_TNH, begin, numRows);
}

}  // namespace

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
  const Run run = makeRun(layer.type, layer.headWidth, workspace);
  // Portable code has no second copy for whole vectors: it would only take longer to compile.
  const bool whole = layer.headWidth % 16 == 0;
  const auto walkAs = layer.type == KvType::kF32
                          ? whole ? walk<FloatPages<KvType::kF32, kHasTiles>> : walk<FloatPages<KvType::kF32, false>>
                      : layer.type == KvType::kF16
                          ? whole ? walk<FloatPages<KvType::kF16, kHasTiles>> : walk<FloatPages<KvType::kF16, false>>
                          : walk<BytePages>;
  const int64_t share = numQueryHeads / layer.numHeads;
  for (int64_t item = begin; item < end; ++item) {
    // A prompt's last queries see the most keys: they start first, so that no thread ends the step with a long one.
    const int64_t tile = numTiles - 1 - item / layer.numHeads, head = item % layer.numHeads;
    const int64_t firstToken = starts[tile], numRows = (starts[tile + 1] - firstToken) * share;
    const int32_t* pages = step.pages_BP + step.sequences_T[firstToken] * step.pagesPerSequence;
    Rows rows;
    rows.layer = &layer;
    rows.pages = pages;
    rows.firstToken = firstToken;
    rows.numQueryHeads = numQueryHeads;
    rows.firstHead = head * share;
    rows.share = share;
    rows.head = head;
    for (int64_t row = 0; row < numRows; row += kRunRows) {
      const int count = static_cast<int>(minOf<int64_t>(kRunRows, numRows - row));
      walkAs(run, rows, step, q_TNH, y_TNH, row, count);
    }
  }
}

}  // namespace DOTS_ISA
}  // namespace dots
