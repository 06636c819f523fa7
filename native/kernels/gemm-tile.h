// The inner part of dense f32 matrix products: packed panels and the loop over registers.
//
// C[i][j] = sum over k of A[i][k] * B[k][j]. B is packed into panels of kPanel columns, k after k; A is either rows
// (each kGemmDepth floats apart) or, for products over tokens, panels of kTileRows columns. Both then stream through
// the caches front to back, whatever the matrices' strides are.
//
// The order of an element's sum is that of kernels/linear-float.cc: one fused multiply-add after the other over 64
// neighbours from zero, the sums of 64 added in the direction of k. Tiles decide how many sums run at once, never how
// one of them is made, so instruction sets, threads and tile sizes give the same bits.
#pragma once

#include <cstdint>

#include "isa-dispatch.h"

namespace dots {

/// Steps of k that are packed at a time; a multiple of 64, so that blocks of it do not change the order of sums. A
/// panel of B then takes 32 KB on AVX-512 and 16 KB on AVX2.
constexpr int64_t kGemmDepth = 256;

/// Where the elements of A or B lie: element (i, k) at source + rowOf(i) * ld + k, or with `isTransposed`, at
/// source + rowOf(k) * ld + i. `rows` renames the rows of memory; null leaves them.
struct GemmOperand {
  const float* source;
  int64_t ld;
  const int32_t* rows;
  bool isTransposed;
};

/// One packed block of A against packed panels of B.
struct GemmBlock {
  const float* a;  // as packGemmRows wrote it, 64-byte aligned
  bool aIsColumns;
  const float* b;      // panels, each `panelDepth` times the panel's width
  int64_t panelDepth;  // what they were packed with; only the first `depth` of it are multiplied by A
  int64_t depth;       // at most kGemmDepth
  int64_t numRows, numCols;
  float* c;  // element (i, j) at c + cRow(i) * ldC + j
  int64_t ldC;
  const int32_t* cRows;  // row of memory for each i; null: i itself
  bool isFirst;          // overwrite C instead of adding to it
  // What will be packed after this block: fetched into the cache while the tiles run, which leave memory idle. Row i of
  // the operand for firstRow <= i < endRow, numFloats from `first`.
  GemmOperand next;
  int64_t nextRow, endNextRow, nextFirst, nextFloats;
};

DOTS_DECLARE_KERNEL(
    /// Columns of a packed panel of B.
    int gemmPanelWidth())

DOTS_DECLARE_KERNEL(
    /// Rows of A that one register tile takes.
    int gemmTileRows())

DOTS_DECLARE_KERNEL(
    /// Columns [firstCol, endCol) of B, steps [firstK, firstK + depth), as panels; the last panel is filled up with
    /// zeros. For B, "i" of GemmOperand is the column: W of x·Wᵀ is plain, W of dy·W is transposed.
    void packGemmPanels(const GemmOperand& operand, int64_t firstK, int64_t depth, int64_t firstCol, int64_t endCol,
                        float* packed))

DOTS_DECLARE_KERNEL(
    /// Rows [firstRow, endRow) of A, steps [firstK, firstK + depth): rows kGemmDepth floats apart, or, where the
    /// operand is transposed, panels of gemmTileRows() columns.
    void packGemmRows(const GemmOperand& operand, int64_t firstK, int64_t depth, int64_t firstRow, int64_t endRow,
                      float* packed))

DOTS_DECLARE_KERNEL(void gemmBlock(const GemmBlock& block))

}  // namespace dots
