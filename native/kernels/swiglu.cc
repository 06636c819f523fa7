#include "swiglu.h"

#include "sigmoid.h"

namespace dots {
namespace DOTS_ISA {

void swiglu(const float* gate, const float* up, float* y, int64_t begin, int64_t end) {
  mapElements(gate, up, y, begin, end, [](Vec16 g, Vec16 u) { return mul(silu16(g), u); });
}

}  // namespace DOTS_ISA
}  // namespace dots
