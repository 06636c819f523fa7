#include "elementwise.h"

#include "sigmoid.h"

namespace dots {
namespace DOTS_ISA {

// Calls run(a offset, b offset, count) for every stretch of [begin, end) in which b is not repeated.
template <class Run>
DOTS_INLINE void forStretches(int64_t lengthB, int64_t begin, int64_t end, Run run) {
  while (begin < end) {
    const int64_t inB = begin % lengthB, count = minOf(end - begin, lengthB - inB);
    run(begin, inB, count);
    begin += count;
  }
}

void addElements(const float* a, const float* b, int64_t lengthB, float* y, int64_t begin, int64_t end) {
  forStretches(lengthB, begin, end, [&](int64_t i, int64_t inB, int64_t count) {
    mapElements(a + i, b + inB, y + i, 0, count, [](Vec16 p, Vec16 q) { return add(p, q); });
  });
}

void mulElements(const float* a, const float* b, int64_t lengthB, float* y, int64_t begin, int64_t end) {
  forStretches(lengthB, begin, end, [&](int64_t i, int64_t inB, int64_t count) {
    mapElements(a + i, b + inB, y + i, 0, count, [](Vec16 p, Vec16 q) { return mul(p, q); });
  });
}

void scaleElements(const float* x, float factor, float* y, int64_t begin, int64_t end) {
  mapElements(x, x, y, begin, end, [=](Vec16 p, Vec16) { return mul(p, set16(factor)); });
}

void sigmoidElements(const float* x, float* y, int64_t begin, int64_t end) {
  mapElements(x, x, y, begin, end, [](Vec16 p, Vec16) { return sigmoid16(p); });
}

void siluElements(const float* x, float* y, int64_t begin, int64_t end) {
  mapElements(x, x, y, begin, end, [](Vec16 p, Vec16) { return silu16(p); });
}

}  // namespace DOTS_ISA
}  // namespace dots
