// Gradients and the optimiser, element by element. An element's bits do not depend on the range it is computed in.
// Outputs may be their first inputs.
#pragma once

#include <cstdint>

#include "isa-dispatch.h"

namespace dots {

/// What one step of AdamW does to every element: graph/ops/adamw.ts has the formula.
struct AdamwRates {
  float beta1, oneMinusBeta1, beta2, oneMinusBeta2, eps;
  float clip;                                    // factor for gradients
  float rate, rateTimesDecay;                    // learning rate
  float inverseCorrection1, inverseCorrection2;  // 1 / (1 - beta^n)
};

DOTS_DECLARE_KERNEL(
    /// y[i] = gradient[i] * s[i] * (1 - s[i]), elements [begin, end).
    void sigmoidGrad(const float* gradient, const float* s, float* y, int64_t begin, int64_t end))

DOTS_DECLARE_KERNEL(
    /// y[i] = gradient[i] * s * (1 + z[i] * (1 - s)) with s = sigmoid(z[i]), elements [begin, end).
    void siluGrad(const float* gradient, const float* z, float* y, int64_t begin, int64_t end))

DOTS_DECLARE_KERNEL(
    /// siluGrad(gradient * up, gate), elements [begin, end).
    void swigluGradGate(const float* gradient, const float* gate, const float* up, float* y, int64_t begin,
                        int64_t end))

DOTS_DECLARE_KERNEL(
    /// y[i] = value, elements [begin, end).
    void fillElements(float value, float* y, int64_t begin, int64_t end))

DOTS_DECLARE_KERNEL(
    /// One step on elements [begin, end); the gradient is left at zero.
    void adamw(const AdamwRates& rates, float* parameter, float* gradient, float* mean, float* square, int64_t begin,
               int64_t end))

DOTS_DECLARE_KERNEL(
    /// The sum of x[i]^2 over elements [begin, end), in 64 interleaved parts of f32.
    float sumSquares(const float* x, int64_t begin, int64_t end))

}  // namespace dots
