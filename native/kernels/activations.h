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
};

struct ActivationRow {
  const int8_t* q;
  const int16_t* q16;         // the same as int16, in the order 0 2 1 3 within each four (AVX2 only, see dot-codes.h)
  const int16_t* sums16;      // sums of 16 neighbours
  const int16_t* sums32;      // sums of 32
  const int32_t* wideSums32;  // the same as int32
  const float* d;
};

// Static, so that every source has a copy of its own: those of kernels are compiled for one instruction set (isa.h).
static inline int64_t alignedTo64(int64_t n) { return (n + 63) / 64 * 64; }

static inline ActivationLayout activationLayout(Activation kind, int64_t cols) {
  ActivationLayout at;
  at.q16 = alignedTo64(cols);
  at.sums16 = at.q16 + alignedTo64(cols * 2);
  at.sums32 = at.sums16 + alignedTo64(cols / 16 * 2);
  at.wideSums32 = at.sums32 + alignedTo64(cols / 32 * 2);
  at.d = at.wideSums32 + alignedTo64(cols / 32 * 4);
  at.rowBytes = at.d + alignedTo64(cols / (kind == Activation::kQ256 ? 256 : 32) * 4);
  return at;
}

static inline ActivationRow activationRow(const uint8_t* row, const ActivationLayout& at) {
  return {reinterpret_cast<const int8_t*>(row),
          reinterpret_cast<const int16_t*>(row + at.q16),
          reinterpret_cast<const int16_t*>(row + at.sums16),
          reinterpret_cast<const int16_t*>(row + at.sums32),
          reinterpret_cast<const int32_t*>(row + at.wideSums32),
          reinterpret_cast<const float*>(row + at.d)};
}

}  // namespace dots
