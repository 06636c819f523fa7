// Super-blocks of the form x = d * k * level: a half d for all, an integer k for each sub-block. A lane is a sub-block,
// and a run of 8 or 16 lanes a super-block.
#pragma once

#include "encode/scale-search.h"

namespace dots {
namespace DOTS_ISA {

struct SuperScale {
  int width;              // sub-blocks of a super-block
  float low, high, step;  // k is low, low + step, ..., high
  float unit;             // d is this times the half that is stored
  bool isCostly;          // levels take long to find: d is chosen by those that the sub-blocks had alone
  int fits;               // how often all is improved in turn

  DOTS_METHOD Lanes nearest(Lanes k) const {
    return set16(low) + roundEven((clamp(k, low, high) - set16(low)) * (1.0f / step)) * step;
  }
  DOTS_METHOD Lanes stored(Lanes d) const { return toHalf(d * (1.0f / unit)) * unit; }
};

struct SuperFit {
  Lanes d, k;
};

// With the best levels for d * k, and where `around`, for the neighbour of k towards which those levels pull: the k of
// least error.
template <class Coder>
DOTS_OUTLINE Measured chooseMultiples(const Group& g, const Coder& coder, const SuperScale& s, bool around,
                                      SuperFit* fit) {
  Measured best = coder.measure(g, fit->d * fit->k);
  if (!around) return best;
  const Lanes pull = (best.bestScale() - fit->d * fit->k) * fit->d;
  const Lanes step = select(lessThan(pull, zeros()), set16(-s.step), set16(s.step));
  const Lanes k = clamp(fit->k + step, s.low, s.high);
  const Measured m = coder.measure(g, fit->d * k);
  const Mask16 isBetter = lessThan(m.error, best.error);
  best.xq = select(isBetter, m.xq, best.xq);
  best.qq = select(isBetter, m.qq, best.qq);
  best.error = select(isBetter, m.error, best.error);
  fit->k = select(isBetter, k, fit->k);
  return best;
}

/// From the best scales of the sub-blocks alone: tries d on a grid that puts the largest of them at one of `positions`
/// (in multiples), each with its best multiples and levels, and then improves all of them in turn.
template <class Coder>
DOTS_OUTLINE SuperFit fitSuperScale(const Group& g, const Coder& coder, const SuperScale& s, const ScaleFit& alone,
                                    const Positions& positions) {
  const Lanes extreme = extremeOfRuns(alone.scale, s.width);
  SuperFit best = {zeros(), set16(s.high)};
  Lanes least = set16(3e38f);
  const auto keep = [&](const SuperFit& fit, Lanes blockErrors) {
    const Lanes error = sumRuns(blockErrors, s.width);
    const Mask16 isBetter = lessThan(error, least);
    least = select(isBetter, error, least);
    best.d = select(isBetter, fit.d, best.d);
    best.k = select(isBetter, fit.k, best.k);
  };
  const auto solve = [&](Lanes k, Lanes xq, Lanes qq) {
    return s.stored(ratio(sumRuns(xq * k, s.width), sumRuns(qq * k * k, s.width)));
  };
  for (int i = 0; i < positions.count; ++i) {
    SuperFit fit;
    fit.d = extreme * (1.0f / positions.at[i]);
    fit.k = s.nearest(ratio(alone.scale, fit.d));
    // With the levels that the sub-blocks had alone, the best d for these multiples; then the multiples again.
    fit.d = solve(fit.k, alone.scale * alone.qq, alone.qq);
    fit.k = s.nearest(ratio(alone.scale, fit.d));
    const Lanes off = alone.scale - fit.d * fit.k;
    keep(fit, s.isCostly ? off * off * alone.qq : chooseMultiples(g, coder, s, false, &fit).error);
  }
  SuperFit fit = best;
  least = set16(3e38f);
  for (int i = 0; i < s.fits; ++i) {
    const Measured m = chooseMultiples(g, coder, s, true, &fit);
    keep(fit, m.error);
    fit.d = solve(fit.k, m.xq, m.qq);
  }
  return best;
}

}  // namespace DOTS_ISA
}  // namespace dots
