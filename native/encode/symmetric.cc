// Integer levels around zero: q4_0, q5_0 and q8_0 with one scale a block, q3_k and q6_k with a scale for each 16 elements.
#include "encode/families.h"
#include "encode/pack.h"
#include "encode/super-scale.h"

namespace dots {
namespace DOTS_ISA {
namespace {

using Coder = LevelCoder<IntegerLevels>;

// Where the largest value of a block lands, in levels: at most half a level outside (what is outside is clipped) for
// fine types, further for coarse ones; and on either side, as there is one more level below zero than above.
struct Positions {
  float at[40];
  int count = 0;

  void add(float from, float step, int number) {
    for (int i = 0; i < number; ++i) at[count++] = from + step * static_cast<float>(i);
  }
};

void encodePlain(const EncodeJob& job, int64_t first, int64_t count, float levels, const Positions& positions) {
  const int blockBytes = storageInfo(job.type)->blockBytes;
  const Coder coder = {{-levels, levels - 1}};
  Group g;
  BlockCodes blocks[16];
  for (int64_t at = first; at < first + count; at += 16) {
    const int lanes = static_cast<int>(minOf<int64_t>(16, first + count - at));
    loadGroup(job, at, lanes, 32, &g);
    const Lanes scale = fitHalf(g, coder, searchScale(g, coder, positions.at, positions.count, 2), 2);
    coder.store(g, scale, blocks[0].levels, sizeof(BlockCodes));
    uint16_t halves[16];
    storeF16x16(halves, scale);
    for (int lane = 0; lane < lanes; ++lane) {
      blocks[lane].d = halves[lane];
      packBlock(job.type, blocks[lane], job.out + (at + lane) * blockBytes);
    }
  }
}

void encodeK(const EncodeJob& job, int64_t first, int64_t count, float levels, const Positions& positions,
             const SuperScale& super, const Positions& superPositions) {
  const int blockBytes = storageInfo(job.type)->blockBytes;
  const Coder coder = {{-levels, levels - 1}};
  Group g;
  BlockCodes block;
  for (int64_t at = first; at < first + count; ++at) {
    loadGroup(job, 16 * at, 16, 16, &g);
    const Lanes scales = searchScale(g, coder, positions.at, positions.count, 2);
    const SuperFit fit = fitSuperScale(g, coder, super, scales, superPositions.at, superPositions.count, 1, 4);
    coder.store(g, fit.d * fit.k, block.levels, 16);
    uint16_t halves[16];
    float multiples[16];
    storeF16x16(halves, fit.d);
    store16(multiples, fit.k);
    block.d = halves[0];
    for (int s = 0; s < 16; ++s) block.multiples[s] = static_cast<int16_t>(multiples[s]);
    packBlock(job.type, block, job.out + at * blockBytes);
  }
}

}  // namespace

void encodeSymmetric(const EncodeJob& job, int64_t first, int64_t count) {
  Positions p, super;
  switch (job.type) {
    case StorageId::kQ4_0:
      p.add(-9.5f, 0.3f, 9);
      p.add(6.6f, 0.3f, 5);
      return encodePlain(job, first, count, 8, p);
    case StorageId::kQ5_0:
      p.add(-17.2f, 0.3f, 8);
      p.add(14.4f, 0.3f, 6);
      return encodePlain(job, first, count, 16, p);
    case StorageId::kQ8_0:
      p.add(-128.4f, 0.5f, 10);
      p.add(124.0f, 0.5f, 8);
      return encodePlain(job, first, count, 128, p);
    case StorageId::kQ3K:
      p.add(-5.2f, 0.2f, 14);
      p.add(2.6f, 0.2f, 8);
      super.add(-34.0f, 0.5f, 10);
      super.add(29.0f, 0.5f, 6);
      return encodeK(job, first, count, 4, p, {16, -32, 31, 1, 1}, super);
    default:
      p.add(-33.5f, 0.25f, 16);
      p.add(29.5f, 0.25f, 12);
      super.add(-129.0f, 1.0f, 10);
      return encodeK(job, first, count, 32, p, {16, -128, 127, 1, 1}, super);
  }
}

}  // namespace DOTS_ISA
}  // namespace dots
