// Activations to int8 blocks, once per row, before any number of matrices that share them.
#pragma once

#include <cstdint>

#include "activations.h"
#include "isa-dispatch.h"
#include "storage.h"

namespace dots {

/// Bytes of one row of `cols` activations as `kind`, a multiple of 64; for kF32, of the row itself.
static inline int64_t activationRowBytes(Activation kind, int64_t cols) {
  return kind == Activation::kF32 ? cols * 4 : activationLayout(kind, cols).rowBytes;
}

// Quantises numRows rows of cols floats, ldX floats apart, to out (64-byte aligned, activationRowBytes apart).
// kind is kQ32 or kQ256 and cols a multiple of 32 or 256. Per block of n elements:
//   d = max|x| / 127, q = round to nearest even(x * (127 / max|x|)).
// A block whose largest magnitude is below 1e-30 becomes zero (127 / max|x| could overflow). A block with an infinity
// or a NaN gets d = NaN, so that every product with it shows it. Bit-identical on every instruction set.
DOTS_DECLARE_KERNEL(void quantizeRows(Activation kind, const float* x, int64_t ldX, int64_t numRows, int64_t cols,
                                      uint8_t* out))

}  // namespace dots
