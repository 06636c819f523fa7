// MinHash: the least value of each of many hash functions over a set, which two sets share with a probability equal to
// their Jaccard similarity (Broder 1997).
//
// The family, version 1 (src/data/dedup/minhash-family.ts has the same one): function i of a 32-bit shingle x is
// (x ^ flips[i]) * multipliers[i] mod 2^32, a permutation, since the multipliers are odd. Integers only, so every
// instruction set gives the same minima.
#pragma once

#include <cstdint>

#include "isa-dispatch.h"

namespace dots {

/// Hash functions come in whole groups of this many.
constexpr int64_t kMinhashGroup = 64;

DOTS_DECLARE_KERNEL(
    /// minima_H[h] = min(minima_H[h], least value of function h over the shingles). numHashes is a multiple of
    /// kMinhashGroup.
    void minhash(const uint32_t* shingles_S, int64_t numShingles, const uint32_t* flips_H,
                 const uint32_t* multipliers_H, int64_t numHashes, uint32_t* minima_H))

}  // namespace dots
