#include "gemm-tile.h"

#include "vec16.h"

namespace dots {
namespace DOTS_ISA {

// Sums that fill the registers: on AVX-512 28 of 32, besides two vectors of B and one broadcast; on AVX2 12 of 16. More
// rows than vectors, because an element of A is broadcast by a load, and there are two loads a cycle.
#if defined(DOTS_AVX512)
constexpr int kTileRows = 14, kTileVecs = 2;
#elif defined(DOTS_AVX2)
constexpr int kTileRows = 6, kTileVecs = 2;
#elif defined(DOTS_NEON)
constexpr int kTileRows = 6, kTileVecs = 4;
#else
constexpr int kTileRows = 2, kTileVecs = 4;
#endif
constexpr int kPanel = kTileVecs * kLanes;
constexpr int64_t kSumLength = 64;

/// Floats from one panel of A's columns to the next: after the last step is room for what a whole vector writes too
/// much.
DOTS_INLINE int64_t columnPanel(int64_t depth) { return depth * kTileRows + kLanes; }

int gemmPanelWidth() { return kPanel; }
int gemmTileRows() { return kTileRows; }

DOTS_INLINE const float* rowAt(const GemmOperand& operand, int64_t row) {
  return operand.source + (operand.rows ? operand.rows[row] : row) * operand.ld;
}

namespace {

/// Rows that are needed next, handed out in pieces of a few cache lines.
struct Ahead {
  const GemmOperand* operand = nullptr;
  int64_t row = 0, endRow = 0, first = 0, numFloats = 0, at = 0;
};
constexpr int kFetchLines = 8;
constexpr int64_t kFetchFloats = kFetchLines * 16;

/// Where the next kFetchFloats of them lie; null when all were handed out.
DOTS_INLINE const float* nextPiece(Ahead& ahead) {
  if (ahead.row >= ahead.endRow) return nullptr;
  const float* piece = rowAt(*ahead.operand, ahead.row) + ahead.first + ahead.at;
  ahead.at += kFetchFloats;
  if (ahead.at >= ahead.numFloats) ahead.at = 0, ++ahead.row;
  return piece;
}

template <int M, bool kColumns>
DOTS_INLINE void multiplyStep(const float* a, const float* b, int64_t k, Vec (&sum)[M][kTileVecs]) {
  Vec right[kTileVecs];
  DOTS_UNROLL
  for (int j = 0; j < kTileVecs; ++j) right[j] = load(b + k * kPanel + j * kLanes);
  DOTS_UNROLL
  for (int i = 0; i < M; ++i) {
    const Vec left = set1(kColumns ? a[k * kTileRows + i] : a[i * kGemmDepth + k]);
    DOTS_UNROLL
    for (int j = 0; j < kTileVecs; ++j) sum[i][j] = fma(left, right[j], sum[i][j]);
  }
}

/// M rows of A against one panel of B, into the panel's columns of M rows of C. Never inlined: the registers are all
/// its own.
template <int M, bool kColumns>
__attribute__((noinline)) void tile(const float* a, const float* b, int64_t depth, float* const* c, bool isFirst,
                                    Ahead& ahead) {
  DOTS_UNROLL
  for (int i = 0; i < M; ++i) {
    __builtin_prefetch(c[i], 1);
    __builtin_prefetch(c[i] + kPanel - 1, 1);
  }
  for (int64_t begin = 0; begin < depth; begin += kSumLength) {
    const int64_t end = minOf(begin + kSumLength, depth);
    Vec sum[M][kTileVecs];
    DOTS_UNROLL
    for (int i = 0; i < M; ++i) {
      DOTS_UNROLL
      for (int j = 0; j < kTileVecs; ++j) sum[i][j] = zero();
    }
    int64_t k = begin;
    const float* piece = nextPiece(ahead);
    // A line now and then: more at a time than there are fill buffers would stop the multiplications.
    for (; piece && k + 4 <= end && k < begin + 4 * kFetchLines; k += 4) {
      __builtin_prefetch(piece + (k - begin) * 4, 0, 2);
      DOTS_UNROLL
      for (int step = 0; step < 4; ++step) multiplyStep<M, kColumns>(a, b, k + step, sum);
    }
    for (; k < end; ++k) multiplyStep<M, kColumns>(a, b, k, sum);
    DOTS_UNROLL
    for (int i = 0; i < M; ++i) {
      DOTS_UNROLL
      for (int j = 0; j < kTileVecs; ++j) {
        float* const at = c[i] + j * kLanes;
        store(at, add(isFirst ? zero() : load(at), sum[i][j]));
      }
    }
    isFirst = false;
  }
}

/// As many rows as there are, up to kTileRows: the last rows of a block do not pay for a whole tile.
template <bool kColumns, int M = kTileRows>
DOTS_INLINE void tileOfRows(int64_t numRows, const float* a, const float* b, int64_t depth, float* const* c,
                            bool isFirst, Ahead& ahead) {
  if constexpr (M > 2) {
    if (numRows <= M - 2) return tileOfRows<kColumns, M - 2>(numRows, a, b, depth, c, isFirst, ahead);
  }
  tile<M, kColumns>(a, b, depth, c, isFirst, ahead);
}

template <bool kColumns>
DOTS_INLINE void runBlock(const GemmBlock& block) {
  // Where a tile does not fit into C: its last columns, or the row that makes an odd number of rows even.
  float spare[kTileRows * kPanel];
  float* rows[kTileRows];
  Ahead ahead;
  ahead.operand = &block.next;
  ahead.row = block.nextRow;
  ahead.endRow = block.endNextRow;
  ahead.first = block.nextFirst;
  ahead.numFloats = block.nextFloats;
  for (int64_t col = 0; col < block.numCols; col += kPanel) {
    const float* b = block.b + col * block.panelDepth;
    const int64_t width = minOf<int64_t>(kPanel, block.numCols - col);
    for (int64_t row = 0; row < block.numRows; row += kTileRows) {
      const float* a = block.a + (kColumns ? row / kTileRows * columnPanel(block.depth) : row * kGemmDepth);
      const int64_t height = minOf<int64_t>(kTileRows, block.numRows - row);
      const auto rowOfC = [&](int64_t i) {
        return block.c + (block.cRows ? block.cRows[row + i] : row + i) * block.ldC + col;
      };
      for (int64_t i = 0; i < height; ++i) rows[i] = width == kPanel ? rowOfC(i) : spare + i * kPanel;
      if (height % 2 == 1) rows[height] = spare + height * kPanel;
      if (width < kPanel && !block.isFirst) {
        memset(spare, 0, sizeof spare);
        for (int64_t i = 0; i < height; ++i) memcpy(rows[i], rowOfC(i), static_cast<size_t>(width) * 4);
      }
      tileOfRows<kColumns>(height, a, b, block.depth, rows, block.isFirst, ahead);
      if (width == kPanel) continue;
      for (int64_t i = 0; i < height; ++i) memcpy(rowOfC(i), rows[i], static_cast<size_t>(width) * 4);
    }
  }
}

}  // namespace

void gemmBlock(const GemmBlock& block) {
  if (block.aIsColumns) return runBlock<true>(block);
  runBlock<false>(block);
}

/// Rows of memory that are fetched ahead of the one that is copied: with `rows` no hardware could guess which come
/// next.
constexpr int64_t kRowsAhead = 6;

DOTS_INLINE void fetchRow(const GemmOperand& operand, int64_t row, int64_t end, int64_t first, int64_t count) {
  if (row >= end) return;
  const float* from = rowAt(operand, row) + first;
  for (int64_t i = 0; i < count; i += 16) __builtin_prefetch(from + i);
}

/// Rows of memory become rows of panels `kWidth` wide and `stride` apart, all panels of a row at once. Whole vectors
/// are stored: what they write after a row of a panel is overwritten by the next row, or lies in the panel's spare
/// room.
template <int64_t kWidth>
DOTS_INLINE void copyPanels(const GemmOperand& operand, int64_t firstK, int64_t depth, int64_t firstCol, int64_t endCol,
                            int64_t stride, float* packed) {
  constexpr int64_t kVecs = (kWidth + kLanes - 1) / kLanes;
  const int64_t numCols = endCol - firstCol;
  for (int64_t k = 0; k < depth; ++k) {
    fetchRow(operand, firstK + k + kRowsAhead, firstK + depth, firstCol, numCols);
    const float* from = rowAt(operand, firstK + k) + firstCol;
    float* to = packed + k * kWidth;
    int64_t col = 0;
    for (; col + kVecs * kLanes <= numCols; col += kWidth, to += stride) {
      DOTS_UNROLL
      for (int64_t j = 0; j < kVecs; ++j) store(to + j * kLanes, load(from + col + j * kLanes));
    }
    for (; col < numCols; col += kWidth, to += stride) {
      for (int64_t i = 0; i < kWidth; ++i) to[i] = col + i < numCols ? from[col + i] : 0.0f;
    }
  }
}

/// Rows of memory become columns of a panel, sixteen by sixteen.
DOTS_INLINE void turnPanel(const GemmOperand& operand, int64_t firstK, int64_t depth, int64_t firstCol, int64_t width,
                           float* packed) {
  for (int64_t col = 0; col < kPanel; col += 16) {
    const int64_t cols = minOf<int64_t>(16, kPanel - col);
    int64_t k = 0;
    if (cols == 16 && col + 16 <= width) {
      for (; k + 16 <= depth; k += 16) {
        Vec16 block[16];
        DOTS_UNROLL
        for (int i = 0; i < 16; ++i) block[i] = load16(rowAt(operand, firstCol + col + i) + firstK + k);
        transpose16(block);
        DOTS_UNROLL
        for (int i = 0; i < 16; ++i) store16(packed + (k + i) * kPanel + col, block[i]);
      }
    }
    for (int64_t i = col; i < col + cols; ++i) {
      if (i >= width) {
        for (int64_t rest = k; rest < depth; ++rest) packed[rest * kPanel + i] = 0;
        continue;
      }
      const float* from = rowAt(operand, firstCol + i) + firstK;
      for (int64_t rest = k; rest < depth; ++rest) packed[rest * kPanel + i] = from[rest];
    }
  }
}

void packGemmPanels(const GemmOperand& operand, int64_t firstK, int64_t depth, int64_t firstCol, int64_t endCol,
                    float* packed) {
  if (operand.isTransposed) return copyPanels<kPanel>(operand, firstK, depth, firstCol, endCol, depth * kPanel, packed);
  for (int64_t col = firstCol; col < endCol; col += kPanel, packed += depth * kPanel)
    turnPanel(operand, firstK, depth, col, minOf<int64_t>(kPanel, endCol - col), packed);
}

void packGemmRows(const GemmOperand& operand, int64_t firstK, int64_t depth, int64_t firstRow, int64_t endRow,
                  float* packed) {
  if (operand.isTransposed)
    return copyPanels<kTileRows>(operand, firstK, depth, firstRow, endRow, columnPanel(depth), packed);
  for (int64_t row = firstRow; row < endRow; ++row, packed += kGemmDepth) {
    fetchRow(operand, row + kRowsAhead, endRow, firstK, depth);
    const float* from = rowAt(operand, row) + firstK;
    int64_t k = 0;
    for (; k + 16 <= depth; k += 16) store16(packed + k, load16(from + k));
    for (; k < depth; ++k) packed[k] = from[k];
  }
}

}  // namespace DOTS_ISA
}  // namespace dots
