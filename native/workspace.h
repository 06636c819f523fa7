// Memory that ops keep from one step to the next, so that steps of one size allocate nothing.
#pragma once

#include <cstdint>

#include "kernels/gemm.h"
#include "large-memory.h"
#include "memory.h"

namespace dots {

/// Routed rows sorted by expert: see groupByExpert. Kept while products use the same choice of experts.
struct RoutedRows {
  Buffer<int32_t> offsets_E, rows_R;
  Buffer<int32_t> tokens_R;  // the token of each
  int32_t experts = -1;      // the value that holds the choice, and for how many experts
  int64_t numExperts = 0;
};

/// Cosines and sines of a step's tokens: see ropeAngles. Kept while heads turn by the same angles.
struct RopeAngles {
  Buffer<float> angles_T2P;
  int32_t positions = -1;  // the value that holds them
  int32_t factors = -1;
  double theta = 0;
  int64_t headWidth = 0;
};

struct Workspace {
  LargeMemory scratch;  // of one op at a time
  GemmScratch gemm;
  KeptPanels headPanels, headGradPanels;
  LargeMemory linearScratch, decodedMatrix;
  RoutedRows routedRows;
  RopeAngles ropeAngles;
  Buffer<int32_t> attentionTiles;
  Buffer<int32_t> documentTokens, documentEnds, countedRows;
};

}  // namespace dots
