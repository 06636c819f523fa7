// Blocks as a file stores them, from levels and scales as the searches find them. The layouts are those of
// kernels/stored-block.h, read the other way.
#pragma once

#include <cstdint>

#include "kernels/storage.h"

namespace dots {

/// A weight is d * multiples[s] * levels[i] - dmin * minimums[s], with d as the format's formula has it for whole
/// multiples and levels. Types without sub-blocks have no multiples.
struct BlockCodes {
  uint16_t d, dmin;  // halves as stored; for mxfp4, d is the exponent's byte
  int8_t levels[256];
  int16_t multiples[16], minimums[16];
};

/// Writes one block of `type`.
void packBlock(StorageId type, const BlockCodes& block, uint8_t* out);

}  // namespace dots
