#include "dot-tiles.h"

namespace dots {
namespace DOTS_ISA {

void linearTile32(StorageId type, const TileJob& job) {
  switch (type) {
    case StorageId::kQ4_0: return multiply<Per32<Q4_0>>(job);
    case StorageId::kQ4_1: return multiply<Per32<Q4_1>>(job);
    case StorageId::kQ5_0: return multiply<Per32<Q5_0>>(job);
    case StorageId::kQ5_1: return multiply<Per32<Q5_1>>(job);
    case StorageId::kQ8_0: return multiply<Per32<Q8_0>>(job);
    case StorageId::kIq4Nl: return multiply<Per32<Iq4Nl>>(job);
    case StorageId::kMxfp4: return multiply<Per32<Mxfp4>>(job);
    case StorageId::kNvfp4: return multiply<Per32<Nvfp4>>(job);
    default: return;
  }
}

}  // namespace DOTS_ISA
}  // namespace dots
