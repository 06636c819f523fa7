// Levels that come in entries of a grid, eight or four elements at a time: the nearest entry under the weights,
// exactly.
//
// An entry's error is the sum of its halves' errors, and there are few different halves (81 or 64). So both tables of
// half errors are filled first. Then, for each first half, the least error among the second halves that the grid has
// with it costs one minimum for an entry.
#pragma once

#include "encode/grid-index.h"
#include "encode/scale-search.h"

namespace dots {
namespace DOTS_ISA {

// iq1 shifts all levels up or down by one eighth: an entry's, or those of all entries of a sub-block.
enum class GridShift { kNone, kOfEntry, kOfBlock };

// Levels of iq1 without the grid.
struct ShiftedLevels {
  float shift;
  DOTS_METHOD Lanes nearest(Lanes y) const {
    return roundEven(clamp((y - set16(shift)) * 0.125f, -1, 1)) * 8.0f + set16(shift);
  }
};

struct HalfErrors {
  float of[16 * 81];  // of half h in lane l at 16 * h + l
};

// Errors, less what no choice changes, of every half of an entry: its elements are `numElements` from `at` on.
DOTS_OUTLINE void fillHalfErrors(const GridIndex& grid, const Group& g, int at, const Lanes* scaledLevels,
                                 HalfErrors* out) {
  const auto error = [&](int j, int level) {
    return g.weight(at + j) * (scaledLevels[level] * (scaledLevels[level] - g.value(at + j) * 2.0f));
  };
  if (grid.numLevels == 8) {
    Lanes second[8];
    for (int level = 0; level < 8; ++level) second[level] = error(1, level);
    for (int level = 0; level < 8; ++level) {
      const Lanes first = error(0, level);
      for (int i = 0; i < 8; ++i) store16(out->of + 16 * (level + 8 * i), first + second[i]);
    }
    return;
  }
  Lanes pairs[2][9];
  for (int p = 0; p < 2; ++p)
    for (int i = 0; i < 9; ++i) pairs[p][i] = error(2 * p, i % 3) + error(2 * p + 1, i / 3);
  for (int i = 0; i < 81; ++i) store16(out->of + 16 * i, pairs[0][i % 9] + pairs[1][i / 9]);
}

// The nearest entry for elements from `at` on, as values; its error, less what no choice changes.
DOTS_OUTLINE Lanes chooseEntry(const GridIndex& grid, const Group& g, int at, Lanes scale, float unit, Lanes shift,
                               float (*levels)[16]) {
  Lanes scaledLevels[8];
  for (int i = 0; i < grid.numLevels; ++i) scaledLevels[i] = scale * (set16(grid.values[i] * unit) + shift);
  HalfErrors first, second;
  const int half = grid.size / 2;
  fillHalfErrors(grid, g, at, scaledLevels, &first);
  fillHalfErrors(grid, g, at + half, scaledLevels, &second);
  Lanes least = set16(3e38f), leastSecond = zeros(), chosen = zeros();
  for (int h = 0; h < grid.numHalves; ++h) {
    const int end = grid.start[h + 1];
    int i = grid.start[h];
    if (i == end) continue;
    // Four minimums at a time, which do not wait for each other.
    const auto errorOf = [&](int number) { return load16(second.of + grid.second[number]); };
    Lanes rest = errorOf(i), rest1 = rest, rest2 = rest, rest3 = rest;
    for (; i + 4 <= end; i += 4) {
      rest = min(rest, errorOf(i));
      rest1 = min(rest1, errorOf(i + 1));
      rest2 = min(rest2, errorOf(i + 2));
      rest3 = min(rest3, errorOf(i + 3));
    }
    for (; i < end; ++i) rest = min(rest, errorOf(i));
    rest = min(min(rest, rest1), min(rest2, rest3));
    const Lanes error = load16(first.of + 16 * h) + rest;
    const Mask16 isBetter = lessThan(error, least);
    least = select(isBetter, error, least);
    leastSecond = select(isBetter, rest, leastSecond);
    chosen = select(isBetter, set16(static_cast<float>(h)), chosen);
  }
  float firstHalf[16], wanted[16], shifts[16];
  store16(firstHalf, chosen);
  store16(wanted, leastSecond);
  store16(shifts, shift);
  for (int lane = 0; lane < 16; ++lane) {
    const int h = static_cast<int>(firstHalf[lane]);
    int i = grid.start[h];
    while (i + 1 < grid.start[h + 1] && !(second.of[grid.second[i] + lane] == wanted[lane])) ++i;
    for (int j = 0; j < half; ++j) {
      levels[j][lane] = grid.halfValues[h][j] * unit + shifts[lane];
      levels[half + j][lane] = grid.halfValues[grid.second[i] / 16][j] * unit + shifts[lane];
    }
  }
  return least;
}

struct GridCoder {
  const GridIndex& grid;
  float unit;  // of the grid's values in levels
  GridShift shift;
  bool hasSigns, isEven;  // whether signs are stored apart, and whether each eight have an even number of them
  float signs[32][16], shifts[4][16], shiftedScale[16];

  DOTS_METHOD void prepare(Group* g) {
    if (hasSigns) takeSigns(g);
    if (shift != GridShift::kNone) chooseShifts(*g);
  }

  /// Takes the signs out of the values. Where their number must be even, the element that costs least changes its own.
  DOTS_OUTLINE void takeSigns(Group* g) {
    for (int at = 0; at < g->size; at += 8) {
      Lanes parity = set16(1.0f), least = set16(3e38f);
      for (int j = at; j < at + 8; ++j) {
        const Lanes sign = select(lessThan(g->value(j), zeros()), set16(-1.0f), set16(1.0f));
        store16(signs[j], sign);
        store16(g->x[j], g->value(j) * sign);
        parity = parity * sign;
        least = min(least, g->weight(j) * g->value(j));
      }
      if (!isEven) continue;
      Lanes isOdd = select(lessThan(parity, zeros()), set16(1.0f), zeros());
      for (int j = at; j < at + 8; ++j) {
        const Lanes here = select(lessThan(least, g->weight(j) * g->value(j)), zeros(), isOdd);
        const Lanes turn = set16(1.0f) - here * 2.0f;
        store16(signs[j], load16(signs[j]) * turn);
        store16(g->x[j], g->value(j) * turn);
        isOdd = isOdd - here;
      }
    }
  }

  /// Shifts once and for all, at the scale that fits best where the grid does not count: trying both for every scale
  /// would take twice as long.
  DOTS_OUTLINE void chooseShifts(const Group& g) {
    Positions positions;
    positions.add(3.2f, 0.4f, 10);
    const LevelCoder<ShiftedLevels> down = {{-1}}, up = {{1}};
    const Lanes mean = meanMagnitude(g);
    const Lanes downScale = searchScale(g, down, mean, positions, 1).scale;
    const Lanes upScale = searchScale(g, up, mean, positions, 1).scale;
    const Mask16 isUp = lessThan(up.measure(g, upScale).error, down.measure(g, downScale).error);
    const Lanes scale = select(isUp, upScale, downScale);
    store16(shiftedScale, scale);
    float unused[8][16];
    Lanes sumDown = zeros(), sumUp = zeros();
    for (int at = 0; at < g.size; at += 8) {
      const Lanes downError = chooseEntry(grid, g, at, scale, unit, set16(-1.0f), unused);
      const Lanes upError = chooseEntry(grid, g, at, scale, unit, set16(1.0f), unused);
      sumDown = shift == GridShift::kOfBlock ? sumDown + downError : downError;
      sumUp = shift == GridShift::kOfBlock ? sumUp + upError : upError;
      const Lanes chosen = select(lessThan(sumUp, sumDown), set16(1.0f), set16(-1.0f));
      for (int entry = shift == GridShift::kOfBlock ? 0 : at / 8; entry <= at / 8; ++entry)
        store16(shifts[entry], chosen);
    }
  }

  DOTS_METHOD Lanes yardstick(const Group& g) const {
    return shift == GridShift::kNone ? meanMagnitude(g) : load16(shiftedScale);
  }

  DOTS_METHOD void choose(const Group& g, Lanes scale, float (&levels)[32][16]) const {
    for (int at = 0; at < g.size; at += grid.size) {
      const Lanes by = shift == GridShift::kNone ? zeros() : load16(shifts[at / 8]);
      chooseEntry(grid, g, at, scale, unit, by, &levels[at]);
    }
  }

  DOTS_OUTLINE Measured measure(const Group& g, Lanes scale) const {
    float levels[32][16];
    choose(g, scale, levels);
    Measured m = {zeros(), zeros(), zeros()};
    for (int j = 0; j < g.size; ++j) {
      const Lanes x = g.value(j), q = load16(levels[j]), wq = g.weight(j) * q, e = x - scale * q;
      m.xq = m.xq + wq * x;
      m.qq = m.qq + wq * q;
      m.error = m.error + g.weight(j) * (e * e);
    }
    return m;
  }

  Measured explain(const Group& g, Lanes scale) const { return measure(g, scale); }

  DOTS_OUTLINE void store(const Group& g, Lanes scale, int8_t* out, int stride) const {
    float levels[32][16];
    choose(g, scale, levels);
    for (int j = 0; j < g.size; j += 16) {
      Vec16 q[16];
      for (int i = 0; i < 16; ++i) {
        q[i] = load16(levels[j + i]);
        if (hasSigns) q[i] = q[i] * load16(signs[j + i]);
      }
      storeLevels(q, out + j, stride);
    }
  }
};

}  // namespace DOTS_ISA
}  // namespace dots
