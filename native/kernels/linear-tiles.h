// The piece of a matrix multiplication that one thread computes: some rows of one matrix, for a list of tokens.
#pragma once

#include <cstdint>

#include "isa-dispatch.h"
#include "storage.h"

namespace dots {

struct TileJob {
  const uint8_t* weights;  // of the matrix's first row
  int64_t rowBytes, cols;
  int64_t numRows;             // of the whole matrix
  int64_t firstRow, endRow;    // of this piece
  const uint8_t* activations;  // as activationOf(type) says; rows xRowBytes apart
  int64_t xRowBytes;
  const int32_t* xRows;    // activation row of each token; null: the token's number
  const int32_t* outRows;  // output row of each token; null: the token's number
  int64_t numTokens;
  float* out;  // out[outRow * ldOut + weight row]
  int64_t ldOut;
  const uint8_t* next;  // what this thread probably reads after this piece, or null
  uint8_t* scratch;     // kTileScratchBytes, 64-byte aligned, of this thread alone
};

constexpr int64_t kTileScratchBytes = 160 * 1024;
/// Pieces start and end at multiples of this many rows, except at a matrix's end.
constexpr int64_t kTileRows = 64;

// One for each family of storage types; linear.cc chooses.
DOTS_DECLARE_KERNEL(void linearTile32(StorageId type, const TileJob& job))
DOTS_DECLARE_KERNEL(void linearTileK(StorageId type, const TileJob& job))
DOTS_DECLARE_KERNEL(void linearTileCodebook(StorageId type, const TileJob& job))
DOTS_DECLARE_KERNEL(void linearTileFloat(StorageId type, const TileJob& job))

}  // namespace dots
