// The way of a block of the form scale * level from values to bytes, for any coder.
#pragma once

#include "encode/pack.h"
#include "encode/super-scale.h"

namespace dots {
namespace DOTS_ISA {

/// Blocks with one half as their scale.
template <class Coder>
DOTS_OUTLINE void encodeScaled(const EncodeJob& job, int64_t first, int64_t count, const Coder& coder,
                               const Positions& positions) {
  const StorageInfo& info = *storageInfo(job.type);
  Group g;
  BlockCodes blocks[16];
  for (int64_t at = first; at < first + count; at += 16) {
    const int lanes = static_cast<int>(minOf<int64_t>(16, first + count - at));
    loadGroup(job, at, lanes, info.blockElements, &g);
    const Lanes scale = fitHalf(g, coder, searchScale(g, coder, extremeOf(g), positions, 1).scale, 2);
    coder.store(g, scale, blocks[0].levels, sizeof(BlockCodes));
    uint16_t halves[16];
    storeF16x16(halves, scale);
    for (int lane = 0; lane < lanes; ++lane) {
      blocks[lane].d = halves[lane];
      packBlock(job.type, blocks[lane], job.out + (at + lane) * info.blockBytes);
    }
  }
}

/// Super-blocks of 256 with a whole multiple of a half for each sub-block of `size`.
template <class Coder>
DOTS_OUTLINE void encodeSuper(const EncodeJob& job, int64_t first, int64_t count, Coder coder, int size,
                              const Positions& positions, const SuperScale& super, const Positions& superPositions) {
  const int blockBytes = storageInfo(job.type)->blockBytes, perGroup = 16 / super.width;
  Group g;
  BlockCodes block;
  int8_t levels[16 * 32];
  for (int64_t at = first; at < first + count; at += perGroup) {
    const int numBlocks = static_cast<int>(minOf<int64_t>(perGroup, first + count - at));
    loadGroup(job, at * super.width, numBlocks * super.width, size, &g);
    coder.prepare(&g);
    const ScaleFit alone = searchScale(g, coder, coder.yardstick(g), positions, super.isCostly ? 1 : 2);
    const SuperFit fit = fitSuperScale(g, coder, super, alone, superPositions);
    coder.store(g, fit.d * fit.k, levels, size);
    uint16_t halves[16];
    float multiples[16];
    storeF16x16(halves, fit.d * (1.0f / super.unit));
    store16(multiples, fit.k);
    for (int b = 0; b < numBlocks; ++b) {
      memcpy(block.levels, levels + 256 * b, 256);
      block.d = halves[b * super.width];
      for (int s = 0; s < super.width; ++s) block.multiples[s] = static_cast<int16_t>(multiples[b * super.width + s]);
      packBlock(job.type, block, job.out + (at + b) * blockBytes);
    }
  }
}

}  // namespace DOTS_ISA
}  // namespace dots
