// Three levels (tq1_0, tq2_0) and two (q1_0), with one scale for a long block: the scale follows from the mean
// magnitude, not from the largest value, which is far outside.
#include "encode/families.h"
#include "encode/scaled-blocks.h"

namespace dots {
namespace DOTS_ISA {
namespace {

struct SignLevels {
  DOTS_METHOD Lanes nearest(Lanes y) const { return select(lessThan(y, zeros()), set16(-1.0f), set16(1.0f)); }
};

void storeBlocks(const EncodeJob& job, int64_t at, int lanes, int blockBytes, Lanes scale, BlockCodes (&blocks)[16]) {
  uint16_t halves[16];
  storeF16x16(halves, scale);
  for (int lane = 0; lane < lanes; ++lane) {
    blocks[lane].d = halves[lane];
    packBlock(job.type, blocks[lane], job.out + (at + lane) * blockBytes);
  }
}

}  // namespace

void encodeTernary(const EncodeJob& job, int64_t first, int64_t count) {
  const bool isBinary = job.type == StorageId::kQ1_0;
  const int blockBytes = job.type == StorageId::kTq1_0 ? 54 : isBinary ? 18 : 66;
  const LevelCoder<IntegerLevels> three = {{-1, 1}};
  const LevelCoder<SignLevels> two = {};
  // Parts of the mean magnitude in the scale; normal values have their best one at 0.65.
  Positions p;
  p.add(0.3f, 0.07f, 10);
  Group g;
  BlockCodes blocks[16];
  for (int64_t at = first; at < first + count; at += 16) {
    const int lanes = static_cast<int>(minOf<int64_t>(16, first + count - at));
    loadGroup(job, at, lanes, isBinary ? 128 : 256, &g);
    const Lanes mean = meanMagnitude(g);
    if (isBinary) {
      two.store(g, set16(1.0f), blocks[0].levels, sizeof(BlockCodes));
      storeBlocks(job, at, lanes, blockBytes, toHalf(mean), blocks);
      continue;
    }
    const Lanes scale = fitHalf(g, three, searchScale(g, three, mean, p, 3).scale, 2);
    three.store(g, scale, blocks[0].levels, sizeof(BlockCodes));
    storeBlocks(job, at, lanes, blockBytes, scale, blocks);
  }
}

}  // namespace DOTS_ISA
}  // namespace dots
