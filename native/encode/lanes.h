// Sixteen blocks at once, one in each lane: every search for scales is plain code per block, whose sums run over the
// elements in order. Lanes never mix, so that the bytes of a block depend on nothing but its values and weights.
#pragma once

#include "kernels/vec16.h"

namespace dots {
namespace DOTS_ISA {

// Functions with loops over a block: a copy for each caller would make the addon take a minute longer to compile.
#define DOTS_OUTLINE inline __attribute__((noinline))

using Lanes = Vec16;

DOTS_INLINE Lanes operator+(Lanes a, Lanes b) { return add(a, b); }
DOTS_INLINE Lanes operator-(Lanes a, Lanes b) { return sub(a, b); }
DOTS_INLINE Lanes operator*(Lanes a, Lanes b) { return mul(a, b); }
DOTS_INLINE Lanes operator/(Lanes a, Lanes b) { return div(a, b); }
DOTS_INLINE Lanes operator*(Lanes a, float b) { return mul(a, set16(b)); }
DOTS_INLINE Lanes zeros() { return set16(0.0f); }

DOTS_INLINE Lanes clamp(Lanes a, float low, float high) { return min(max(a, set16(low)), set16(high)); }
DOTS_INLINE Lanes magnitude(Lanes a) { return max(a, zeros() - a); }

/// a / b; 0 where b is too small to divide by.
DOTS_INLINE Lanes ratio(Lanes a, Lanes b) { return select(lessThan(set16(1e-30f), magnitude(b)), a / b, zeros()); }

/// The nearest value that a half stores, never an infinity and never a negative zero.
DOTS_INLINE Lanes toHalf(Lanes a) {
  uint16_t halves[16];
  storeF16x16(halves, clamp(a, -65504.0f, 65504.0f));
  return loadF16x16(halves) + zeros();
}

/// In each lane the sum over its run of `width` lanes (8 or 16): of a super-block, whose sub-blocks they are.
DOTS_INLINE Lanes sumRuns(Lanes a, int width) {
  float lanes[16];
  if (width == 16) return set16(reduceAdd16(a));
  store16(lanes, a);
  for (int run = 0; run < 16; run += width) {
    for (int half = width / 2; half > 0; half /= 2)
      for (int i = 0; i < half; ++i) lanes[run + i] += lanes[run + i + half];
    for (int i = 1; i < width; ++i) lanes[run + i] = lanes[run];
  }
  return load16(lanes);
}

/// In each lane the value of largest magnitude of its run, with its sign.
DOTS_INLINE Lanes extremeOfRuns(Lanes a, int width) {
  float lanes[16];
  store16(lanes, a);
  for (int run = 0; run < 16; run += width) {
    float extreme = 0;
    for (int i = 0; i < width; ++i) {
      const float value = lanes[run + i];
      if ((value < 0 ? -value : value) > (extreme < 0 ? -extreme : extreme)) extreme = value;
    }
    for (int i = 0; i < width; ++i) lanes[run + i] = extreme;
  }
  return load16(lanes);
}

}  // namespace DOTS_ISA
}  // namespace dots
