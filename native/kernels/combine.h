// What the experts of a token said, added up by weight.
#pragma once

#include <cstdint>

#include "isa-dispatch.h"

namespace dots {

DOTS_DECLARE_KERNEL(
    /// y_T = sum over k of weights_TK[t][k] * x_RD[t * K + k], in slot order and not in expert order, so that it does
    /// not depend on how rows were sorted; then plus_TD (the shared experts' output, say) is added unless it is null.
    /// x_RD, weights_TK, plus_TD -> y_TD; y may be plus. Tokens [begin, end).
    void weightedSum(const float* x_RD, const float* weights_TK, int64_t k, int64_t width, const float* plus_TD,
                     float* y_TD, int64_t begin, int64_t end))

}  // namespace dots
