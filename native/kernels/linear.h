// Matrix multiplications with weights of any storage type: out[t][r] = sum over k of x[t][k] * W[r][k].
//
// An output element is computed by one thread in one fixed order of operations, which depends on the storage type and
// nothing else: not on the number of tokens, the way they are batched, the number of threads or the instruction set.
// Kernels allocate nothing.
#pragma once

#include <cstdint>

#include "device.h"
#include "quantize-rows.h"
#include "storage.h"

namespace dots {

/// One matrix, or equally shaped matrices one after the other (experts). Rows have no padding: rowBytes is
/// cols / blockElements * blockBytes.
struct WeightMatrix {
  const uint8_t* data = nullptr;
  StorageId type = StorageId::kF32;
  int64_t rows = 0, cols = 0;
  int64_t expertBytes = 0;  // from one expert's matrix to the next; unused when there is one
};

struct LinearJob {
  WeightMatrix weights;
  // Activations, quantised to storageInfo(type)->activation: row i starts at x + i * xRowBytes.
  const void* x = nullptr;
  int64_t xRowBytes = 0;
  // Tokens, or routed rows sorted by expert: rows offsets[e] ... offsets[e + 1] - 1 belong to expert e.
  int64_t numTokens = 0;
  const int32_t* offsets = nullptr;  // numExperts + 1 of them, or null for a plain matrix
  int32_t numExperts = 1;
  const int32_t* xRows = nullptr;    // row of x for each token or routed row; null: its own number
  const int32_t* outRows = nullptr;  // row of out for each; null: its own number
  float* out = nullptr;              // out[row * ldOut + weight row]; overwritten
  int64_t ldOut = 0;
};

/// Bytes between neighbouring rows of a matrix.
int64_t weightRowBytes(const WeightMatrix& weights);

/// Whether a matrix of this type can have rows of this length (a multiple of the block).
bool linearSupports(StorageId type, int64_t cols);

/// Scratch memory for `linear`, 64-byte aligned, contents irrelevant.
int64_t linearScratchBytes(int numThreads);

constexpr int kMaxLinearJobs = 8;

/// Runs up to kMaxLinearJobs multiplications that do not depend on one another (query, key and value; gate and up) as
/// one parallel loop. Sizes must have been checked; out must not overlap anything that is read.
void linear(const LinearJob* jobs, int numJobs, Device& device, void* scratch);

/// quantizeRows for many rows, spread over the device's threads. out is 64-byte aligned.
void quantizeActivations(Activation kind, const float* x, int64_t ldX, int64_t numRows, int64_t cols, void* out,
                         Device& device);

}  // namespace dots
