// Steps along the nearest orthogonal matrix of the gradients' running mean: parameter, gradient, mean, rates.
#include "op.h"

#include <algorithm>
#include <cmath>

namespace dots::ops {

namespace {

// The quintic a x + b x^3 + c x^5 that takes singular values towards 1; graph/ops/muon.ts says where it is from.
constexpr float kA = 3.4445f, kB = -4.7750f, kC = 2.0315f;
constexpr int kIterations = 5;
/// Floats of all the matrices that are worked on at a time.
constexpr int64_t kFloatsAtOnce = 16 << 20;

/// Products of n matrices of one shape, one after the other: rows of each are multiplied by its own matrix.
RowsProduct productOfEach(const float* x, int64_t rowsEach, int64_t width, const Buffer<int32_t>& offsets, int32_t n,
                          float* out) {
  RowsProduct product;
  product.x = {x, width, nullptr};
  product.numTokens = n * rowsEach;
  product.offsets = offsets.data();
  product.numExperts = n;
  product.out.data = out;
  return product;
}

}  // namespace

bool muon::fits(const Operands& op) {
  return op.isMark() && op.isStored(0) && op.isStored(1) && op.isStored(2) && op.haveElements(op.elements(0), 1, 2) &&
         (op.rank(0) == 2 || op.rank(0) == 3) && op.elements(0) > 0 && op.rows(0) < INT32_MAX && op.isFloats(3) &&
         op.elements(3) == 4;
}

bool muon::run(Call& op) {
  const int64_t rows = op.axis(0, op.rank(0) - 2), cols = op.width(0), size = rows * cols,
                numMatrices = op.elements(0) / size;
  // Products are of the smaller side: X·Xᵀ where there are fewer rows, Xᵀ·X where there are fewer columns.
  const bool isWide = rows <= cols;
  const int64_t side = isWide ? rows : cols, square = side * side, floatsEach = 2 * size + 3 * square;
  const int64_t most = std::min(numMatrices, std::max<int64_t>(1, kFloatsAtOnce / floatsEach));
  float* const scratch = op.scratch(most * floatsEach);
  if (!scratch) return false;
  const float* rates = op.floats(3);
  const float beta = op.floatConstant(0), rate = rates[0], clip = rates[1];
  const float kept = static_cast<float>(1 - static_cast<double>(rate) * op.constant(1));
  const float length =
      static_cast<float>(static_cast<double>(rate) * 0.2 * std::sqrt(static_cast<double>(std::max(rows, cols))));
  Buffer<int32_t> bySize, bySide;
  if (!bySize.resize(static_cast<size_t>(most) + 1) || !bySide.resize(static_cast<size_t>(most) + 1))
    return op.outOfMemory("a list of matrices");
  for (int64_t i = 0; i <= most; ++i) {
    bySize[static_cast<size_t>(i)] = static_cast<int32_t>(i * rows);
    bySide[static_cast<size_t>(i)] = static_cast<int32_t>(i * side);
  }

  for (int64_t first = 0; first < numMatrices; first += most) {
    const int32_t n = static_cast<int32_t>(std::min(most, numMatrices - first));
    float* x = scratch;
    float* next = x + n * size;
    float* const gram = next + n * size;
    float* const scaledGram = gram + n * square;
    float* const both = scaledGram + n * square;
    float *const parameter = op.floats(0) + first * size, *const gradient = op.floats(1) + first * size,
                 *const mean = op.floats(2) + first * size;
    op.pool().parallelFor(n, [&](int64_t matrix, int) {
      const int64_t begin = matrix * size, end = begin + size;
      double squares = 0;
      for (int64_t i = begin; i < end; ++i) {
        const float g = gradient[i] * clip;
        mean[i] = beta * mean[i] + g;
        x[i] = beta * mean[i] + g;
        squares += static_cast<double>(x[i]) * x[i];
        gradient[i] = 0;
      }
      const float inverse = static_cast<float>(1 / (std::sqrt(squares) + 1e-20));
      for (int64_t i = begin; i < end; ++i) x[i] *= inverse;
    });
    for (int iteration = 0; iteration < kIterations; ++iteration) {
      if (isWide) {
        RowsProduct product = productOfEach(x, rows, cols, bySize, n, gram);
        product.weights = x;
        product.rows = rows;
        product.cols = cols;
        product.out.ld = side;
        if (!op.multiply(product)) return false;
      } else {
        WeightProduct product;
        product.gradient = product.x = {x, cols, nullptr};
        product.numTokens = n * rows;
        product.offsets = bySize.data();
        product.numExperts = n;
        product.rows = product.cols = cols;
        product.out = gram;
        if (!op.multiply(product)) return false;
      }
      op.share(n * square, 1, [&](int64_t begin, int64_t end, int) {
        for (int64_t i = begin; i < end; ++i) {
          scaledGram[i] = kC * gram[i];
          both[i] = kB * gram[i];
        }
      });
      op.share(n * size, 1, [&](int64_t begin, int64_t end, int) {
        for (int64_t i = begin; i < end; ++i) next[i] = kA * x[i];
      });
      // both = b·G + c·G·G, for G is symmetric; next = a·X + both·X, or a·X + X·both.
      RowsProduct squared = productOfEach(scaledGram, side, side, bySide, n, both);
      squared.weights = gram;
      squared.rows = squared.cols = squared.out.ld = side;
      squared.isAdded = true;
      if (!op.multiply(squared)) return false;
      RowsProduct last =
          isWide ? productOfEach(both, side, side, bySide, n, next) : productOfEach(x, rows, cols, bySize, n, next);
      last.weights = isWide ? x : both;
      last.rows = side;
      last.cols = isWide ? cols : side;
      last.isTransposed = isWide;
      last.out.ld = cols;
      last.isAdded = true;
      if (!op.multiply(last)) return false;
      std::swap(x, next);
    }
    op.share(n * size, 1, [&](int64_t begin, int64_t end, int) {
      for (int64_t i = begin; i < end; ++i) parameter[i] = parameter[i] * kept - length * x[i];
    });
  }
  op.floats(kOut)[0] = 0;
  return true;
}

}  // namespace dots::ops
