// How a row of activations lies in memory once it is quantised.
//
// All arrays of a row start on 64 bytes. `d` holds one scale per 32 or 256 elements (Activation::kQ32, kQ256); the sums
// are of the int8 codes and serve types whose codes have an offset or a minimum.
#pragma once

#include <cstdint>

#include "storage.h"

namespace dots {

struct ActivationLayout {
  int64_t q16, sums16, sums32, wideSums32, d, rowBytes;

  constexpr ActivationLayout(Activation kind, int64_t cols)
      : q16(align(cols)),
        sums16(q16 + align(cols * 2)),
        sums32(sums16 + align(cols / 16 * 2)),
        wideSums32(sums32 + align(cols / 32 * 2)),
        d(wideSums32 + align(cols / 32 * 4)),
        rowBytes(d + align(cols / (kind == Activation::kQ256 ? 256 : 32) * 4)) {}

 private:
  static constexpr int64_t align(int64_t n) { return (n + 63) / 64 * 64; }
};

struct ActivationRow {
  const int8_t* q;
  const int16_t* q16;         // the same as int16, in the order 0 2 1 3 within each four (AVX2 only, see dot-codes.h)
  const int16_t* sums16;      // sums of 16 neighbours
  const int16_t* sums32;      // sums of 32
  const int32_t* wideSums32;  // the same as int32
  const float* d;

  ActivationRow() = default;
  ActivationRow(const uint8_t* row, const ActivationLayout& at)
      : q(reinterpret_cast<const int8_t*>(row)),
        q16(reinterpret_cast<const int16_t*>(row + at.q16)),
        sums16(reinterpret_cast<const int16_t*>(row + at.sums16)),
        sums32(reinterpret_cast<const int16_t*>(row + at.sums32)),
        wideSums32(reinterpret_cast<const int32_t*>(row + at.wideSums32)),
        d(reinterpret_cast<const float*>(row + at.d)) {}
};

}  // namespace dots
