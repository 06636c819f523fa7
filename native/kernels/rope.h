// Rotary position embedding: element i of a head turns with element i + H/2, the half-split ("NeoX") pairing, or,
// interleaved, element 2i with element 2i + 1.
#pragma once

#include <cstdint>

#include "isa-dispatch.h"

namespace dots {

DOTS_DECLARE_KERNEL(
    /// Cosines and sines of this step's tokens, computed in double: angles_T2P[t][0][i] = cos(position *
    /// theta^(-2i/H) / factors_P[i]), [t][1][i] its sine, P = H/2; without factors they are ones. Tokens [begin, end).
    /// Once a step: every layer and every head turns by these.
    void ropeAngles(const int32_t* positions_T, double theta, const float* factors_P, int64_t headWidth,
                    float* angles_T2P, int64_t begin, int64_t end))

DOTS_DECLARE_KERNEL(
    /// Turn every head of every token. x_TNH, angles_T2P -> y_TNH; y may be x. Rows [begin, end) of T * N.
    void rope(const float* x_TNH, const float* angles_T2P, int64_t numHeads, int64_t headWidth, float* y_TNH,
              int64_t begin, int64_t end))

DOTS_DECLARE_KERNEL(
    /// The same for interleaved pairs.
    void ropeInterleaved(const float* x_TNH, const float* angles_T2P, int64_t numHeads, int64_t headWidth, float* y_TNH,
                         int64_t begin, int64_t end))

}  // namespace dots
