// Levels from the entries of a grid, with a scale for each 16 or 32 elements: an odd multiple of one half.
#include "encode/families.h"
#include "encode/grid-coder.h"
#include "encode/scaled-blocks.h"

namespace dots {
namespace DOTS_ISA {

// Positions are of the mean magnitude, which is about that of the grid's values.
void encodeCodebook(const EncodeJob& job, int64_t first, int64_t count) {
  GridCoder coder = {gridIndex(job.type), 1, GridShift::kNone, true, true, {}, {}, {}};
  SuperScale super = {8, 1, 31, 2, 0.125f, true, 3};
  int size = 32;
  Positions p, superPositions;
  superPositions.add(21, 0.5f, 24);
  switch (job.type) {
    case StorageId::kIq2Xxs: p.add(14, 2.5f, 6); break;
    case StorageId::kIq2Xs:
    case StorageId::kIq2S:
      p.add(14, 2.5f, 6);
      size = 16;
      super.width = 16;
      coder.isEven = job.type == StorageId::kIq2Xs;
      break;
    case StorageId::kIq3Xxs:
      p.add(17, 3, 7);
      super.unit = 0.25f;
      break;
    case StorageId::kIq3S:
      p.add(4, 0.8f, 7);
      super.unit = 1;
      coder.isEven = false;
      break;
    default:
      // Of the scale that the shifts were chosen at.
      p.add(1, 0, 1);
      super.fits = 1;
      coder.unit = 8;
      coder.hasSigns = false;
      coder.shift = job.type == StorageId::kIq1S ? GridShift::kOfBlock : GridShift::kOfEntry;
      super.high = 15;
      superPositions.count = 0;
      superPositions.add(10, 0.25f, 24);
      if (job.type == StorageId::kIq1S) break;
      size = 16;
      super.width = 16;
  }
  encodeSuper(job, first, count, coder, size, p, super, superPositions);
}

}  // namespace DOTS_ISA
}  // namespace dots
