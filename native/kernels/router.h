// Which experts a token is routed to, and their weights. All in f32, whatever the weights are (report §2).
//
// T tokens, E experts, K experts for each token, R = T * K routed rows; row r is slot r % K of token r / K.
#pragma once

#include <cstdint>

#include "isa-dispatch.h"

namespace dots {

/// numGroups divides numExperts; numGroups = numKept = 1 is plain top-K. numExpertsPerToken <= numExperts.
struct Routing {
  int32_t numExperts;          // E
  int32_t numExpertsPerToken;  // K
  int32_t numGroups;
  int32_t numKept;
};

DOTS_DECLARE_KERNEL(
    /// The K columns of largest scores + bias, largest first, ties to the lower column; experts outside the numKept
    /// groups with the largest sum of two entries are out of the race. scores_TE, bias_E -> experts_TK, tokens
    /// [begin, end). `scratch` holds numExperts + numGroups floats for each thread. K different columns whatever the
    /// scores are: a NaN loses to every number.
    void chooseExperts(const Routing& routing, const float* scores_TE, const float* bias_E, float* scratch,
                       int32_t* experts_TK, int64_t begin, int64_t end))

DOTS_DECLARE_KERNEL(
    /// chooseExperts with a bias of nothing. x_TE -> columns_TK.
    void topK(int64_t width, int64_t k, const float* x_TE, int32_t* columns_TK, int64_t begin, int64_t end))

DOTS_DECLARE_KERNEL(
    /// All but the best groups become -infinity; ties to the lower group. x_TE -> y_TE; y may be x. `scratch` holds
    /// numGroups floats for each thread.
    void limitGroups(const Routing& routing, const float* x_TE, float* scratch, float* y_TE, int64_t begin,
                     int64_t end))

DOTS_DECLARE_KERNEL(
    /// y_TK[t][k] = x_TE[t][columns_TK[t][k]], rows [begin, end).
    void gather(const float* x_TE, int64_t width, const int32_t* columns_TK, int64_t k, float* y_TK, int64_t begin,
                int64_t end))

DOTS_DECLARE_KERNEL(
    /// e^x over the sum of e^x along the row, in the order of the columns; y may be x. x_TE -> y_TE, rows [begin, end).
    void softmax(const float* x_TE, int64_t width, float* y_TE, int64_t begin, int64_t end))

DOTS_DECLARE_KERNEL(
    /// Every row divided by (its sum in slot order + eps); y may be x. x_TK -> y_TK, rows [begin, end).
    void normalizeRows(const float* x_TK, int64_t width, float eps, float* y_TK, int64_t begin, int64_t end))

DOTS_DECLARE_KERNEL(
    /// Routed rows by expert: rows_R[offsets[e]...offsets[e + 1] - 1] are the rows of expert e, rising.
    /// experts_R -> offsets (numExperts + 1), rows_R. Experts must be in 0...numExperts-1.
    void groupByExpert(const int32_t* experts_R, int64_t numRows, int64_t numExperts, int32_t* offsets,
                       int32_t* rows_R))

}  // namespace dots
