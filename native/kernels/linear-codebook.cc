#include "dot-tiles.h"

namespace dots {
namespace DOTS_ISA {

void linearTileCodebook(StorageId, const TileJob&) {}

}  // namespace DOTS_ISA
}  // namespace dots
