#include "rope.h"

#include <math.h>

#include "vec16.h"

namespace dots {
namespace DOTS_ISA {

void ropeAngles(const int32_t* positions_T, double theta, const float* factors_P, int64_t headWidth, float* angles_T2P,
                int64_t begin, int64_t end) {
  const int64_t pairs = headWidth / 2;
  for (int64_t i = 0; i < pairs; ++i) {
    const double factor = factors_P != nullptr ? static_cast<double>(factors_P[i]) : 1.0;
    const double frequency = ::pow(theta, -2.0 * static_cast<double>(i) / static_cast<double>(headWidth)) / factor;
    for (int64_t t = begin; t < end; ++t) {
      // In float, position 32,768 would have an angle error of a thousandth of a turn.
      const double angle = positions_T[t] * frequency;
      angles_T2P[2 * t * pairs + i] = static_cast<float>(::cos(angle));
      angles_T2P[(2 * t + 1) * pairs + i] = static_cast<float>(::sin(angle));
    }
  }
}

// Turns pairs i...i+n-1. Both halves are read before either is written: y may be x.
DOTS_INLINE void turn(Vec a, Vec b, Vec cosine, Vec sine, Vec* first, Vec* second) {
  *first = sub(mul(a, cosine), mul(b, sine));
  *second = add(mul(b, cosine), mul(a, sine));
}

DOTS_INLINE void ropeRow(const float* x, const float* cosines, int64_t pairs, float* y) {
  const float* sines = cosines + pairs;
  Vec first, second;
  int64_t i = 0;
  for (; i + kLanes <= pairs; i += kLanes) {
    turn(load(x + i), load(x + pairs + i), load(cosines + i), load(sines + i), &first, &second);
    store(y + i, first);
    store(y + pairs + i, second);
  }
  const int left = static_cast<int>(pairs - i);
  if (left == 0) return;
  turn(loadTail(x + i, left), loadTail(x + pairs + i, left), loadTail(cosines + i, left), loadTail(sines + i, left),
       &first, &second);
  storeTail(y + i, first, left);
  storeTail(y + pairs + i, second, left);
}

void rope(const float* x_TNH, const float* angles_T2P, int64_t numHeads, int64_t headWidth, float* y_TNH, int64_t begin,
          int64_t end) {
  for (int64_t row = begin; row < end; ++row)
    ropeRow(x_TNH + row * headWidth, angles_T2P + row / numHeads * headWidth, headWidth / 2, y_TNH + row * headWidth);
}

void ropeInterleaved(const float* x_TNH, const float* angles_T2P, int64_t numHeads, int64_t headWidth, float* y_TNH,
                     int64_t begin, int64_t end) {
  for (int64_t row = begin; row < end; ++row) {
    const float *x = x_TNH + row * headWidth, *cosines = angles_T2P + row / numHeads * headWidth;
    const float* sines = cosines + headWidth / 2;
    float* y = y_TNH + row * headWidth;
    for (int64_t i = 0; i < headWidth / 2; ++i) {
      const float a = x[2 * i], b = x[2 * i + 1];
      y[2 * i] = a * cosines[i] - b * sines[i];
      y[2 * i + 1] = b * cosines[i] + a * sines[i];
    }
  }
}

}  // namespace DOTS_ISA
}  // namespace dots
