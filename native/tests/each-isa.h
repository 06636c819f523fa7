// Runs a test with the kernels of every instruction set that this machine has.
#pragma once

#include <cstdint>
#include <cstring>
#include <vector>

#include "kernels/kernels.h"
#include "tests/check.h"

namespace dots {

/// The best one that this machine has; the backend's choice is chooseIsa in src/backend/native/native-backend.ts.
inline Isa bestIsa() {
  Isa best = Isa::kPortable;
  for (const Isa isa : kAllIsas)
    if (isaSupported(isa)) best = isa;
  return best;
}

template <class Test>
void onEachIsa(Test test) {
  for (const Isa isa : kAllIsas)
    if (isaSupported(isa)) test(kernelsFor(isa));
}

inline std::vector<float> randomFloats(TestRandom& random, int64_t count, float scale = 1) {
  std::vector<float> x(static_cast<size_t>(count));
  for (float& value : x) value = random.normal() * scale;
  return x;
}

inline bool sameBits(const std::vector<float>& a, const std::vector<float>& b) {
  return a.size() == b.size() && (a.empty() || memcmp(a.data(), b.data(), 4 * a.size()) == 0);
}

}  // namespace dots
