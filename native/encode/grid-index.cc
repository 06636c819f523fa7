#include "encode/grid-index.h"

#include "kernels/codebooks.h"

namespace dots {
namespace {

int levelOf(const GridIndex& grid, int value) {
  int level = 0;
  while (level + 1 < grid.numLevels && static_cast<int>(grid.values[level]) < value) ++level;
  return level;
}

int halfOf(const GridIndex& grid, const int8_t* values) {
  int half = 0;
  for (int j = grid.size / 2 - 1; j >= 0; --j) half = half * grid.numLevels + levelOf(grid, values[j]);
  return half;
}

struct BuiltGrid : GridIndex {
  BuiltGrid(const int8_t* entries, int count, int entrySize, int levels, const int8_t* levelValues) {
    size = entrySize;
    numLevels = levels;
    numHalves = 1;
    for (int j = 0; j < size / 2; ++j) numHalves *= levels;
    for (int i = 0; i < levels; ++i) values[i] = levelValues[i];
    int at = 0;
    for (int half = 0; half < numHalves; ++half) {
      for (int j = 0, rest = half; j < size / 2; ++j, rest /= levels) halfValues[half][j] = values[rest % levels];
      start[half] = static_cast<uint16_t>(at);
      for (int e = 0; e < count; ++e) {
        const int8_t* const entryValues = entries + e * size;
        if (halfOf(*this, entryValues) != half) continue;
        entry[at] = static_cast<uint16_t>(e);
        second[at++] = static_cast<uint16_t>(16 * halfOf(*this, entryValues + size / 2));
      }
    }
    start[numHalves] = static_cast<uint16_t>(at);
  }
};

const int8_t kLevels2[3] = {8, 25, 43};
const int8_t kLevels3Xxs[8] = {4, 12, 20, 28, 36, 44, 52, 62};
const int8_t kLevels3S[8] = {1, 3, 5, 7, 9, 11, 13, 15};
const int8_t kLevels1[3] = {-1, 0, 1};

}  // namespace

const GridIndex& gridIndex(StorageId type) {
  static const BuiltGrid iq2Xxs(gridIq2Xxs(), 256, 8, 3, kLevels2), iq2Xs(gridIq2Xs(), 512, 8, 3, kLevels2),
      iq2S(gridIq2S(), 1024, 8, 3, kLevels2), iq3Xxs(gridIq3Xxs(), 256, 4, 8, kLevels3Xxs),
      iq3S(gridIq3S(), 512, 4, 8, kLevels3S), iq1(gridIq1(), 2048, 8, 3, kLevels1);
  switch (type) {
    case StorageId::kIq2Xxs: return iq2Xxs;
    case StorageId::kIq2Xs: return iq2Xs;
    case StorageId::kIq2S: return iq2S;
    case StorageId::kIq3Xxs: return iq3Xxs;
    case StorageId::kIq3S: return iq3S;
    default: return iq1;
  }
}

int entryOfValues(const GridIndex& grid, const int8_t* values) {
  const int first = halfOf(grid, values), second = 16 * halfOf(grid, values + grid.size / 2);
  for (int i = grid.start[first]; i < grid.start[first + 1]; ++i)
    if (grid.second[i] == second) return grid.entry[i];
  return 0;
}

}  // namespace dots
