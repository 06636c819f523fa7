#include "gradients.h"

#include "sigmoid.h"

namespace dots {
namespace DOTS_ISA {

DOTS_INLINE Vec16 siluSlope(Vec16 z) {
  const Vec16 one = set16(1.0f), s = sigmoid16(z);
  return mul(s, add(one, mul(z, sub(one, s))));
}

void sigmoidGrad(const float* gradient, const float* s, float* y, int64_t begin, int64_t end) {
  mapElements(gradient, s, y, begin, end, [](Vec16 g, Vec16 p) { return mul(mul(g, p), sub(set16(1.0f), p)); });
}

void siluGrad(const float* gradient, const float* z, float* y, int64_t begin, int64_t end) {
  mapElements(gradient, z, y, begin, end, [](Vec16 g, Vec16 p) { return mul(g, siluSlope(p)); });
}

void swigluGradGate(const float* gradient, const float* gate, const float* up, float* y, int64_t begin, int64_t end) {
  const auto slope = [](Vec16 g, Vec16 z, Vec16 u) { return mul(mul(g, u), siluSlope(z)); };
  int64_t i = begin;
  for (; i + 16 <= end; i += 16) store16(y + i, slope(load16(gradient + i), load16(gate + i), load16(up + i)));
  const int left = static_cast<int>(end - i);
  if (left > 0)
    storeTail16(y + i, slope(loadTail16(gradient + i, left), loadTail16(gate + i, left), loadTail16(up + i, left)),
                left);
}

void fillElements(float value, float* y, int64_t begin, int64_t end) {
  for (int64_t i = begin; i < end; ++i) y[i] = value;
}

void adamw(const AdamwRates& rates, float* parameter, float* gradient, float* mean, float* square, int64_t begin,
           int64_t end) {
  const auto step = [&](auto loaded, auto stored, int64_t i) {
    const Vec g = mul(loaded(gradient + i), set1(rates.clip));
    const Vec m = fma(set1(rates.beta1), loaded(mean + i), mul(set1(rates.oneMinusBeta1), g));
    const Vec s = fma(set1(rates.beta2), loaded(square + i), mul(set1(rates.oneMinusBeta2), mul(g, g)));
    const Vec p = loaded(parameter + i);
    const Vec towards =
        div(mul(m, set1(rates.inverseCorrection1)), add(sqrt(mul(s, set1(rates.inverseCorrection2))), set1(rates.eps)));
    const Vec change = fma(set1(rates.rate), towards, mul(set1(rates.rateTimesDecay), p));
    stored(mean + i, m);
    stored(square + i, s);
    stored(parameter + i, sub(p, change));
    stored(gradient + i, zero());
  };
  int64_t i = begin;
  for (; i + kLanes <= end; i += kLanes) {
    step([](const float* p) __attribute__((always_inline)) { return load(p); },
         [](float* p, Vec v) __attribute__((always_inline)) { store(p, v); }, i);
  }
  const int left = static_cast<int>(end - i);
  if (left > 0)
    step([=](const float* p) { return loadTail(p, left); }, [=](float* p, Vec v) { storeTail(p, v, left); }, i);
}

float sumSquares(const float* x, int64_t begin, int64_t end) {
  Vec16 sum[4] = {set16(0.0f), set16(0.0f), set16(0.0f), set16(0.0f)};
  int64_t i = begin;
  for (; i + 64 <= end; i += 64)
    for (int part = 0; part < 4; ++part) {
      const Vec16 v = load16(x + i + 16 * part);
      sum[part] = fma(v, v, sum[part]);
    }
  for (int part = 0; i < end; i += 16, ++part) {
    const Vec16 v = i + 16 <= end ? load16(x + i) : loadTail16(x + i, static_cast<int>(end - i));
    sum[part] = fma(v, v, sum[part]);
  }
  return reduceAdd16(add(add(sum[0], sum[1]), add(sum[2], sum[3])));
}

}  // namespace DOTS_ISA
}  // namespace dots
