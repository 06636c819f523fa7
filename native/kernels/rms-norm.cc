#include "rms-norm.h"

#include "rms-norm-row.h"

namespace dots {
namespace DOTS_ISA {

void rmsNorm(const float* x_RD, const float* w_D, float eps, int64_t width, float* y_RD, int64_t begin, int64_t end) {
  for (int64_t row = begin; row < end; ++row) {
    const float* x = x_RD + row * width;
    float* y = y_RD + row * width;
    const float factor = inverseRootMeanSquare(x, width, eps);
    int64_t i = 0;
    for (; i + 16 <= width; i += 16) store16(y + i, mul(mul(load16(x + i), set16(factor)), load16(w_D + i)));
    for (; i < width; ++i) y[i] = x[i] * factor * w_D[i];
  }
}

}  // namespace DOTS_ISA
}  // namespace dots
