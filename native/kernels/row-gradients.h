// Gradients of what works on rows: norms, weighted sums, choices of columns, and the loss.
//
// Sums over rows (the gradients of what all rows share) are made in blocks of kRowsOfSum rows, whose sums are then
// added in order: the same bits for any number of threads.
#pragma once

#include <cstdint>

#include "isa-dispatch.h"

namespace dots {

constexpr int64_t kRowsOfSum = 256;

DOTS_DECLARE_KERNEL(
    /// Gradient of rmsNorm for x: gradient_RD, x_RD, w_D -> y_RD, rows [begin, end). y may be the gradient.
    void rmsNormGradInput(const float* gradient_RD, const float* x_RD, const float* w_D, float eps, int64_t width,
                          float* y_RD, int64_t begin, int64_t end))

DOTS_DECLARE_KERNEL(
    /// Gradient of rmsNorm for the weight, of rows [begin, end): overwrites sum_D.
    void rmsNormGradWeight(const float* gradient_RD, const float* x_RD, float eps, int64_t width, float* sum_D,
                           int64_t begin, int64_t end))

DOTS_DECLARE_KERNEL(
    /// The sum of rows [begin, end): overwrites sum_D.
    void sumRows(const float* x_RD, int64_t width, float* sum_D, int64_t begin, int64_t end))

DOTS_DECLARE_KERNEL(
    /// Gradient of normalizeRows: gradient_TK, x_TK -> y_TK, rows [begin, end). y may be the gradient.
    void normalizeRowsGrad(const float* gradient_TK, const float* x_TK, int64_t width, float eps, float* y_TK,
                           int64_t begin, int64_t end))

DOTS_DECLARE_KERNEL(
    /// Gradient of softmax from its output: gradient_TE, y_TE -> x_TE, rows [begin, end). x may be the gradient.
    void softmaxGrad(const float* gradient_TE, const float* y_TE, int64_t width, float* x_TE, int64_t begin,
                     int64_t end))

DOTS_DECLARE_KERNEL(
    /// y_RD[t * K + k] = weights_TK[t][k] * gradient_TD[t], tokens [begin, end).
    void weightedSumGradRows(const float* gradient_TD, const float* weights_TK, int64_t k, int64_t width, float* y_RD,
                             int64_t begin, int64_t end))

DOTS_DECLARE_KERNEL(
    /// weights_TK[t][k] = the inner product of gradient_TD[t] and rows_RD[t * K + k], tokens [begin, end).
    void weightedSumGradWeights(const float* gradient_TD, const float* rows_RD, int64_t k, int64_t width,
                                float* weights_TK, int64_t begin, int64_t end))

DOTS_DECLARE_KERNEL(
    /// Entries of each row added into the given columns of a row of zeros: x_TK, columns_TK -> y_TE, rows [begin, end).
    void scatterAddColumns(const float* x_TK, const int32_t* columns_TK, int64_t k, int64_t width, float* y_TE,
                           int64_t begin, int64_t end))

DOTS_DECLARE_KERNEL(
    /// Columns [first, first + count) of rows [begin, end): x_TC -> y.
    void takeColumns(const float* x_TC, int64_t width, int64_t first, int64_t count, float* y, int64_t begin,
                     int64_t end))

DOTS_DECLARE_KERNEL(
    /// sum_VD[rows[i]] += x[i] for all i in order, in columns [begin, end) only. `ldX` floats from one x to the next.
    void addRows(const float* x, int64_t ldX, const int32_t* rows, int64_t numRows, float* sum_VD, int64_t width,
                 int64_t begin, int64_t end))

DOTS_DECLARE_KERNEL(
    /// y_TD[t] = the sum of rows t * K ... t * K + K - 1 in their order, tokens [begin, end).
    void sumSlots(const float* x_RD, int64_t k, int64_t width, float* y_TD, int64_t begin, int64_t end))

DOTS_DECLARE_KERNEL(
    /// factor * (-log softmax(logits_V)[target]); and unless d_V is null, d_V = factor * (softmax - 1 at the target),
    /// which may be the logits themselves. target is in [0, width).
    float softmaxLoss(const float* logits_V, int64_t width, int64_t target, float factor, float* d_V))

DOTS_DECLARE_KERNEL(
    /// Rope the other way round, by minus the angle. y may be x. Rows [begin, end) of T * N.
    void ropeGrad(const float* x_TNH, const float* angles_T2P, int64_t numHeads, int64_t headWidth, float* y_TNH,
                  int64_t begin, int64_t end))

DOTS_DECLARE_KERNEL(
    /// The same for interleaved pairs.
    void ropeInterleavedGrad(const float* x_TNH, const float* angles_T2P, int64_t numHeads, int64_t headWidth,
                             float* y_TNH, int64_t begin, int64_t end))

}  // namespace dots
