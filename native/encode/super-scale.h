// Super-blocks of the form x = d * k * level: a half d for all, an integer k for each sub-block. A lane is a sub-block,
// and a run of 8 or 16 lanes a super-block.
#pragma once

#include "encode/scale-search.h"

namespace dots {
namespace DOTS_ISA {

struct SuperScale {
  int width;             // sub-blocks of a super-block
  float low, high, step;  // k is low, low + step, ..., high
  float unit;            // d is this times the half that is stored

  DOTS_METHOD Lanes nearest(Lanes k) const {
    return set16(low) + roundEven((clamp(k, low, high) - set16(low)) * (1.0f / step)) * step;
  }
  DOTS_METHOD Lanes stored(Lanes d) const { return toHalf(d * (1.0f / unit)) * unit; }
};

struct SuperFit {
  Lanes d, k;
};

// With the best levels for d * k, and for the neighbours of k where `around` is not 0: the k of least error.
template <class Coder>
DOTS_INLINE Measured chooseMultiples(const Group& g, const Coder& coder, const SuperScale& s, int around, SuperFit* fit) {
  Measured best = coder.measure(g, fit->d * fit->k);
  const Lanes middle = fit->k;
  for (int i = -around; i <= around; ++i) {
    if (i == 0) continue;
    const Lanes k = clamp(middle + set16(s.step * static_cast<float>(i)), s.low, s.high);
    const Measured m = coder.measure(g, fit->d * k);
    const Mask16 isBetter = lessThan(m.error, best.error);
    best.xq = select(isBetter, m.xq, best.xq);
    best.qq = select(isBetter, m.qq, best.qq);
    best.error = select(isBetter, m.error, best.error);
    fit->k = select(isBetter, k, fit->k);
  }
  return best;
}

/// From the best scales of the sub-blocks alone: tries d on a grid that puts the largest of them at one of `positions`
/// (in multiples), each with its best multiples and levels, and then improves all of them in turn.
template <class Coder>
DOTS_INLINE SuperFit fitSuperScale(const Group& g, const Coder& coder, const SuperScale& s, Lanes scales,
                                   const float* positions, int numPositions, int around, int fits) {
  const Measured alone = coder.measure(g, scales);
  const Lanes extreme = extremeOfRuns(scales, s.width);
  SuperFit best = {zeros(), set16(s.high)};
  Lanes least = set16(3e38f);
  const auto keep = [&](const SuperFit& fit, const Measured& m) {
    const Lanes error = sumRuns(m.error, s.width);
    const Mask16 isBetter = lessThan(error, least);
    least = select(isBetter, error, least);
    best.d = select(isBetter, fit.d, best.d);
    best.k = select(isBetter, fit.k, best.k);
  };
  const auto solve = [&](Lanes k, const Measured& m) {
    return s.stored(ratio(sumRuns(m.xq * k, s.width), sumRuns(m.qq * k * k, s.width)));
  };
  for (int i = 0; i < numPositions; ++i) {
    SuperFit fit;
    fit.d = extreme / set16(positions[i]);
    fit.k = s.nearest(ratio(scales, fit.d));
    // With the levels that the sub-blocks had alone, the best d for these multiples; then the multiples again.
    fit.d = solve(fit.k, alone);
    fit.k = s.nearest(ratio(scales, fit.d));
    keep(fit, chooseMultiples(g, coder, s, 0, &fit));
  }
  SuperFit fit = best;
  for (int i = 0; i < fits; ++i) {
    const Measured m = chooseMultiples(g, coder, s, around, &fit);
    keep(fit, m);
    fit.d = solve(fit.k, m);
  }
  return best;
}

}  // namespace DOTS_ISA
}  // namespace dots
