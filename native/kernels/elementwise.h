// Element by element. An element's bits do not depend on the range it is computed in. Outputs may be their inputs.
#pragma once

#include <cstdint>

#include "isa-dispatch.h"

namespace dots {

DOTS_DECLARE_KERNEL(
    /// y[i] = a[i] + b[i % lengthB], elements [begin, end): b is repeated over the leading axes of a.
    void addElements(const float* a, const float* b, int64_t lengthB, float* y, int64_t begin, int64_t end))

DOTS_DECLARE_KERNEL(
    /// y[i] = a[i] * b[i % lengthB], elements [begin, end).
    void mulElements(const float* a, const float* b, int64_t lengthB, float* y, int64_t begin, int64_t end))

DOTS_DECLARE_KERNEL(
    /// y[i] = x[i] * factor, elements [begin, end).
    void scaleElements(const float* x, float factor, float* y, int64_t begin, int64_t end))

DOTS_DECLARE_KERNEL(
    /// y[i] = 1 / (1 + exp(-x[i])), elements [begin, end).
    void sigmoidElements(const float* x, float* y, int64_t begin, int64_t end))

DOTS_DECLARE_KERNEL(
    /// y[i] = x[i] / (1 + exp(-x[i])), elements [begin, end).
    void siluElements(const float* x, float* y, int64_t begin, int64_t end))

}  // namespace dots
