#include <algorithm>
#include <cmath>

#include "kernels/combine.h"
#include "kernels/elementwise.h"
#include "kernels/embedding.h"
#include "kernels/swiglu.h"
#include "tests/each-isa.h"

namespace dots {
namespace {

double relative(double found, double expected) { return std::fabs(found - expected) / std::fabs(expected); }

// Everything an activation can be: small, large, saturated, signed zeros.
std::vector<float> activations() {
  std::vector<float> x{0.0f, -0.0f, 1e-30f, -1e-30f, 200.0f, -200.0f, 3e38f, -3e38f, INFINITY};
  for (float v = -90; v <= 90; v += 0.0137f) x.push_back(v);
  return x;
}

void sigmoidAndSiluStayWithinAFewUlps(const Kernels& kernels) {
  const std::vector<float> x = activations();
  const int64_t n = static_cast<int64_t>(x.size());
  std::vector<float> sigmoid(n), silu(n);
  kernels.sigmoidElements(x.data(), sigmoid.data(), 0, n);
  kernels.siluElements(x.data(), silu.data(), 0, n);
  double worst = 0;
  for (int64_t i = 0; i < n; ++i) {
    const double s = 1 / (1 + std::exp(-static_cast<double>(x[i])));
    if (std::fabs(x[i]) < 87 && x[i] != 0) {
      worst = std::max({worst, relative(sigmoid[i], s), relative(silu[i], x[i] * s)});
    } else {
      CHECK(std::fabs(sigmoid[i] - s) < 1e-37, "sigmoid(%g) = %g", x[i], sigmoid[i]);
      CHECK(x[i] > 0 ? silu[i] == x[i] : std::fabs(silu[i]) <= std::fabs(x[i]) * 1e-37, "silu(%g) = %g", x[i], silu[i]);
    }
  }
  CHECK(worst < 4e-7, "%s: relative error %g", isaName(kernels.isa), worst);
  const float nan = std::nanf("");
  float out;
  kernels.siluElements(&nan, &out, 0, 1);
  CHECK(out != out, "silu(NaN) = %g", out);
}

// An element gets the same bits from any range, at any alignment, in place or not.
void rangesDoNotMatter(const Kernels& kernels) {
  TestRandom random(4);
  const int64_t n = 307;
  const std::vector<float> a = randomFloats(random, n, 5), b = randomFloats(random, n), row = randomFloats(random, 13);
  const auto compare = [&](const char* name, auto&& run) {
    std::vector<float> whole(n), pieces = a;
    run(a.data(), whole.data(), int64_t{0}, n);
    for (int64_t begin = 0; begin < n;) {
      const int64_t end = std::min<int64_t>(n, begin + random.below(40));
      run(pieces.data(), pieces.data(), begin, end);
      begin = end;
    }
    CHECK(sameBits(whole, pieces), "%s %s", isaName(kernels.isa), name);
  };
  compare("add", [&](const float* x, float* y, int64_t begin, int64_t end) {
    kernels.addElements(x, b.data(), n, y, begin, end);
  });
  compare("add a row", [&](const float* x, float* y, int64_t begin, int64_t end) {
    kernels.addElements(x, row.data(), 13, y, begin, end);
  });
  compare("mul", [&](const float* x, float* y, int64_t begin, int64_t end) {
    kernels.mulElements(x, b.data(), n, y, begin, end);
  });
  compare("scale",
          [&](const float* x, float* y, int64_t begin, int64_t end) { kernels.scaleElements(x, 2.5f, y, begin, end); });
  compare("sigmoid",
          [&](const float* x, float* y, int64_t begin, int64_t end) { kernels.sigmoidElements(x, y, begin, end); });
  compare("silu",
          [&](const float* x, float* y, int64_t begin, int64_t end) { kernels.siluElements(x, y, begin, end); });
  compare("swiglu",
          [&](const float* x, float* y, int64_t begin, int64_t end) { kernels.swiglu(x, b.data(), y, begin, end); });
}

void valuesAreThoseOfTheOps(const Kernels& kernels) {
  TestRandom random(5);
  const int64_t n = 50;
  const std::vector<float> a = randomFloats(random, n), b = randomFloats(random, n), row = randomFloats(random, 10);
  std::vector<float> y(n), z(n);
  kernels.addElements(a.data(), row.data(), 10, y.data(), 0, n);
  for (int i = 0; i < n; ++i) CHECK(y[i] == a[i] + row[i % 10], "add %d", i);
  kernels.mulElements(a.data(), row.data(), 10, y.data(), 0, n);
  for (int i = 0; i < n; ++i) CHECK(y[i] == a[i] * row[i % 10], "mul %d", i);
  kernels.scaleElements(a.data(), 2.5f, y.data(), 0, n);
  for (int i = 0; i < n; ++i) CHECK(y[i] == a[i] * 2.5f, "scale %d", i);
  kernels.siluElements(a.data(), z.data(), 0, n);
  kernels.swiglu(a.data(), b.data(), y.data(), 0, n);
  for (int i = 0; i < n; ++i) CHECK(y[i] == z[i] * b[i], "swiglu %d", i);
}

void weightedSumAddsInSlotOrder(const Kernels& kernels) {
  TestRandom random(6);
  for (int width : {1, 16, 37, 128}) {
    const int T = 5, K = 3;
    const std::vector<float> x = randomFloats(random, T * K * width), w = randomFloats(random, T * K),
                             plus = randomFloats(random, T * width);
    std::vector<float> y(T * width), with = plus;
    kernels.weightedSum(x.data(), w.data(), K, width, nullptr, y.data(), 0, T);
    kernels.weightedSum(x.data(), w.data(), K, width, with.data(), with.data(), 0, T);
    for (int t = 0; t < T; ++t)
      for (int d = 0; d < width; ++d) {
        double expected = 0;
        for (int k = 0; k < K; ++k) expected += static_cast<double>(w[t * K + k]) * x[(t * K + k) * width + d];
        const float found = y[t * width + d];
        CHECK(std::fabs(found - expected) < 2e-6, "%s width %d: %g and %g", isaName(kernels.isa), width, found,
              expected);
        CHECK(with[t * width + d] == found + plus[t * width + d], "the shared part comes last");
      }
  }
}

bool decodeBytes(StorageId, const uint8_t* row, int64_t count, float* out) {
  for (int64_t i = 0; i < count; ++i) out[i] = row[i];
  return true;
}

void rowsArePickedByNumber(const Kernels& kernels) {
  const uint8_t table[] = {1, 2, 3, 4, 5, 6};
  const int32_t ids[] = {2, 0, 2};
  float y[6] = {};
  CHECK(kernels.embedding(decodeBytes, StorageId::kF32, table, 2, ids, 2, y, 0, 3), "refused");
  CHECK(y[0] == 5 && y[1] == 6 && y[2] == 1 && y[3] == 2 && y[4] == 5, "wrong rows");
  float taken[4];
  const int32_t rows[] = {1, 2};
  kernels.takeRows(y, rows, 2, taken, 0, 2);
  CHECK(taken[0] == 1 && taken[3] == 6, "wrong rows taken");
  CHECK(kernels.findOutside(ids, 3, 3) == -1 && kernels.findOutside(ids, 3, 2) == 0, "findOutside");
  const int32_t negative[] = {0, -1};
  CHECK(kernels.findOutside(negative, 2, 3) == 1, "a negative number");
}

}  // namespace
}  // namespace dots

int main() {
  dots::onEachIsa([](const dots::Kernels& kernels) {
    dots::sigmoidAndSiluStayWithinAFewUlps(kernels);
    dots::rangesDoNotMatter(kernels);
    dots::valuesAreThoseOfTheOps(kernels);
    dots::weightedSumAddsInSlotOrder(kernels);
    dots::rowsArePickedByNumber(kernels);
  });
  return dots::finishTests("elementwise, swiglu, combine, embedding");
}
