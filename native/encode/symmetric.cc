// Integer levels around zero: q4_0, q5_0 and q8_0 with one scale a block, q3_k and q6_k with a scale for each 16
// elements.
//
// The largest value lands at most half a level outside (what is outside is clipped) for fine types, further for coarse
// ones; and on either side, as there is one more level below zero than above.
#include "encode/families.h"
#include "encode/scaled-blocks.h"

namespace dots {
namespace DOTS_ISA {

void encodeSymmetric(const EncodeJob& job, int64_t first, int64_t count) {
  LevelCoder<IntegerLevels> coder = {{-8, 7}};
  Positions p, super;
  switch (job.type) {
    case StorageId::kQ4_0:
      if (job.importance) {
        p.add(-9.5f, 0.25f, 11);
        p.add(6.6f, 0.25f, 6);
      } else {
        p.add(-8.9f, 0.45f, 4);
        p.add(7, 0.5f, 2);
      }
      return encodeScaled(job, first, count, coder, p);
    case StorageId::kQ5_0:
      coder.levels = {-16, 15};
      if (job.importance) {
        p.add(-17.3f, 0.25f, 10);
        p.add(14.3f, 0.25f, 8);
      } else {
        p.add(-17, 0.4f, 5);
        p.add(14.7f, 0.4f, 3);
      }
      return encodeScaled(job, first, count, coder, p);
    case StorageId::kQ8_0:
      coder.levels = {-128, 127};
      p.add(-128.4f, 0.5f, 8);
      p.add(124.5f, 0.5f, 6);
      return encodeScaled(job, first, count, coder, p);
    case StorageId::kQ3K:
      coder.levels = {-4, 3};
      if (job.importance) {
        p.add(-5.2f, 0.2f, 14);
        p.add(2.6f, 0.2f, 8);
        super.add(-34.0f, 0.5f, 10);
        super.add(29.0f, 0.5f, 6);
      } else {
        p.add(-5, 0.3f, 9);
        p.add(2.8f, 0.4f, 4);
        super.add(-33.4f, 0.7f, 6);
      }
      return encodeSuper(job, first, count, coder, 16, p, {16, -32, 31, 1, 1, true, job.importance ? 4 : 3}, super);
    default:
      coder.levels = {-32, 31};
      p.add(-33.5f, 0.25f, 16);
      p.add(29.5f, 0.25f, 12);
      super.add(-129.0f, 1.0f, 10);
      return encodeSuper(job, first, count, coder, 16, p, {16, -128, 127, 1, 1, false, 4}, super);
  }
}

}  // namespace DOTS_ISA
}  // namespace dots
