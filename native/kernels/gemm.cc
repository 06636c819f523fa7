#include "gemm.h"

#include <cstring>

namespace dots {
namespace {

/// Rows of A that a task packs at once: with kGemmDepth steps about 115 KB, which stay in the second-level cache while every
/// panel of B passes by.
constexpr int64_t kBlockRows = 112;
/// Packed panels of one round. Larger matrices (the vocabulary's) are packed and used piece by piece.
constexpr int64_t kMaxPanelFloats = 4 << 20;
/// Panels that one task of packing takes.
constexpr int64_t kPanelsEach = 4;
/// The tile of a weight's gradient that a task makes; smaller where there would be too few tasks.
constexpr int64_t kWeightTileRows = 224, kWeightTileCols = 256;

int64_t roundUp(int64_t count, int64_t to) { return (count + to - 1) / to * to; }
int64_t least(int64_t a, int64_t b) { return a < b ? a : b; }
int64_t most(int64_t a, int64_t b) { return a > b ? a : b; }

int64_t firstToken(const int32_t* offsets, int64_t numTokens, int64_t expert) {
  return offsets ? offsets[expert] : expert * numTokens;
}

/// Experts [firstExpert, endExpert) with columns [firstCol, endCol) and steps [firstK, endK) of their matrices.
struct Round {
  int64_t firstExpert, endExpert, firstCol, endCol, firstK, endK;
};

void runRound(const RowsProduct& product, const Round& round, ThreadPool& pool, GemmScratch& scratch) {
  const int64_t panel = DOTS_KERNEL(gemmPanelWidth)();
  const int64_t numCols = round.endCol - round.firstCol, paddedCols = roundUp(numCols, panel);
  const int64_t depth = round.endK - round.firstK;
  const int64_t numExperts = round.endExpert - round.firstExpert;
  const int64_t matrixFloats = paddedCols * depth;
  const int64_t numDepths = (depth + kGemmDepth - 1) / kGemmDepth;
  const int64_t colsEach = kPanelsEach * panel, numColTasks = (numCols + colsEach - 1) / colsEach;
  float* const packed = scratch.panels(numExperts * matrixFloats);
  const auto tokensOf = [&](int64_t expert) {
    return firstToken(product.offsets, product.numTokens, expert + 1) - firstToken(product.offsets, product.numTokens, expert);
  };

  // Panels of a block of k stand together: [expert][k / kGemmDepth][panel][k % kGemmDepth][column].
  const auto pack = DOTS_KERNEL(packGemmPanels);
  pool.parallelFor(numExperts * numDepths * numColTasks, [&](int64_t task, int) {
    const int64_t expert = task / (numDepths * numColTasks), k = task / numColTasks % numDepths * kGemmDepth, col = task % numColTasks * colsEach;
    if (tokensOf(round.firstExpert + expert) == 0) return;
    const int64_t here = least(kGemmDepth, depth - k);
    const GemmOperand operand{product.weights + (round.firstExpert + expert) * product.rows * product.cols, product.cols, nullptr, product.isTransposed};
    pack(operand, round.firstK + k, here, round.firstCol + col, round.firstCol + least(col + colsEach, numCols), packed + expert * matrixFloats + k * paddedCols + col * here);
  });

  // Few blocks of rows: columns are shared out as well, so that every thread has something to do.
  int64_t numBlocks = 0;
  for (int64_t e = round.firstExpert; e < round.endExpert; ++e) numBlocks += (tokensOf(e) + kBlockRows - 1) / kBlockRows;
  if (numBlocks == 0) return;
  const int64_t wantedParts = most(1, (4 * pool.numThreads() + numBlocks - 1) / numBlocks);
  const int64_t colsOfTask = most(panel * 2, roundUp((numCols + wantedParts - 1) / wantedParts, panel));
  const int64_t numParts = (numCols + colsOfTask - 1) / colsOfTask;
  const auto packRows = DOTS_KERNEL(packGemmRows);
  const auto run = DOTS_KERNEL(gemmBlock);
  float* const rows = scratch.perThread(pool.numThreads() * kBlockRows * kGemmDepth);
  pool.parallelFor(numBlocks * numParts, [&](int64_t task, int thread) {
    int64_t at = task / numParts, expert = round.firstExpert;
    for (;; ++expert) {
      const int64_t blocks = (tokensOf(expert) + kBlockRows - 1) / kBlockRows;
      if (at < blocks) break;
      at -= blocks;
    }
    const int64_t begin = firstToken(product.offsets, product.numTokens, expert);
    const int64_t first = begin + at * kBlockRows, end = least(first + kBlockRows, begin + tokensOf(expert));
    const int64_t col = task % numParts * colsOfTask, endCol = least(col + colsOfTask, numCols);
    float* const mine = rows + thread * kBlockRows * kGemmDepth;
    const GemmOperand operand{product.x, product.ldX, product.xRows, false};
    for (int64_t k = 0; k < depth; k += kGemmDepth) {
      const int64_t here = least(kGemmDepth, depth - k);
      packRows(operand, round.firstK + k, here, first, end, mine);
      GemmBlock block{};
      block.a = mine;
      block.aIsColumns = false;
      block.b = packed + (expert - round.firstExpert) * matrixFloats + k * paddedCols + col * here;
      block.depth = here;
      block.numRows = end - first;
      block.numCols = endCol - col;
      block.cRows = product.outRows ? product.outRows + first : nullptr;
      block.c = product.out + (product.outRows ? 0 : first * product.ldOut) + round.firstCol + col;
      block.ldC = product.ldOut;
      block.isFirst = !product.isAdded && round.firstK + k == 0;
      run(block);
    }
  });
}

}  // namespace

float* GemmScratch::aligned(std::vector<float>& memory, int64_t numFloats) {
  if (static_cast<int64_t>(memory.size()) < numFloats + 16) memory.resize(static_cast<size_t>(numFloats) + 16);
  const uintptr_t address = reinterpret_cast<uintptr_t>(memory.data());
  return reinterpret_cast<float*>((address + 63) / 64 * 64);
}

void multiplyRows(const RowsProduct& product, ThreadPool& pool, GemmScratch& scratch) {
  const int64_t panel = DOTS_KERNEL(gemmPanelWidth)();
  const int64_t numCols = product.isTransposed ? product.cols : product.rows;
  const int64_t depth = product.isTransposed ? product.rows : product.cols;
  const int64_t matrixFloats = roundUp(numCols, panel) * depth;
  if (product.numTokens == 0) return;
  if (matrixFloats <= kMaxPanelFloats) {
    const int64_t expertsEach = most(1, kMaxPanelFloats / most(1, matrixFloats));
    for (int64_t e = 0; e < product.numExperts; e += expertsEach)
      runRound(product, {e, least(e + expertsEach, product.numExperts), 0, numCols, 0, depth}, pool, scratch);
    return;
  }
  // One matrix is more than a round: first fewer columns, and where the product is narrow, fewer steps.
  const int64_t minCols = least(roundUp(numCols, panel), 512 / panel * panel);
  const int64_t depthEach = least(depth, most(kGemmDepth, kMaxPanelFloats / minCols / kGemmDepth * kGemmDepth));
  const int64_t colsEach = most(panel, kMaxPanelFloats / depthEach / panel * panel);
  for (int64_t e = 0; e < product.numExperts; ++e)
    for (int64_t col = 0; col < numCols; col += colsEach)
      for (int64_t k = 0; k < depth; k += depthEach)
        runRound(product, {e, e + 1, col, least(col + colsEach, numCols), k, least(k + depthEach, depth)}, pool, scratch);
}

void multiplyWeights(const WeightProduct& product, ThreadPool& pool, GemmScratch& scratch) {
  const int64_t panel = DOTS_KERNEL(gemmPanelWidth)(), tileRows = DOTS_KERNEL(gemmTileRows)();
  int64_t rowsEach = least(roundUp(product.rows, tileRows), kWeightTileRows / tileRows * tileRows);
  int64_t colsEach = least(roundUp(product.cols, panel), kWeightTileCols / panel * panel);
  const auto numTiles = [&] { return ((product.rows + rowsEach - 1) / rowsEach) * ((product.cols + colsEach - 1) / colsEach); };
  // Halves until there is enough for everyone; below 56 by 64 packing would cost more than it brings.
  while (numTiles() * product.numExperts < 3 * pool.numThreads() && (rowsEach > 56 || colsEach > 64)) {
    if (rowsEach > 56 && (rowsEach >= colsEach || colsEach <= 64))
      rowsEach = roundUp((rowsEach + 1) / 2, tileRows);
    else
      colsEach = roundUp((colsEach + 1) / 2, panel);
  }
  const int64_t numRowTiles = (product.rows + rowsEach - 1) / rowsEach, numColTiles = (product.cols + colsEach - 1) / colsEach;
  const int64_t floatsEach = (rowsEach + colsEach) * kGemmDepth;
  float* const memory = scratch.perThread(pool.numThreads() * floatsEach);
  const auto packPanels = DOTS_KERNEL(packGemmPanels);
  const auto packRows = DOTS_KERNEL(packGemmRows);
  const auto run = DOTS_KERNEL(gemmBlock);
  pool.parallelFor(product.numExperts * numRowTiles * numColTiles, [&](int64_t task, int thread) {
    const int64_t expert = task / (numRowTiles * numColTiles);
    const int64_t row = task / numColTiles % numRowTiles * rowsEach, endRow = least(row + rowsEach, product.rows);
    const int64_t col = task % numColTiles * colsEach, endCol = least(col + colsEach, product.cols);
    const int64_t begin = firstToken(product.offsets, product.numTokens, expert), end = firstToken(product.offsets, product.numTokens, expert + 1);
    float* const out = product.out + (expert * product.rows + row) * product.cols + col;
    if (begin == end && !product.isAdded) {
      for (int64_t i = 0; i < endRow - row; ++i) std::memset(out + i * product.cols, 0, static_cast<size_t>(endCol - col) * sizeof(float));
    }
    float* const a = memory + thread * floatsEach;
    float* const b = a + rowsEach * kGemmDepth;
    const GemmOperand left{product.gradient, product.ldGradient, product.gradientRows, true};
    const GemmOperand right{product.x, product.ldX, product.xRows, true};
    for (int64_t k = begin; k < end; k += kGemmDepth) {
      const int64_t here = least(kGemmDepth, end - k);
      packRows(left, k, here, row, endRow, a);
      packPanels(right, k, here, col, endCol, b);
      // Of the next tokens both rows are wanted; the longer stretch is fetched.
      const bool isLeft = endRow - row > endCol - col;
      run({a, true, b, here, endRow - row, endCol - col, out, product.cols, nullptr, !product.isAdded && k == begin, isLeft ? left : right, k + here, least(k + here + kGemmDepth, end),
           isLeft ? row : col, isLeft ? endRow - row : endCol - col});
    }
  });
}

}  // namespace dots
