// Sixteen blocks of equal size with their weights, element by element: x[j] holds element j of all of them.
#pragma once

#include "encode/encode-job.h"
#include "encode/lanes.h"

namespace dots {
namespace DOTS_ISA {

constexpr int kMaxGroupSize = 256;

struct alignas(64) Group {
  float x[kMaxGroupSize][16];
  float w[kMaxGroupSize][16];
  int size = 0;

  DOTS_METHOD Lanes value(int j) const { return load16(x[j]); }
  DOTS_METHOD Lanes weight(int j) const { return load16(w[j]); }
};

DOTS_OUTLINE void loadTransposed(const float* const (&rows)[16], int offset, float (*out)[16]) {
  Vec16 tile[16];
  for (int lane = 0; lane < 16; ++lane) tile[lane] = load16(rows[lane] + offset);
  transpose16(tile);
  for (int j = 0; j < 16; ++j) store16(out[j], tile[j]);
}

// Blocks (or sub-blocks) of `size` elements, a multiple of 16, from number `first` on; lanes after `count` are zero.
DOTS_OUTLINE void loadGroup(const EncodeJob& job, int64_t first, int count, int size, Group* g) {
  static const float kZeros[kMaxGroupSize] = {};
  const float *values[16], *weights[16];
  for (int lane = 0; lane < 16; ++lane) {
    const int64_t start = (first + lane) * size;
    values[lane] = lane < count ? job.values + start : kZeros;
    weights[lane] = lane < count && job.importance ? job.importance + start % job.numCols : kZeros;
  }
  const bool hasOnes = !job.importance && g->size == size;
  g->size = size;
  for (int j = 0; j < size; j += 16) {
    loadTransposed(values, j, &g->x[j]);
    if (job.importance) {
      loadTransposed(weights, j, &g->w[j]);
    } else if (!hasOnes) {
      for (int i = 0; i < 16; ++i) store16(g->w[j + i], set16(1.0f));
    }
  }
}

/// The value of largest magnitude in each lane, with its sign.
DOTS_OUTLINE Lanes extremeOf(const Group& g) {
  Lanes low = zeros(), high = zeros();
  for (int j = 0; j < g.size; ++j) {
    low = min(low, g.value(j));
    high = max(high, g.value(j));
  }
  return select(lessThan(high, zeros() - low), low, high);
}

/// Weighted mean magnitude in each lane.
DOTS_OUTLINE Lanes meanMagnitude(const Group& g) {
  Lanes sum = zeros(), weight = zeros();
  for (int j = 0; j < g.size; ++j) {
    sum = sum + g.weight(j) * magnitude(g.value(j));
    weight = weight + g.weight(j);
  }
  return ratio(sum, weight);
}

/// Sixteen elements of every lane as bytes: lane l's begin at out[l * stride].
DOTS_OUTLINE void storeLevels(Vec16 (&levels)[16], int8_t* out, int stride) {
  transpose16(levels);
  for (int lane = 0; lane < 16; ++lane) {
    float values[16];
    store16(values, levels[lane]);
    for (int i = 0; i < 16; ++i) out[lane * stride + i] = static_cast<int8_t>(static_cast<int32_t>(values[i]));
  }
}

}  // namespace DOTS_ISA
}  // namespace dots
