#include "dot-tiles.h"

namespace dots {
namespace DOTS_ISA {

void linearTileK(StorageId type, const TileJob& job) {
  switch (type) {
    case StorageId::kQ2K: return multiply<Per256<Q2K>>(job);
    case StorageId::kQ3K: return multiply<Per256<Q3K>>(job);
    case StorageId::kQ4K: return multiply<Per256<Q4K>>(job);
    case StorageId::kQ5K: return multiply<Per256<Q5K>>(job);
    case StorageId::kQ6K: return multiply<Per256<Q6K>>(job);
    case StorageId::kIq4Xs: return multiply<Per256<Iq4Xs>>(job);
    case StorageId::kTq2_0: return multiply<Per256<Tq2_0>>(job);
    default: return;
  }
}

}  // namespace DOTS_ISA
}  // namespace dots
