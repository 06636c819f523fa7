#include "quantize-rows.h"

#include "isa.h"

namespace dots {
namespace DOTS_ISA {

// Stores kLanes integral floats as int8.
DOTS_INLINE void storeI8(int8_t* out, Vec a) {
#if defined(DOTS_AVX512)
  _mm_storeu_si128(reinterpret_cast<__m128i*>(out), _mm512_cvtepi32_epi8(_mm512_cvtps_epi32(a.v)));
#elif defined(DOTS_AVX2)
  const __m256i wide = _mm256_cvtps_epi32(a.v);
  const __m128i half = _mm_packs_epi32(_mm256_castsi256_si128(wide), _mm256_extracti128_si256(wide, 1));
  _mm_storel_epi64(reinterpret_cast<__m128i*>(out), _mm_packs_epi16(half, half));
#else
  float lanes[kLanes];
  store(lanes, a);
  for (int i = 0; i < kLanes; ++i) out[i] = static_cast<int8_t>(lanes[i]);
#endif
}

DOTS_INLINE Vec magnitude(Vec a) { return max(a, sub(zero(), a)); }

static float quantizeBlock(const float* x, int n, int8_t* q) {
  Vec largest = zero(), poison = zero();
  for (int i = 0; i < n; i += kLanes) {
    const Vec v = load(x + i);
    largest = max(largest, magnitude(v));
    poison = fma(v, zero(), poison);  // stays zero unless some x is infinite or NaN
  }
  const float amax = reduceMax(largest), mark = reduceAdd(poison);
  const bool finite = mark == 0.0f;
  if (!finite || amax < 1e-30f) {
    memset(q, 0, static_cast<size_t>(n));
    return finite ? 0.0f : floatFromBits(0x7fc00000u);
  }
  const Vec inverse = set1(127.0f / amax);
  for (int i = 0; i < n; i += kLanes) storeI8(q + i, roundEven(mul(load(x + i), inverse)));
  return amax / 127.0f;
}

void quantizeRows(Activation kind, const float* x, int64_t ldX, int64_t numRows, int64_t cols, uint8_t* out) {
  const ActivationLayout at = activationLayout(kind, cols);
  const int block = kind == Activation::kQ256 ? 256 : 32;
  for (int64_t row = 0; row < numRows; ++row, x += ldX, out += at.rowBytes) {
    int8_t* q = reinterpret_cast<int8_t*>(out);
    float* d = reinterpret_cast<float*>(out + at.d);
    for (int64_t k = 0; k < cols; k += block) *d++ = quantizeBlock(x + k, block, q + k);

    int16_t* sums16 = reinterpret_cast<int16_t*>(out + at.sums16);
    int16_t* sums32 = reinterpret_cast<int16_t*>(out + at.sums32);
    int32_t* wideSums32 = reinterpret_cast<int32_t*>(out + at.wideSums32);
    for (int64_t k = 0; k < cols; k += 32) {
      int low = 0, high = 0;
      for (int i = 0; i < 16; ++i) {
        low += q[k + i];
        high += q[k + 16 + i];
      }
      sums16[k / 16] = static_cast<int16_t>(low);
      sums16[k / 16 + 1] = static_cast<int16_t>(high);
      sums32[k / 32] = static_cast<int16_t>(low + high);
      wideSums32[k / 32] = low + high;
    }
#if defined(DOTS_AVX2)
    int16_t* q16 = reinterpret_cast<int16_t*>(out + at.q16);
    for (int64_t k = 0; k < cols; k += 4) {
      q16[k] = q[k];
      q16[k + 1] = q[k + 2];
      q16[k + 2] = q[k + 1];
      q16[k + 3] = q[k + 3];
    }
#endif
  }
}

}  // namespace DOTS_ISA
}  // namespace dots
