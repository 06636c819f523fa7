#include "dot-tiles.h"
#include "unpack-codebook.h"

namespace dots {
namespace DOTS_ISA {

void linearTileCodebook(StorageId type, const TileJob& job) {
  switch (type) {
    case StorageId::kIq2Xxs:
      return multiply<Per256<ByRow<Iq2XxsRow>>>(job);
    case StorageId::kIq2Xs:
      return multiply<Per256<ByRow<Iq2XsRow>>>(job);
    case StorageId::kIq2S:
      return multiply<Per256<ByRow<Iq2SRow>>>(job);
    case StorageId::kIq3Xxs:
      return multiply<Per256<ByRow<Iq3XxsRow>>>(job);
    case StorageId::kIq3S:
      return multiply<Per256<ByRow<Iq3SRow>>>(job);
    case StorageId::kIq1S:
      return multiply<Per256<ByRow<Iq1SRow>>>(job);
    case StorageId::kIq1M:
      return multiply<Per256<ByRow<Iq1MRow>>>(job);
    case StorageId::kTq1_0:
      return multiply<Per256<ByRow<Tq1Row>>>(job);
    default:
      return;
  }
}

}  // namespace DOTS_ISA
}  // namespace dots
