// What an encoder works on: rows of one tensor, and blocks of them.
#pragma once

#include <cstdint>

#include "kernels/isa-dispatch.h"
#include "kernels/storage.h"

namespace dots {

struct EncodeJob {
  StorageId type;
  const float* values;      // rows of numCols, one after the other: finite, at most kMaxValue in magnitude
  const float* importance;  // a positive weight for each column; null: all the same
  int64_t numCols;
  int64_t numBlocks;  // in all rows together
  uint8_t* out;
};

/// Scales are halves, and values beyond their range are refused for every type, so that a sum of squares is finite.
constexpr float kMaxValue = 65504.0f;

// Encodes some of the job's blocks. A block's bytes depend on its own values and weights only.
DOTS_DECLARE_KERNEL(void encodeBlocks(const EncodeJob& job, int64_t firstBlock, int64_t numBlocks))

}  // namespace dots
