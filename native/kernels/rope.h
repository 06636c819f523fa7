// Rotary position embedding, half-split ("NeoX") pairing: element i of a head turns with element i + H/2.
#pragma once

#include <cstdint>

#include "isa-dispatch.h"

namespace dots {

DOTS_DECLARE_KERNEL(
    /// Cosines and sines of this step's tokens, computed in double: angles_T2P[t][0][i] = cos(position *
    /// theta^(-2i/H)), [t][1][i] its sine, P = H/2. Tokens [begin, end). Once a step: every layer and every head turns
    /// by these.
    void ropeAngles(const int32_t* positions_T, double theta, int64_t headWidth, float* angles_T2P, int64_t begin,
                    int64_t end))

DOTS_DECLARE_KERNEL(
    /// Turn every head of every token. x_TNH, angles_T2P -> y_TNH; y may be x. Rows [begin, end) of T * N.
    void rope(const float* x_TNH, const float* angles_T2P, int64_t numHeads, int64_t headWidth, float* y_TNH,
              int64_t begin, int64_t end))

}  // namespace dots
