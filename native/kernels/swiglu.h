// silu(gate) * up in one pass over memory.
#pragma once

#include <cstdint>

#include "isa-dispatch.h"

namespace dots {

DOTS_DECLARE_KERNEL(
    /// y[i] = gate[i] / (1 + exp(-gate[i])) * up[i], elements [begin, end); y may be gate or up. The bits of
    /// mulElements(siluElements(gate), up). Source: arXiv:2002.05202.
    void swiglu(const float* gate, const float* up, float* y, int64_t begin, int64_t end))

}  // namespace dots
