// The grids of the codebook types, arranged for the search of the nearest entry, and from levels back to entries.
#pragma once

#include <cstdint>

#include "kernels/storage.h"

namespace dots {

/// Entries of 8 or 4 elements, sorted by the levels of their first half. A half is a number in base `numLevels`, the
/// first element its last digit.
struct GridIndex {
  int size;                            // elements of an entry
  int numLevels;                       // 3 or 8
  int numHalves;                       // numLevels to the power of size / 2
  float values[8];                     // of the levels, ascending
  float halfValues[81][4];             // of the elements of each half
  uint16_t start[82];                  // entries whose first half is h: start[h]...start[h + 1] - 1
  uint16_t entry[2048], second[2048];  // number in the grid, and 16 times the second half
};

/// For a type whose values are entries of a grid.
const GridIndex& gridIndex(StorageId type);
/// The number of the entry that has these values (without signs); the values are one.
int entryOfValues(const GridIndex& grid, const int8_t* values);

}  // namespace dots
