// Rows to unit root mean square.
#pragma once

#include <cstdint>

#include "isa-dispatch.h"

namespace dots {

DOTS_DECLARE_KERNEL(
    /// y = x / sqrt(mean(x^2) + eps) * w, row by row; y may be x. x_RD, w_D -> y_RD, rows [begin, end). A row of f32 is
    /// summed in 64 interleaved parts, in one order on every instruction set. Source: arXiv:1910.07467.
    void rmsNorm(const float* x_RD, const float* w_D, float eps, int64_t width, float* y_RD, int64_t begin,
                 int64_t end))

}  // namespace dots
