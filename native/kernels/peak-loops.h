// What the machine can do at most: the inner loops for measuring it, without anything around them. Results of other
// kernels are stated as shares of these.
#pragma once

#include <cstdint>

#include "isa-dispatch.h"

namespace dots {

DOTS_DECLARE_KERNEL(
    /// Loads every byte once, front to back, with the widest loads there are. bytes is a multiple of 512.
    uint64_t readBytes(const uint8_t* data, int64_t bytes))

DOTS_DECLARE_KERNEL(
    /// Fused multiply-adds of f32 in independent chains -> how many were done.
    int64_t multiplyFloats(int64_t rounds, float* sink))

DOTS_DECLARE_KERNEL(
    /// Multiply-adds of 8-bit integers into 32-bit sums in independent chains -> how many were done.
    int64_t multiplyBytes(int64_t rounds, int32_t* sink))

}  // namespace dots
