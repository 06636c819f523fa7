// Blocks of the form x = scale * level, where levels come from a fixed set: integers, a table, or the points of a grid.
//
// A coder says for a given scale which levels are nearest. The best scale for given levels has a closed form (weighted
// least squares), and the best levels for a given scale are the coder's; neither knows the other, so a search tries
// scales on a grid, keeps the one whose levels explain most, and then improves both in turn.
#pragma once

#include "encode/group.h"

namespace dots {
namespace DOTS_ISA {

// Over a block with the levels q that a coder chose: sum w*x*q, sum w*q*q and sum w*(x - scale*q)^2.
struct Measured {
  Lanes xq, qq, error;

  DOTS_METHOD Lanes bestScale() const { return ratio(xq, qq); }
  /// What the levels explain of sum w*x*x at the best scale.
  DOTS_METHOD Lanes explained() const { return ratio(xq * xq, qq); }
};

struct IntegerLevels {
  float low, high;
  DOTS_METHOD Lanes nearest(Lanes y) const { return roundEven(clamp(y, low, high)); }
};

// Each element has its own level, whatever the others have.
template <class Levels>
struct LevelCoder {
  Levels levels;

  DOTS_METHOD void prepare(Group*) {}
  /// What trial scales are measured by.
  DOTS_METHOD Lanes yardstick(const Group& g) const { return extremeOf(g); }

  DOTS_OUTLINE Measured measure(const Group& g, Lanes scale) const {
    const Lanes inverse = ratio(set16(1.0f), scale);
    Measured m = {zeros(), zeros(), zeros()};
    for (int j = 0; j < g.size; ++j) {
      const Lanes x = g.value(j), q = levels.nearest(x * inverse), wq = g.weight(j) * q, e = x - scale * q;
      m.xq = m.xq + wq * x;
      m.qq = m.qq + wq * q;
      m.error = m.error + g.weight(j) * (e * e);
    }
    return m;
  }

  /// The same without the error.
  DOTS_OUTLINE Measured explain(const Group& g, Lanes scale) const {
    const Lanes inverse = ratio(set16(1.0f), scale);
    Measured m = {zeros(), zeros(), zeros()};
    for (int j = 0; j < g.size; ++j) {
      const Lanes x = g.value(j), q = levels.nearest(x * inverse), wq = g.weight(j) * q;
      m.xq = m.xq + wq * x;
      m.qq = m.qq + wq * q;
    }
    return m;
  }

  DOTS_OUTLINE void store(const Group& g, Lanes scale, int8_t* out, int stride) const {
    const Lanes inverse = ratio(set16(1.0f), scale);
    for (int j = 0; j < g.size; j += 16) {
      Vec16 q[16];
      for (int i = 0; i < 16; ++i) q[i] = levels.nearest(g.value(j + i) * inverse);
      storeLevels(q, out + j, stride);
    }
  }
};

// Where the yardstick of a block (its largest value, or the mean) may land, in levels: trial scales put it there.
struct Positions {
  float at[40];
  int count = 0;

  DOTS_METHOD void add(float from, float step, int number) {
    for (int i = 0; i < number; ++i) at[count++] = from + step * static_cast<float>(i);
  }
};

// The best scale for some levels, and their sum of w*q*q: away from that scale the error grows with its square.
struct ScaleFit {
  Lanes scale, qq;
};

/// The scale whose levels explain most, among those that put `value` at one of the positions, and then its fit, `fits`
/// times in turn with new levels.
template <class Coder>
DOTS_OUTLINE ScaleFit searchScale(const Group& g, const Coder& coder, Lanes value, const Positions& positions,
                                  int fits) {
  ScaleFit best = {zeros(), zeros()};
  Lanes most = zeros();
  const auto consider = [&](Lanes scale) {
    const Measured m = coder.explain(g, scale);
    const Lanes explained = m.explained();
    const Mask16 isBetter = lessThan(most, explained);
    most = select(isBetter, explained, most);
    best.scale = select(isBetter, m.bestScale(), best.scale);
    best.qq = select(isBetter, m.qq, best.qq);
  };
  for (int i = 0; i < positions.count; ++i) consider(value * (1.0f / positions.at[i]));
  for (int i = 0; i < fits; ++i) consider(best.scale);
  return best;
}

/// A scale that a half stores, with the least error among the nearest to `scale` and the fits that follow from it.
template <class Coder>
DOTS_OUTLINE Lanes fitHalf(const Group& g, const Coder& coder, Lanes scale, int fits) {
  Lanes best = zeros(), least = set16(3e38f), half = toHalf(scale);
  for (int i = 0; i < fits; ++i) {
    const Measured m = coder.measure(g, half);
    const Mask16 isBetter = lessThan(m.error, least);
    least = select(isBetter, m.error, least);
    best = select(isBetter, half, best);
    half = toHalf(m.bestScale());
  }
  return best;
}

}  // namespace DOTS_ISA
}  // namespace dots
