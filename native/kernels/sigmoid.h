// The logistic function, and a loop that treats a range's last elements exactly like all others.
#pragma once

#include "vec16.h"

namespace dots {
namespace DOTS_ISA {

/// 1 / (1 + exp(-x)), relative error below 4e-7; never exactly zero.
DOTS_INLINE Vec16 sigmoid16(Vec16 x) {
  const Vec16 one = set16(1.0f);
  return div(one, add(one, exp16(sub(set16(0.0f), x))));
}

/// x / (1 + exp(-x)).
DOTS_INLINE Vec16 silu16(Vec16 x) { return div(x, add(set16(1.0f), exp16(sub(set16(0.0f), x)))); }

/// y[i] = f(a[i], b[i]) for i in [begin, end).
template <class F>
DOTS_INLINE void mapElements(const float* a, const float* b, float* y, int64_t begin, int64_t end, F f) {
  int64_t i = begin;
  for (; i + 16 <= end; i += 16) store16(y + i, f(load16(a + i), load16(b + i)));
  const int left = static_cast<int>(end - i);
  if (left > 0) storeTail16(y + i, f(loadTail16(a + i, left), loadTail16(b + i, left)), left);
}

}  // namespace DOTS_ISA
}  // namespace dots
