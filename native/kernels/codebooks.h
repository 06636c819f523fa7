// The grids of the codebook storage types: constants of the format, found by its author through clustering.
#pragma once

#include <cstdint>

namespace dots {

/// Entries of eight (IQ2, IQ1) or four (IQ3) values, one after the other, on 64 bytes. Unpacked on first use.
const int8_t* gridIq2Xxs();  // 256 entries of 8, 25 or 43
const int8_t* gridIq2Xs();   // 512
const int8_t* gridIq2S();    // 1024
const int8_t* gridIq3Xxs();  // 256 entries of 4, 12, ..., 52, 62
const int8_t* gridIq3S();    // 512 entries of 1, 3, ..., 15
const int8_t* gridIq1();     // 2048 entries of -1, 0 or 1

}  // namespace dots
