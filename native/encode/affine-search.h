// Blocks of the form x = scale * level + base, with levels 0...most. Scale and base for given levels are the solution
// of a weighted 2 x 2 least-squares system.
#pragma once

#include "encode/group.h"

namespace dots {
namespace DOTS_ISA {

// How far and how finely scales are tried, and how often scale and levels are then fitted in turn.
struct AffineGrid {
  float from, step;
  int count, fits;
};

struct Affine {
  Lanes scale, base;
};

// Sums over a block with levels q: of w*q, w*q*q, w*x*q, and of w*(x - scale*q - base)^2.
struct AffineSums {
  Lanes q, qq, xq, error;
};

DOTS_OUTLINE void findRange(const Group& g, Lanes* low, Lanes* high) {
  *low = g.value(0);
  *high = g.value(0);
  for (int j = 1; j < g.size; ++j) {
    *low = min(*low, g.value(j));
    *high = max(*high, g.value(j));
  }
}

struct AffineBlocks {
  const Group& g;
  float most;
  bool isBaseFree;  // or at most zero
  Lanes weight, x;  // sums of w and w*x

  DOTS_METHOD AffineBlocks(const Group& group, float mostLevel, bool free)
      : g(group), most(mostLevel), isBaseFree(free), weight(zeros()), x(zeros()) {
    for (int j = 0; j < g.size; ++j) {
      weight = weight + g.weight(j);
      x = x + g.weight(j) * g.value(j);
    }
  }

  DOTS_METHOD Lanes level(int j, const Affine& a, Lanes inverse) const {
    return roundEven(clamp((g.value(j) - a.base) * inverse, 0.0f, most));
  }

  /// All but the error.
  DOTS_OUTLINE AffineSums explain(const Affine& a) const {
    const Lanes inverse = ratio(set16(1.0f), a.scale);
    AffineSums s = {zeros(), zeros(), zeros(), zeros()};
    for (int j = 0; j < g.size; ++j) {
      const Lanes q = level(j, a, inverse), wq = g.weight(j) * q;
      s.q = s.q + wq;
      s.qq = s.qq + wq * q;
      s.xq = s.xq + wq * g.value(j);
    }
    return s;
  }

  DOTS_OUTLINE AffineSums measure(const Affine& a) const {
    const Lanes inverse = ratio(set16(1.0f), a.scale);
    AffineSums s = {zeros(), zeros(), zeros(), zeros()};
    for (int j = 0; j < g.size; ++j) {
      const Lanes q = level(j, a, inverse), wq = g.weight(j) * q, e = g.value(j) - a.base - a.scale * q;
      s.q = s.q + wq;
      s.qq = s.qq + wq * q;
      s.xq = s.xq + wq * g.value(j);
      s.error = s.error + g.weight(j) * (e * e);
    }
    return s;
  }

  DOTS_OUTLINE void store(const Affine& a, int8_t* out, int stride) const {
    const Lanes inverse = ratio(set16(1.0f), a.scale);
    for (int j = 0; j < g.size; j += 16) {
      Vec16 q[16];
      for (int i = 0; i < 16; ++i) q[i] = level(j + i, a, inverse);
      storeLevels(q, out + j, stride);
    }
  }

  /// The best scale and base for these levels. Where all levels are equal, a scale of zero.
  DOTS_OUTLINE Affine solve(const AffineSums& s) const {
    const Lanes determinant = weight * s.qq - s.q * s.q;
    const Mask16 isSingular = lessThan(determinant, weight * s.qq * 1e-5f);
    Affine a;
    a.scale = select(isSingular, zeros(), ratio(weight * s.xq - x * s.q, determinant));
    a.base = select(isSingular, ratio(x, weight), ratio(s.qq * x - s.q * s.xq, determinant));
    if (isBaseFree) return a;
    const Mask16 isOver = lessThan(zeros(), a.base);
    a.base = select(isOver, zeros(), a.base);
    a.scale = max(zeros(), select(isOver, ratio(s.xq, s.qq), a.scale));
    return a;
  }

  /// How much of sum w*x*x is explained by levels with these sums.
  DOTS_METHOD Lanes explained(const Affine& a, const AffineSums& s) const {
    return (a.scale * s.xq + a.base * x) * 2.0f - a.scale * a.scale * s.qq - a.scale * a.base * s.q * 2.0f -
           a.base * a.base * weight;
  }

  /// Tries lines that put the smallest value `from + i * step` levels below zero and the largest as much above `most`,
  /// count * count of them; then fits scale and levels in turn.
  DOTS_OUTLINE Affine search(const AffineGrid& grid, Lanes low, Lanes high) const {
    if (!isBaseFree) low = min(low, zeros());
    Affine best = {zeros(), select(lessThan(zeros(), set16(isBaseFree ? 1.0f : 0.0f)), ratio(x, weight), low)};
    Lanes explainedMost = set16(-3e38f);
    const auto consider = [&](const Affine& trial) {
      const AffineSums s = explain(trial);
      const Affine a = solve(s);
      const Lanes now = explained(a, s);
      const Mask16 isBetter = lessThan(explainedMost, now);
      explainedMost = select(isBetter, now, explainedMost);
      best.scale = select(isBetter, a.scale, best.scale);
      best.base = select(isBetter, a.base, best.base);
    };
    for (int below = 0; below < grid.count; ++below)
      for (int above = 0; above < grid.count; ++above) {
        const float under = grid.from + grid.step * static_cast<float>(below);
        const float over = grid.from + grid.step * static_cast<float>(above);
        Affine trial;
        trial.scale = (high - low) * (1.0f / (most + under + over));
        trial.base = low + trial.scale * under;
        consider(trial);
      }
    for (int i = 0; i < grid.fits; ++i) consider(best);
    return best;
  }
};

}  // namespace DOTS_ISA
}  // namespace dots
