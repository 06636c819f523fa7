// How many rows go to each expert.
#include "op.h"

#include <cstring>

#include "kernels/embedding.h"

namespace dots::ops {

bool countExperts::fits(const Operands& op) { return op.isFloats(kOut) && op.rank(kOut) == 1 && op.isIntegers(0); }

bool countExperts::run(Call& op) {
  const int64_t numExperts = op.elements(kOut), numRouted = op.elements(0);
  const int32_t* experts_R = op.integers(0);
  if (op.kernels().findOutside(experts_R, numRouted, numExperts) >= 0)
    return op.fail("an expert that does not exist was chosen");
  float* const counts_E = op.floats(kOut);
  std::memset(counts_E, 0, static_cast<size_t>(numExperts) * sizeof(float));
  for (int64_t r = 0; r < numRouted; ++r) counts_E[experts_R[r]] += 1;
  return true;
}

}  // namespace dots::ops
