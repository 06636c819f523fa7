#include "gemm.h"

#include <cstring>

namespace dots {
namespace {

/// Rows of A that a task packs at once: with kGemmDepth steps about 115 KB, which stay in the second-level cache while
/// every panel of B passes by.
constexpr int64_t kBlockRows = 112;
/// Packed panels of one round. Larger matrices (the vocabulary's) are packed and used piece by piece.
constexpr int64_t kMaxPanelFloats = 8 << 20;
/// Panels that one task of packing takes.
constexpr int64_t kPanelsEach = 4;
/// The tile of a weight's gradient that a task makes; smaller where there would be too few tasks.
constexpr int64_t kWeightTileRows = 448, kWeightTileCols = 256;

int64_t roundUp(int64_t count, int64_t to) { return (count + to - 1) / to * to; }
int64_t least(int64_t a, int64_t b) { return a < b ? a : b; }
int64_t most(int64_t a, int64_t b) { return a > b ? a : b; }

int64_t firstToken(const int32_t* offsets, int64_t numTokens, int64_t expert) {
  return offsets ? offsets[expert] : expert * numTokens;
}

struct Range {
  int64_t begin, end;
};

/// Some experts, with some columns and some steps of their matrices.
struct Round {
  Range experts, cols, steps;
};

/// One matrix of a round, and where its panels lie: [expert][k / kGemmDepth][panel][k % kGemmDepth][column].
struct RoundMatrix {
  const float* weights = nullptr;
  int64_t rows = 0, firstCol = 0, numCols = 0, paddedCols = 0;
  float* out = nullptr;
  int64_t ldOut = 0;
  float* packed = nullptr;
};

/// Columns of one of the matrices: what a task of packing or multiplying takes at least.
struct Stretch {
  const RoundMatrix& matrix;
  int64_t col, endCol;
};

/// All matrices' columns in stretches of `colsEach`, one matrix after the other.
struct Stretches {
  const RoundMatrix* matrices;
  int numMatrices;
  int64_t colsEach;

  int64_t of(int matrix) const { return (matrices[matrix].numCols + colsEach - 1) / colsEach; }
  int64_t count() const {
    int64_t sum = 0;
    for (int i = 0; i < numMatrices; ++i) sum += of(i);
    return sum;
  }
  Stretch operator[](int64_t index) const {
    int i = 0;
    for (; index >= of(i); ++i) index -= of(i);
    return {matrices[i], index * colsEach, least((index + 1) * colsEach, matrices[i].numCols)};
  }
};

bool runRound(const RowsProduct& product, const Round& round, Device& device, GemmScratch& scratch) {
  const Kernels& kernels = device.kernels;
  ThreadPool& pool = device.pool;
  const int64_t panel = kernels.gemmPanelWidth();
  const int64_t depth = round.steps.end - round.steps.begin;
  const int64_t numExperts = round.experts.end - round.experts.begin;
  const int64_t numDepths = (depth + kGemmDepth - 1) / kGemmDepth;
  const auto tokensOf = [&](int64_t expert) {
    return firstToken(product.offsets, product.numTokens, expert + 1) -
           firstToken(product.offsets, product.numTokens, expert);
  };

  RoundMatrix matrices[1 + kMaxBeside];
  const int numMatrices = 1 + product.numBeside;
  const int64_t numCols = round.cols.end - round.cols.begin;
  matrices[0].weights = product.weights;
  matrices[0].rows = product.rows;
  matrices[0].firstCol = round.cols.begin;
  matrices[0].numCols = numCols;
  matrices[0].out = product.out.data;
  matrices[0].ldOut = product.out.ld;
  for (int i = 0; i < product.numBeside; ++i) {
    const BesideMatrix& beside = product.beside[i];
    matrices[1 + i].weights = beside.weights;
    matrices[1 + i].rows = matrices[1 + i].numCols = beside.rows;
    matrices[1 + i].out = beside.out;
    matrices[1 + i].ldOut = beside.ldOut;
  }
  int64_t allCols = 0;
  for (int i = 0; i < numMatrices; ++i) allCols += matrices[i].paddedCols = roundUp(matrices[i].numCols, panel);
  const bool isWhole = depth == (product.isTransposed ? product.rows : product.cols) &&
                       numCols == (product.isTransposed ? product.cols : product.rows);
  KeptPanels* const kept = product.numExperts == 1 && isWhole && product.numBeside == 0 ? product.kept : nullptr;
  float* const packed = kept ? floatsOf(kept->memory, allCols * depth) : scratch.panels(numExperts * allCols * depth);
  float* const rows = scratch.perThread(pool.numThreads() * kBlockRows * kGemmDepth);
  if (!packed || !rows) return false;
  for (int64_t i = 0, at = 0; i < numMatrices; at += matrices[i].paddedCols * depth * numExperts, ++i)
    matrices[i].packed = packed + at;

  if (!kept || !kept->isFilled) {
    const Stretches stretches{matrices, numMatrices, kPanelsEach * panel};
    const int64_t numStretches = stretches.count();
    const auto pack = kernels.packGemmPanels;
    pool.parallelFor(numExperts * numDepths * numStretches, [&](int64_t task, int) {
      const int64_t expert = task / (numDepths * numStretches), k = task / numStretches % numDepths * kGemmDepth;
      if (tokensOf(round.experts.begin + expert) == 0) return;
      const Stretch stretch = stretches[task % numStretches];
      const RoundMatrix& m = stretch.matrix;
      const int64_t here = least(kGemmDepth, depth - k);
      const GemmOperand operand{m.weights + (round.experts.begin + expert) * m.rows * product.cols, product.cols,
                                nullptr, product.isTransposed};
      pack(operand, round.steps.begin + k, here, m.firstCol + stretch.col, m.firstCol + stretch.endCol,
           m.packed + (expert * depth + k) * m.paddedCols + stretch.col * here);
    });
    if (kept) kept->isFilled = true;
  }

  // Few blocks of rows: they are halved, and columns are shared out as well, so that every thread has something to do.
  int64_t blockRows = kBlockRows, numBlocks = 0;
  const auto countBlocks = [&] {
    numBlocks = 0;
    for (int64_t e = round.experts.begin; e < round.experts.end; ++e)
      numBlocks += (tokensOf(e) + blockRows - 1) / blockRows;
    return numBlocks;
  };
  if (countBlocks() < 4 * pool.numThreads()) {
    blockRows = kBlockRows / 2;
    countBlocks();
  }
  if (numBlocks == 0) return true;
  const int64_t wantedParts = most(1, (4 * pool.numThreads() + numBlocks - 1) / numBlocks);
  const Stretches stretches{matrices, numMatrices,
                            most(panel * 2, roundUp((allCols + wantedParts - 1) / wantedParts, panel))};
  const int64_t numStretches = stretches.count();
  const int64_t numParts = least(wantedParts, numStretches);
  const auto packRows = kernels.packGemmRows;
  const auto run = kernels.gemmBlock;
  pool.parallelFor(numBlocks * numParts, [&](int64_t task, int thread) {
    int64_t at = task / numParts, expert = round.experts.begin;
    for (;; ++expert) {
      const int64_t blocks = (tokensOf(expert) + blockRows - 1) / blockRows;
      if (at < blocks) break;
      at -= blocks;
    }
    const int64_t begin = firstToken(product.offsets, product.numTokens, expert);
    const int64_t first = begin + at * blockRows, end = least(first + blockRows, begin + tokensOf(expert));
    const int64_t part = task % numParts;
    float* const mine = rows + thread * kBlockRows * kGemmDepth;
    const GemmOperand operand{product.x.data, product.x.ld, product.x.rows, false};
    for (int64_t k = 0; k < depth; k += kGemmDepth) {
      const int64_t here = least(kGemmDepth, depth - k);
      packRows(operand, round.steps.begin + k, here, first, end, mine);
      for (int64_t i = part * numStretches / numParts; i < (part + 1) * numStretches / numParts; ++i) {
        const Stretch stretch = stretches[i];
        const RoundMatrix& m = stretch.matrix;
        GemmBlock block{};
        block.a = mine;
        block.aIsColumns = false;
        block.b = m.packed + ((expert - round.experts.begin) * depth + k) * m.paddedCols + stretch.col * here;
        block.panelDepth = block.depth = here;
        block.numRows = end - first;
        block.numCols = stretch.endCol - stretch.col;
        block.cRows = product.out.rows ? product.out.rows + first : nullptr;
        block.c = m.out + (product.out.rows ? 0 : first * m.ldOut) + m.firstCol + stretch.col;
        block.ldC = m.ldOut;
        block.isFirst = !product.isAdded && round.steps.begin + k == 0;
        if (k + kGemmDepth < depth) {
          // The rest of these rows.
          block.next = operand;
          block.nextRow = first;
          block.endNextRow = end;
          block.nextFirst = round.steps.begin + k + kGemmDepth;
          block.nextFloats = least(kGemmDepth, depth - k - kGemmDepth);
        }
        run(block);
      }
    }
  });
  return true;
}

}  // namespace

float* floatsOf(LargeMemory& memory, int64_t numFloats) {
  const int64_t sizeBytes = numFloats * static_cast<int64_t>(sizeof(float));
  if (memory.data() && memory.sizeBytes() >= sizeBytes) return reinterpret_cast<float*>(memory.data());
  return memory.allocate(sizeBytes) ? reinterpret_cast<float*>(memory.data()) : nullptr;
}

bool multiplyRows(const RowsProduct& product, Device& device, GemmScratch& scratch) {
  const int64_t panel = device.kernels.gemmPanelWidth();
  const int64_t numCols = product.isTransposed ? product.cols : product.rows;
  const int64_t depth = product.isTransposed ? product.rows : product.cols;
  const int64_t matrixFloats = roundUp(numCols, panel) * depth;
  if (product.numTokens == 0) return true;
  if (product.numBeside > 0) {
    int64_t together = matrixFloats;
    for (int i = 0; i < product.numBeside; ++i) together += roundUp(product.beside[i].rows, panel) * depth;
    if (together * product.numExperts <= kMaxPanelFloats)
      return runRound(product, {{0, product.numExperts}, {0, numCols}, {0, depth}}, device, scratch);
    RowsProduct alone = product;
    alone.numBeside = 0;
    for (int i = -1; i < product.numBeside; ++i) {
      if (i >= 0)
        alone.weights = product.beside[i].weights, alone.rows = product.beside[i].rows,
        alone.out.data = product.beside[i].out, alone.out.ld = product.beside[i].ldOut;
      if (!multiplyRows(alone, device, scratch)) return false;
    }
    return true;
  }
  if (matrixFloats <= kMaxPanelFloats) {
    const int64_t expertsEach = most(1, kMaxPanelFloats / most(1, matrixFloats));
    for (int64_t e = 0; e < product.numExperts; e += expertsEach)
      if (!runRound(product, {{e, least(e + expertsEach, product.numExperts)}, {0, numCols}, {0, depth}}, device,
                    scratch))
        return false;
    return true;
  }
  // One matrix is more than a round: first fewer columns, and where the product is narrow, fewer steps.
  const int64_t minCols = least(roundUp(numCols, panel), 512 / panel * panel);
  const int64_t depthEach = least(depth, most(kGemmDepth, kMaxPanelFloats / minCols / kGemmDepth * kGemmDepth));
  const int64_t colsEach = most(panel, kMaxPanelFloats / depthEach / panel * panel);
  for (int64_t e = 0; e < product.numExperts; ++e)
    for (int64_t col = 0; col < numCols; col += colsEach)
      for (int64_t k = 0; k < depth; k += depthEach)
        if (!runRound(product, {{e, e + 1}, {col, least(col + colsEach, numCols)}, {k, least(k + depthEach, depth)}},
                      device, scratch))
          return false;
  return true;
}

namespace {

/// Sums over more tokens than this are made in pieces of as many, whose sums are added in order: a matrix alone has too
/// few tiles to keep many threads busy. Experts have fewer rows each, mostly.
constexpr int64_t kTokensOfSum = 1024;

}  // namespace

bool multiplyWeights(const WeightProduct& product, Device& device, GemmScratch& scratch) {
  const Kernels& kernels = device.kernels;
  ThreadPool& pool = device.pool;
  const int64_t panel = kernels.gemmPanelWidth(), tileRows = kernels.gemmTileRows();
  const int64_t matrixFloats = product.rows * product.cols;
  // Piece 0 of an expert goes straight to its matrix, the others to memory of their own, piece after piece.
  int64_t numPieces = 0, numSpare = 0;
  const auto tokensOf = [&](int64_t expert) {
    return firstToken(product.offsets, product.numTokens, expert + 1) -
           firstToken(product.offsets, product.numTokens, expert);
  };
  const auto piecesOf = [&](int64_t expert) { return most(1, (tokensOf(expert) + kTokensOfSum - 1) / kTokensOfSum); };
  for (int64_t e = 0; e < product.numExperts; ++e) {
    numPieces += piecesOf(e);
    numSpare += piecesOf(e) - 1;
  }
  int64_t rowsEach = least(roundUp(product.rows, tileRows), kWeightTileRows / tileRows * tileRows);
  int64_t colsEach = least(roundUp(product.cols, panel), kWeightTileCols / panel * panel);
  const auto numTiles = [&] {
    return ((product.rows + rowsEach - 1) / rowsEach) * ((product.cols + colsEach - 1) / colsEach);
  };
  // Halves until there is enough for everyone, and to even out what is left over where there are many; below 56 by 64
  // packing would cost more than it brings.
  const int64_t wantedTasks = (pool.numThreads() > 4 ? 4 : 2) * pool.numThreads();
  while (numTiles() * numPieces < wantedTasks && (rowsEach > 56 || colsEach > 64)) {
    if (rowsEach > 56 && (rowsEach >= colsEach || colsEach <= 64))
      rowsEach = roundUp((rowsEach + 1) / 2, tileRows);
    else
      colsEach = roundUp((colsEach + 1) / 2, panel);
  }
  const int64_t numRowTiles = (product.rows + rowsEach - 1) / rowsEach,
                numColTiles = (product.cols + colsEach - 1) / colsEach;
  // As many tiles, but of one size: a task that is left over would be waited for.
  rowsEach = roundUp((product.rows + numRowTiles - 1) / numRowTiles, tileRows);
  colsEach = roundUp((product.cols + numColTiles - 1) / numColTiles, panel);
  // Panels of the left side are a little longer than their columns.
  const int64_t leftFloats = roundUp((rowsEach * kGemmDepth) + rowsEach / tileRows * 16 + 16, 16),
                floatsEach = leftFloats + colsEach * kGemmDepth;
  float* const memory = scratch.perThread(pool.numThreads() * floatsEach);
  float* const spare = scratch.partialSums(numSpare * matrixFloats);
  if (!memory || !spare) return false;
  const auto packPanels = kernels.packGemmPanels;
  const auto packRows = kernels.packGemmRows;
  const auto run = kernels.gemmBlock;
  const int64_t tilesEach = numRowTiles * numColTiles;
  pool.parallelFor(numPieces * tilesEach, [&](int64_t task, int thread) {
    int64_t piece = task / tilesEach, expert = 0, firstSpare = 0;
    for (; piece >= piecesOf(expert); ++expert) {
      piece -= piecesOf(expert);
      firstSpare += piecesOf(expert) - 1;
    }
    const int64_t row = task / numColTiles % numRowTiles * rowsEach, endRow = least(row + rowsEach, product.rows);
    const int64_t col = task % numColTiles * colsEach, endCol = least(col + colsEach, product.cols);
    const int64_t begin = firstToken(product.offsets, product.numTokens, expert) + piece * kTokensOfSum;
    const int64_t end = least(begin + kTokensOfSum, firstToken(product.offsets, product.numTokens, expert + 1));
    float* const matrix =
        piece == 0 ? product.out + expert * matrixFloats : spare + (firstSpare + piece - 1) * matrixFloats;
    float* const out = matrix + row * product.cols + col;
    const bool isAdded = product.isAdded && piece == 0;
    if (begin == end && !isAdded) {
      for (int64_t i = 0; i < endRow - row; ++i)
        std::memset(out + i * product.cols, 0, static_cast<size_t>(endCol - col) * sizeof(float));
    }
    float* const a = memory + thread * floatsEach;
    float* const b = a + leftFloats;
    const GemmOperand left{product.gradient.data, product.gradient.ld, product.gradient.rows, true};
    const GemmOperand right{product.x.data, product.x.ld, product.x.rows, true};
    for (int64_t k = begin; k < end; k += kGemmDepth) {
      const int64_t here = least(kGemmDepth, end - k);
      packRows(left, k, here, row, endRow, a);
      packPanels(right, k, here, col, endCol, b);
      // Of the next tokens both rows are needed; the longer stretch is fetched.
      const bool isLeft = endRow - row > endCol - col;
      run({a, true, b, here, here, endRow - row, endCol - col, out, product.cols, nullptr, !isAdded && k == begin,
           isLeft ? left : right, k + here, least(k + here + kGemmDepth, end), isLeft ? row : col,
           isLeft ? endRow - row : endCol - col});
    }
  });
  // Pieces in their order, a stretch of a matrix after the other.
  int64_t firstSpare = 0;
  const auto add = kernels.addElements;
  for (int64_t e = 0; e < product.numExperts; ++e) {
    const int64_t others = piecesOf(e) - 1;
    constexpr int64_t kFloatsEach = 1 << 13;
    if (others > 0) {
      pool.parallelFor((matrixFloats + kFloatsEach - 1) / kFloatsEach, [&](int64_t stretch, int) {
        const int64_t begin = stretch * kFloatsEach, end = least(begin + kFloatsEach, matrixFloats);
        float* const sum = product.out + e * matrixFloats;
        for (int64_t i = 0; i < others; ++i)
          add(sum, spare + (firstSpare + i) * matrixFloats, matrixFloats, sum, begin, end);
      });
    }
    firstSpare += others;
  }
  return true;
}

}  // namespace dots
