// Dense and grouped f32 matrix products for training, on packed panels (gemm-tile.h) and all threads.
//
// Grouped: rows are sorted by expert (offsets), each expert has its matrix, and tiles never reach over an expert's end.
// An element of the result is made by one thread in one order, whatever the number of threads.
#pragma once

#include <cstdint>

#include "device.h"
#include "large-memory.h"

namespace dots {

/// Grows where it is too small; null where there is no memory.
float* floatsOf(LargeMemory& memory, int64_t numFloats);

/// Memory that products share, kept from one to the next.
class GemmScratch {
 public:
  /// At least `numFloats`, 64-byte aligned, contents irrelevant.
  float* panels(int64_t numFloats) { return floatsOf(panels_, numFloats); }
  float* perThread(int64_t numFloats) { return floatsOf(perThread_, numFloats); }
  float* partialSums(int64_t numFloats) { return floatsOf(partialSums_, numFloats); }

 private:
  LargeMemory panels_, perThread_, partialSums_;
};

/// A packed matrix that several products share: the first one fills it. The caller says when the matrix is another.
struct KeptPanels {
  LargeMemory memory;
  bool isFilled = false;
};

/// Another matrix (or one for each expert) that the same rows are multiplied by: query, key and value; gate and up.
struct BesideMatrix {
  const float* weights;
  int64_t rows;
  float* out;
  int64_t ldOut;
};
constexpr int kMaxBeside = 3;

/// Rows in memory: row i begins at data + (rows ? rows[i] : i) * ld.
struct RowsView {
  const float* data = nullptr;
  int64_t ld = 0;
  const int32_t* rows = nullptr;
};
struct WritableRows {
  float* data = nullptr;
  int64_t ld = 0;
  const int32_t* rows = nullptr;
};

/// Rows of tokens times a matrix: y = x·Wᵀ, or with `isTransposed` the gradient dx = dy·W.
struct RowsProduct {
  RowsView x;
  int64_t numTokens = 0;
  const int32_t* offsets = nullptr;  // numExperts + 1 of them; null for one matrix
  int32_t numExperts = 1;
  const float* weights = nullptr;  // numExperts matrices [rows, cols], one after the other
  int64_t rows = 0, cols = 0;
  bool isTransposed = false;
  WritableRows out;
  bool isAdded = false;        // to what out holds
  KeptPanels* kept = nullptr;  // for a matrix that is not too large to be packed at once
  // Their rows of x are then packed once. Not transposed, all overwritten.
  BesideMatrix beside[kMaxBeside] = {};
  int numBeside = 0;
};

/// A sum over tokens: dW = dyᵀ·x, for each expert over its own rows.
struct WeightProduct {
  RowsView gradient;  // [tokens, rows]
  RowsView x;         // [tokens, cols]
  int64_t numTokens = 0;
  const int32_t* offsets = nullptr;
  int32_t numExperts = 1;
  int64_t rows = 0, cols = 0;
  float* out = nullptr;  // numExperts matrices [rows, cols]
  bool isAdded = false;  // to what out holds; else an expert without rows gets zeros
};

/// False, with nothing done, where there is no memory to pack into.
bool multiplyRows(const RowsProduct& product, Device& device, GemmScratch& scratch);
bool multiplyWeights(const WeightProduct& product, Device& device, GemmScratch& scratch);

}  // namespace dots
