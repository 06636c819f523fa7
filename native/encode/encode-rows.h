// A tensor's rows as any storage type with scales, on all threads.
#pragma once

#include <cstdint>

#include "device.h"
#include "error.h"
#include "kernels/storage.h"

namespace dots {

/// Elements and bytes of a block; false for a type that is not encoded here.
bool encodedBlock(StorageId type, int32_t* blockElements, int32_t* blockBytes);

struct EncodeRows {
  StorageId type = StorageId::kF32;
  const float* values = nullptr;      // numRows * numCols
  const float* importance = nullptr;  // numCols, how much an error counts in each column; null: all the same
  int64_t numRows = 0, numCols = 0;
  uint8_t* out = nullptr;
};

/// The same bytes on every instruction set, for any number of threads and wherever a tensor is cut between rows. Fails
/// for rows that the type's blocks do not divide, for values that are not finite or exceed a half, and for importance
/// that is negative or not finite; the message names the row, counted from the first of these.
bool encodeRows(const EncodeRows& rows, Device& device, Error* error);

}  // namespace dots
