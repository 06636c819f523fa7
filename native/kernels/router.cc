#include "router.h"

#include "sigmoid.h"

namespace dots {
namespace DOTS_ISA {

// A NaN compares false with everything; as the least of all numbers it still has a place in the order.
DOTS_INLINE float ranked(float x) { return x == x ? x : -__builtin_inff(); }

// Insertion into a short sorted list: E comparisons with its last entry, and few moves. Strictly greater, so that of
// equal entries the lower column stays in front.
static void largestColumns(const float* row_E, int64_t width, int64_t k, int32_t* columns_K) {
  int64_t count = 0;
  for (int64_t e = 0; e < width; ++e) {
    const float x = ranked(row_E[e]);
    if (count == k && !(x > ranked(row_E[columns_K[k - 1]]))) continue;
    int64_t at = count < k ? count++ : k - 1;
    for (; at > 0 && x > ranked(row_E[columns_K[at - 1]]); --at) columns_K[at] = columns_K[at - 1];
    columns_K[at] = static_cast<int32_t>(e);
  }
}

// -infinity, not zero: a biased score may be negative, and zero would then win.
static void keepBestGroups(const Routing& routing, float* row_E, float* groupScores) {
  const int32_t groupSize = routing.numExperts / routing.numGroups;
  for (int32_t group = 0; group < routing.numGroups; ++group) {
    const float* x = row_E + group * groupSize;
    float largest = ranked(x[0]), second = -__builtin_inff();
    for (int32_t i = 1; i < groupSize; ++i) {
      const float value = ranked(x[i]);
      second = maxOf(second, minOf(largest, value));
      largest = maxOf(largest, value);
    }
    groupScores[group] = groupSize > 1 ? largest + second : largest;
  }
  // A group stays if fewer than numKept others are better, or equal and before it.
  for (int32_t group = 0; group < routing.numGroups; ++group) {
    int32_t numBefore = 0;
    for (int32_t other = 0; other < routing.numGroups; ++other)
      numBefore +=
          groupScores[other] > groupScores[group] || (groupScores[other] == groupScores[group] && other < group);
    if (numBefore < routing.numKept) continue;
    for (int32_t i = 0; i < groupSize; ++i) row_E[group * groupSize + i] = -__builtin_inff();
  }
}

static void chooseForToken(const Routing& routing, const float* scores_E, const float* bias_E, float* scratch,
                           int32_t* experts_K) {
  const int64_t E = routing.numExperts;
  mapElements(scores_E, bias_E, scratch, 0, E, [](Vec16 s, Vec16 b) { return add(s, b); });
  if (routing.numKept < routing.numGroups) keepBestGroups(routing, scratch, scratch + E);
  largestColumns(scratch, E, routing.numExpertsPerToken, experts_K);
}

void chooseExperts(const Routing& routing, const float* scores_TE, const float* bias_E, float* scratch,
                   int32_t* experts_TK, int64_t begin, int64_t end) {
  for (int64_t t = begin; t < end; ++t)
    chooseForToken(routing, scores_TE + t * routing.numExperts, bias_E, scratch,
                   experts_TK + t * routing.numExpertsPerToken);
}

void topK(int64_t width, int64_t k, const float* x_TE, int32_t* columns_TK, int64_t begin, int64_t end) {
  for (int64_t t = begin; t < end; ++t) largestColumns(x_TE + t * width, width, k, columns_TK + t * k);
}

void limitGroups(const Routing& routing, const float* x_TE, float* scratch, float* y_TE, int64_t begin, int64_t end) {
  for (int64_t t = begin; t < end; ++t) {
    float* y = y_TE + t * routing.numExperts;
    memmove(y, x_TE + t * routing.numExperts, sizeof(float) * static_cast<size_t>(routing.numExperts));
    keepBestGroups(routing, y, scratch);
  }
}

void gather(const float* x_TE, int64_t width, const int32_t* columns_TK, int64_t k, float* y_TK, int64_t begin,
            int64_t end) {
  for (int64_t t = begin; t < end; ++t)
    for (int64_t i = t * k; i < (t + 1) * k; ++i) y_TK[i] = x_TE[t * width + columns_TK[i]];
}

void softmax(const float* x_TE, int64_t width, float* y_TE, int64_t begin, int64_t end) {
  for (int64_t t = begin; t < end; ++t) {
    const float* x = x_TE + t * width;
    float* y = y_TE + t * width;
    float largest = x[0], sum = 0.0f;
    for (int64_t i = 1; i < width; ++i) largest = maxOf(largest, x[i]);
    mapElements(x, x, y, 0, width, [=](Vec16 v, Vec16) { return exp16(sub(v, set16(largest))); });
    for (int64_t i = 0; i < width; ++i) sum += y[i];
    for (int64_t i = 0; i < width; ++i) y[i] /= sum;
  }
}

void normalizeRows(const float* x_TK, int64_t width, float eps, float* y_TK, int64_t begin, int64_t end) {
  for (int64_t t = begin; t < end; ++t) {
    float sum = 0.0f;
    for (int64_t i = t * width; i < (t + 1) * width; ++i) sum += x_TK[i];
    sum += eps;
    for (int64_t i = t * width; i < (t + 1) * width; ++i) y_TK[i] = x_TK[i] / sum;
  }
}

void groupByExpert(const int32_t* experts_R, int64_t numRows, int64_t numExperts, int32_t* offsets, int32_t* rows_R) {
  // A counting sort. Afterwards offsets[e] has moved to the end of e, which is the start of e + 1: shifting it by one
  // place gives the starts back without a second array.
  memset(offsets, 0, sizeof(int32_t) * static_cast<size_t>(numExperts + 1));
  for (int64_t r = 0; r < numRows; ++r) ++offsets[experts_R[r]];
  int32_t start = 0;
  for (int64_t e = 0; e < numExperts; ++e) {
    const int32_t count = offsets[e];
    offsets[e] = start;
    start += count;
  }
  for (int64_t r = 0; r < numRows; ++r) rows_R[offsets[experts_R[r]]++] = static_cast<int32_t>(r);
  for (int64_t e = numExperts; e > 0; --e) offsets[e] = offsets[e - 1];
  offsets[0] = 0;
}

}  // namespace DOTS_ISA
}  // namespace dots
