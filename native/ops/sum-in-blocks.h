// Sums over rows that are the same bits for any number of threads: blocks of kRowsOfSum rows, then the blocks in order.
#pragma once

#include "kernels/row-gradients.h"
#include "op.h"

namespace dots::ops {

/// out = the sum over rows: sum(begin, end, partial) overwrites `partial` with the sum of a block.
template <class Sum>
bool sumInBlocks(Call& op, int64_t numRows, int64_t width, Sum&& sum) {
  const int64_t numBlocks = (numRows + kRowsOfSum - 1) / kRowsOfSum;
  float* const partial = op.scratch(numBlocks * width);
  if (!partial) return false;
  op.pool().parallelFor(numBlocks, [&](int64_t block, int) {
    const int64_t begin = block * kRowsOfSum, end = begin + kRowsOfSum < numRows ? begin + kRowsOfSum : numRows;
    sum(begin, end, partial + block * width);
  });
  op.kernels().sumRows(partial, width, op.floats(kOut), 0, numBlocks);
  return true;
}

}  // namespace dots::ops
