#include <algorithm>
#include <cmath>

#include "kernels/gemm.h"
#include "tests/each-isa.h"

namespace dots {
namespace {

/// The order that gemm-tile.h promises: multiply-adds over 64 neighbours, then their sums.
template <class Left, class Right>
float sumInOrder(int64_t depth, float total, bool isAdded, Left left, Right right) {
  for (int64_t begin = 0; begin < depth; begin += 64) {
    float sum = 0;
    for (int64_t k = begin; k < depth && k < begin + 64; ++k) sum = std::fma(left(k), right(k), sum);
    total = (begin == 0 && !isAdded ? 0.0f : total) + sum;
  }
  return total;
}

struct Shape {
  int64_t numTokens, rows, cols;
  int numExperts;
};

struct Groups {
  std::vector<int32_t> offsets, order;
};

Groups randomGroups(TestRandom& random, const Shape& shape) {
  Groups groups;
  std::vector<int32_t> counts(static_cast<size_t>(shape.numExperts));
  // The last expert gets nothing where there are several.
  for (int64_t t = 0; t < shape.numTokens; ++t)
    ++counts[static_cast<size_t>(random.below(shape.numExperts > 1 ? shape.numExperts - 1 : 1))];
  groups.offsets.push_back(0);
  for (int32_t count : counts) groups.offsets.push_back(groups.offsets.back() + count);
  for (int64_t t = 0; t < shape.numTokens; ++t) groups.order.push_back(static_cast<int32_t>(t));
  for (size_t i = groups.order.size(); i > 1; --i)
    std::swap(groups.order[i - 1], groups.order[static_cast<size_t>(random.below(static_cast<int>(i)))]);
  return groups;
}

const Shape kShapes[] = {{1, 1, 1, 1},      {3, 5, 7, 1},       {14, 32, 64, 1},   {15, 33, 65, 1},
                         {130, 70, 300, 1}, {113, 96, 48, 1},   {64, 200, 17, 3},  {300, 40, 270, 5},
                         {0, 8, 8, 2},      {40, 1100, 260, 1}, {2500, 20, 40, 1}, {3000, 9, 20, 3}};

void rowsAreMultipliedInOneOrder(Isa isa, int numThreads) {
  TestRandom random(11);
  Device device(isa, numThreads);
  GemmScratch scratch;
  for (const Shape& shape : kShapes)
    for (bool isTransposed : {false, true})
      for (bool isAdded : {false, true}) {
        const Groups groups = randomGroups(random, shape);
        const int64_t depth = isTransposed ? shape.rows : shape.cols, width = isTransposed ? shape.cols : shape.rows;
        const std::vector<float> x = randomFloats(random, shape.numTokens * depth),
                                 w = randomFloats(random, shape.numExperts * shape.rows * shape.cols);
        std::vector<float> out = randomFloats(random, shape.numTokens * width);
        const std::vector<float> before = out;
        const bool isGrouped = shape.numExperts > 1;
        const int32_t* order = isGrouped ? groups.order.data() : nullptr;
        RowsProduct product;
        product.x = {x.data(), depth, order};
        product.numTokens = shape.numTokens;
        product.offsets = isGrouped ? groups.offsets.data() : nullptr;
        product.numExperts = shape.numExperts;
        product.weights = w.data();
        product.rows = shape.rows;
        product.cols = shape.cols;
        product.isTransposed = isTransposed;
        product.out = {out.data(), width, order};
        product.isAdded = isAdded;
        multiplyRows(product, device, scratch);
        for (int64_t e = 0; e < shape.numExperts; ++e)
          for (int64_t t = isGrouped ? groups.offsets[static_cast<size_t>(e)] : 0;
               t < (isGrouped ? groups.offsets[static_cast<size_t>(e) + 1] : shape.numTokens); ++t) {
            const int64_t row = isGrouped ? groups.order[static_cast<size_t>(t)] : t;
            for (int64_t j = 0; j < width; ++j) {
              const auto left = [&](int64_t k) { return x[static_cast<size_t>(row * depth + k)]; };
              const auto right = [&](int64_t k) {
                return w[static_cast<size_t>(e * shape.rows * shape.cols +
                                             (isTransposed ? k * shape.cols + j : j * shape.cols + k))];
              };
              const size_t at = static_cast<size_t>(row * width + j);
              const float expected = sumInOrder(depth, before[at], isAdded, left, right);
              CHECK(out[at] == expected, "%s, %d threads, %dx%dx%d: row %d column %d is %g and not %g",
                    isaName(device.kernels.isa), numThreads, (int)shape.numTokens, (int)shape.rows, (int)shape.cols,
                    (int)row, (int)j, out[at], expected);
            }
          }
      }
}

void matricesBesideEachOtherHaveTheirOwnBits(Isa isa, int numThreads) {
  TestRandom random(13);
  Device device(isa, numThreads);
  GemmScratch scratch;
  for (const Shape& shape : kShapes) {
    const Groups groups = randomGroups(random, shape);
    const bool isGrouped = shape.numExperts > 1;
    const std::vector<float> x = randomFloats(random, shape.numTokens * shape.cols);
    std::vector<std::vector<float>> matrices, together, alone;
    for (int64_t rows : {shape.rows, int64_t{5}, int64_t{64}}) {
      matrices.push_back(randomFloats(random, shape.numExperts * rows * shape.cols));
      together.emplace_back(static_cast<size_t>(shape.numTokens * rows));
      alone.emplace_back(static_cast<size_t>(shape.numTokens * rows));
    }
    const auto rowsOf = [&](size_t i) {
      return static_cast<int64_t>(matrices[i].size()) / shape.cols / shape.numExperts;
    };
    const auto productOf = [&](size_t i, std::vector<float>& out) {
      const int32_t* order = isGrouped ? groups.order.data() : nullptr;
      RowsProduct product;
      product.x = {x.data(), shape.cols, order};
      product.numTokens = shape.numTokens;
      product.offsets = isGrouped ? groups.offsets.data() : nullptr;
      product.numExperts = shape.numExperts;
      product.weights = matrices[i].data();
      product.rows = rowsOf(i);
      product.cols = shape.cols;
      product.out = {out.data(), rowsOf(i), order};
      return product;
    };
    RowsProduct first = productOf(0, together[0]);
    for (size_t i = 1; i < 3; ++i)
      first.beside[first.numBeside++] = {matrices[i].data(), rowsOf(i), together[i].data(), rowsOf(i)};
    CHECK(multiplyRows(first, device, scratch), "%s", "no memory");
    for (size_t i = 0; i < 3; ++i) {
      CHECK(multiplyRows(productOf(i, alone[i]), device, scratch), "%s", "no memory");
      CHECK(sameBits(together[i], alone[i]), "%s, %d threads, %dx%dx%d: matrix %d differs", isaName(device.kernels.isa),
            numThreads, (int)shape.numTokens, (int)shape.rows, (int)shape.cols, (int)i);
    }
  }
}

void weightsAreSummedOverTokensInOneOrder(Isa isa, int numThreads) {
  TestRandom random(12);
  Device device(isa, numThreads);
  GemmScratch scratch;
  for (const Shape& shape : kShapes)
    for (bool isAdded : {false, true}) {
      const Groups groups = randomGroups(random, shape);
      const std::vector<float> gradient = randomFloats(random, shape.numTokens * shape.rows),
                               x = randomFloats(random, shape.numTokens * shape.cols);
      std::vector<float> out = randomFloats(random, shape.numExperts * shape.rows * shape.cols);
      const std::vector<float> before = out;
      const bool isGrouped = shape.numExperts > 1;
      const int32_t* order = isGrouped ? groups.order.data() : nullptr;
      WeightProduct product;
      product.gradient = {gradient.data(), shape.rows, order};
      product.x = {x.data(), shape.cols, order};
      product.numTokens = shape.numTokens;
      product.offsets = isGrouped ? groups.offsets.data() : nullptr;
      product.numExperts = shape.numExperts;
      product.rows = shape.rows;
      product.cols = shape.cols;
      product.out = out.data();
      product.isAdded = isAdded;
      multiplyWeights(product, device, scratch);
      for (int64_t e = 0; e < shape.numExperts; ++e) {
        const int64_t begin = isGrouped ? groups.offsets[static_cast<size_t>(e)] : 0,
                      end = isGrouped ? groups.offsets[static_cast<size_t>(e) + 1] : shape.numTokens;
        const auto token = [&](int64_t k) {
          return isGrouped ? groups.order[static_cast<size_t>(begin + k)] : static_cast<int32_t>(begin + k);
        };
        for (int64_t i = 0; i < shape.rows; ++i)
          for (int64_t j = 0; j < shape.cols; ++j) {
            const size_t at = static_cast<size_t>((e * shape.rows + i) * shape.cols + j);
            const auto left = [&](int64_t k) { return gradient[static_cast<size_t>(token(k) * shape.rows + i)]; };
            const auto right = [&](int64_t k) { return x[static_cast<size_t>(token(k) * shape.cols + j)]; };
            float expected = end == begin
                                 ? (isAdded ? before[at] : 0.0f)
                                 : sumInOrder(std::min<int64_t>(end - begin, 1024), before[at], isAdded, left, right);
            for (int64_t first = 1024; first < end - begin; first += 1024) {
              const auto leftOfPiece = [&](int64_t k) { return left(first + k); };
              const auto rightOfPiece = [&](int64_t k) { return right(first + k); };
              expected += sumInOrder(std::min<int64_t>(end - begin - first, 1024), 0, false, leftOfPiece, rightOfPiece);
            }
            CHECK(out[at] == expected, "%s, %d threads, %dx%dx%d: expert %d [%d, %d] is %g and not %g",
                  isaName(device.kernels.isa), numThreads, (int)shape.numTokens, (int)shape.rows, (int)shape.cols,
                  (int)e, (int)i, (int)j, out[at], expected);
          }
      }
    }
}

}  // namespace
}  // namespace dots

int main() {
  dots::onEachIsa([](const dots::Kernels& kernels) {
    for (int numThreads : {1, 3}) {
      dots::rowsAreMultipliedInOneOrder(kernels.isa, numThreads);
      dots::matricesBesideEachOtherHaveTheirOwnBits(kernels.isa, numThreads);
      dots::weightsAreSummedOverTokensInOneOrder(kernels.isa, numThreads);
    }
  });
  return dots::finishTests("gemm");
}
