// How a page of one head is laid out, and quantising to its bytes.
//
// kF32, kF16: [kPageSize][H], keys and values alike.
// kQ8_0, with H rounded up to whole scale blocks:
//   keys:   [kPageSize / 16][H / 4][16 keys][4 elements] bytes: one integer dot product covers a query and 16 keys,
//   with
//           nothing to add up across lanes;
//   values: [kPageSize][H] bytes;
//   both:   then [H / kScaleBlock][kPageSize] f16 scales.
#pragma once

#include "attention.h"
#include "vec16.h"

namespace dots {
namespace DOTS_ISA {

constexpr int kScaleBlock = 32;  // elements that share a scale in kQ8_0

DOTS_INLINE int scaleBlocks(int headWidth) { return (headWidth + kScaleBlock - 1) / kScaleBlock; }

DOTS_INLINE size_t bytesBeforeScales(int headWidth) {
  return static_cast<size_t>(kPageSize) * kScaleBlock * static_cast<size_t>(scaleBlocks(headWidth));
}

DOTS_INLINE size_t offsetOfKeyQuad(int slot, int quad, int headWidth) {
  const int quads = scaleBlocks(headWidth) * (kScaleBlock / 4);
  return (static_cast<size_t>(slot / 16 * quads + quad) * 16 + static_cast<size_t>(slot % 16)) * 4;
}

/// The scale for a block of at most kScaleBlock elements; a NaN if one of them is not finite.
DOTS_INLINE float scaleOfBlock(const float* x, int count) {
  float largest = 0.0f, poison = 0.0f;
  for (int i = 0; i < count; ++i) {
    largest = maxOf(largest, __builtin_fabsf(x[i]));
    poison += x[i] * 0.0f;
  }
  return largest / 127.0f + poison;
}

/// kScaleBlock bytes: x / scale, rounded, and zeros after `count`.
DOTS_INLINE void quantizeBlock(const float* x, int count, float scale, int8_t* out) {
  const float inverse = scale > 0.0f ? 1.0f / scale : 0.0f;
  for (int i = 0; i < kScaleBlock; ++i)
    out[i] =
        i < count ? static_cast<int8_t>(__builtin_rintf(maxOf(-127.0f, minOf(127.0f, x[i] * inverse)))) : int8_t{0};
}

}  // namespace DOTS_ISA
}  // namespace dots
