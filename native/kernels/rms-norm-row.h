// What a row must be multiplied with: shared by rmsNorm and its gradients, so that both see the same bits.
#pragma once

#include "vec16.h"

namespace dots {
namespace DOTS_ISA {

DOTS_INLINE float inverseRootMeanSquare(const float* x_D, int64_t width, float eps) {
  // Four sums in flight hide the latency of the multiply-add; 64 short sums are also more exact than one long one.
  Vec16 sum[4] = {set16(0.0f), set16(0.0f), set16(0.0f), set16(0.0f)};
  int64_t i = 0;
  for (; i + 64 <= width; i += 64)
    for (int part = 0; part < 4; ++part) {
      const Vec16 x = load16(x_D + i + 16 * part);
      sum[part] = fma(x, x, sum[part]);
    }
  for (int part = 0; i < width; i += 16, ++part) {
    const Vec16 x = i + 16 <= width ? load16(x_D + i) : loadTail16(x_D + i, static_cast<int>(width - i));
    sum[part] = fma(x, x, sum[part]);
  }
  const float total = reduceAdd16(add(add(sum[0], sum[1]), add(sum[2], sum[3])));
  return 1.0f / __builtin_sqrtf(total / static_cast<float>(width) + eps);
}

}  // namespace DOTS_ISA
}  // namespace dots
