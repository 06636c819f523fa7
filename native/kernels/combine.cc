#include "combine.h"

#include "vec16.h"

namespace dots {
namespace DOTS_ISA {

// Columns d...d+15 of one token; `load` and `store` differ at the row's end only.
template <class Load>
DOTS_INLINE Vec16 sumColumns(const float* x_KD, const float* weights_K, int64_t k, int64_t width, const float* plus_D,
                             Load load) {
  Vec16 sum = mul(set16(weights_K[0]), load(x_KD));
  for (int64_t slot = 1; slot < k; ++slot) sum = fma(set16(weights_K[slot]), load(x_KD + slot * width), sum);
  return plus_D ? add(sum, load(plus_D)) : sum;
}

void weightedSum(const float* x_RD, const float* weights_TK, int64_t k, int64_t width, const float* plus_TD,
                 float* y_TD, int64_t begin, int64_t end) {
  for (int64_t t = begin; t < end; ++t) {
    const float* x = x_RD + t * k * width;
    const float* weights = weights_TK + t * k;
    const float* plus = plus_TD ? plus_TD + t * width : nullptr;
    float* y = y_TD + t * width;
    int64_t d = 0;
    for (; d + 16 <= width; d += 16)
      store16(y + d, sumColumns(x + d, weights, k, width, plus ? plus + d : nullptr,
                                [](const float* p) { return load16(p); }));
    const int left = static_cast<int>(width - d);
    if (left > 0)
      storeTail16(y + d,
                  sumColumns(x + d, weights, k, width, plus ? plus + d : nullptr,
                             [=](const float* p) { return loadTail16(p, left); }),
                  left);
  }
}

}  // namespace DOTS_ISA
}  // namespace dots
