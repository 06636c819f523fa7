#include <cmath>

#include "kernels/rms-norm.h"
#include "kernels/rope.h"
#include "tests/each-isa.h"

namespace dots {
namespace {

void rmsNormEqualsItsFormula(const Kernels& kernels) {
  TestRandom random(1);
  for (int width : {1, 3, 4, 15, 16, 17, 63, 64, 65, 128, 200, 2048, 4096}) {
    const int rows = 5;
    const std::vector<float> x = randomFloats(random, rows * width, 3), w = randomFloats(random, width);
    std::vector<float> y(x.size(), 77.0f);
    kernels.rmsNorm(x.data(), w.data(), 1e-5f, width, y.data(), 1, rows);
    CHECK(y[0] == 77.0f && y[width - 1] == 77.0f, "row 0 is outside the range");
    for (int row = 1; row < rows; ++row) {
      double sum = 0;
      for (int i = 0; i < width; ++i) sum += static_cast<double>(x[row * width + i]) * x[row * width + i];
      const double factor = 1 / std::sqrt(sum / width + 1e-5);
      for (int i = 0; i < width; ++i) {
        const double expected = x[row * width + i] * factor * w[i];
        CHECK(std::fabs(y[row * width + i] - expected) <= 5e-7 * std::fabs(expected), "%s width %d: %g and %g",
              isaName(kernels.isa), width, y[row * width + i], expected);
      }
    }
    std::vector<float> inPlace = x;
    kernels.rmsNorm(inPlace.data(), w.data(), 1e-5f, width, inPlace.data(), 1, rows);
    CHECK(memcmp(inPlace.data() + width, y.data() + width, 4 * (rows - 1) * width) == 0, "in place, width %d", width);
  }
  const float x[] = {1, -2, 3, 0.5f}, w[] = {1, 1, 1, 1},
              expected[] = {0.5298122f, -1.0596244f, 1.5894366f, 0.2649061f};
  float y[4];
  kernels.rmsNorm(x, w, 1e-5f, 4, y, 0, 1);
  for (int i = 0; i < 4; ++i) CHECK(std::fabs(y[i] - expected[i]) < 2e-7f, "published example: %.8f", y[i]);
}

void ropeTurnsPairsByDoublePrecisionAngles(const Kernels& kernels) {
  const double theta = 1e7;
  TestRandom random(2);
  for (int H : {2, 6, 16, 34, 64, 128}) {
    const int N = 3, P = H / 2;
    const std::vector<int32_t> positions{0, 1, 77, 4095, 32767, 5};
    const int T = static_cast<int>(positions.size());
    std::vector<float> angles(T * H);
    kernels.ropeAngles(positions.data(), theta, nullptr, H, angles.data(), 0, 2);
    kernels.ropeAngles(positions.data(), theta, nullptr, H, angles.data(), 2, T);
    const std::vector<float> x = randomFloats(random, T * N * H);
    std::vector<float> y = x;
    kernels.rope(y.data(), angles.data(), N, H, y.data(), 0, T * N);
    for (int row = 0; row < T * N; ++row)
      for (int i = 0; i < P; ++i) {
        const double angle = positions[row / N] * std::pow(theta, -2.0 * i / H);
        const double a = x[row * H + i], b = x[row * H + P + i];
        CHECK(std::fabs(y[row * H + i] - (a * std::cos(angle) - b * std::sin(angle))) < 1e-6, "%s H=%d first half",
              isaName(kernels.isa), H);
        CHECK(std::fabs(y[row * H + P + i] - (b * std::cos(angle) + a * std::sin(angle))) < 1e-6, "%s H=%d second half",
              isaName(kernels.isa), H);
      }
  }
  const int32_t position = 3;
  float angles[4], x[] = {1, 2, 3, 4};
  kernels.ropeAngles(&position, theta, nullptr, 4, angles, 0, 1);
  kernels.rope(x, angles, 1, 4, x, 0, 1);
  const float expected[] = {-1.41335252f, 1.99620437f, -2.82885748f, 4.00189557f};
  for (int i = 0; i < 4; ++i) CHECK(std::fabs(x[i] - expected[i]) < 1e-6f, "published example: %.8f", x[i]);
}

}  // namespace
}  // namespace dots

int main() {
  dots::onEachIsa([](const dots::Kernels& kernels) {
    dots::rmsNormEqualsItsFormula(kernels);
    dots::ropeTurnsPairsByDoublePrecisionAngles(kernels);
  });
  return dots::finishTests("rms-norm, rope");
}
