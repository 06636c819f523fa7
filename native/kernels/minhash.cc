#include "minhash.h"

#include "vec16.h"

namespace dots {
namespace DOTS_ISA {
namespace {

// A register of 32-bit integers.
#if defined(DOTS_AVX512)
constexpr int kWidth = 16;
using Words = __m512i;
DOTS_INLINE Words loadWords(const uint32_t* p) { return _mm512_loadu_si512(p); }
DOTS_INLINE void storeWords(uint32_t* p, Words a) { _mm512_storeu_si512(p, a); }
DOTS_INLINE Words setWords(uint32_t a) { return _mm512_set1_epi32(static_cast<int>(a)); }
DOTS_INLINE Words hashed(Words x, Words flip, Words multiplier) {
  return _mm512_mullo_epi32(_mm512_xor_si512(x, flip), multiplier);
}
DOTS_INLINE Words least(Words a, Words b) { return _mm512_min_epu32(a, b); }
#elif defined(DOTS_AVX2)
constexpr int kWidth = 8;
using Words = __m256i;
DOTS_INLINE Words loadWords(const uint32_t* p) { return _mm256_loadu_si256(reinterpret_cast<const __m256i*>(p)); }
DOTS_INLINE void storeWords(uint32_t* p, Words a) { _mm256_storeu_si256(reinterpret_cast<__m256i*>(p), a); }
DOTS_INLINE Words setWords(uint32_t a) { return _mm256_set1_epi32(static_cast<int>(a)); }
DOTS_INLINE Words hashed(Words x, Words flip, Words multiplier) {
  return _mm256_mullo_epi32(_mm256_xor_si256(x, flip), multiplier);
}
DOTS_INLINE Words least(Words a, Words b) { return _mm256_min_epu32(a, b); }
#elif defined(DOTS_NEON)
constexpr int kWidth = 4;
using Words = uint32x4_t;
DOTS_INLINE Words loadWords(const uint32_t* p) { return vld1q_u32(p); }
DOTS_INLINE void storeWords(uint32_t* p, Words a) { vst1q_u32(p, a); }
DOTS_INLINE Words setWords(uint32_t a) { return vdupq_n_u32(a); }
DOTS_INLINE Words hashed(Words x, Words flip, Words multiplier) { return vmulq_u32(veorq_u32(x, flip), multiplier); }
DOTS_INLINE Words least(Words a, Words b) { return vminq_u32(a, b); }
#else
constexpr int kWidth = 1;
using Words = uint32_t;
DOTS_INLINE Words loadWords(const uint32_t* p) { return *p; }
DOTS_INLINE void storeWords(uint32_t* p, Words a) { *p = a; }
DOTS_INLINE Words setWords(uint32_t a) { return a; }
DOTS_INLINE Words hashed(Words x, Words flip, Words multiplier) { return (x ^ flip) * multiplier; }
DOTS_INLINE Words least(Words a, Words b) { return minOf(a, b); }
#endif

// Registers that hold minima while all shingles pass: with the flips and multipliers they fill a half (AVX-512) to all
// of the register file, and hide the latency of the multiplication.
#if defined(DOTS_AVX512)
constexpr int kRegisters = 4;
#elif defined(DOTS_AVX2)
constexpr int kRegisters = 4;
#elif defined(DOTS_NEON)
constexpr int kRegisters = 8;
#else
constexpr int kRegisters = 16;
#endif
static_assert(kMinhashGroup % (kRegisters * kWidth) == 0, "a group is whole blocks");

}  // namespace

void minhash(const uint32_t* shingles_S, int64_t numShingles, const uint32_t* flips_H, const uint32_t* multipliers_H,
             int64_t numHashes, uint32_t* minima_H) {
  for (int64_t h = 0; h < numHashes; h += kRegisters * kWidth) {
    Words flip[kRegisters], multiplier[kRegisters], minimum[kRegisters];
    DOTS_UNROLL
    for (int i = 0; i < kRegisters; ++i) {
      flip[i] = loadWords(flips_H + h + i * kWidth);
      multiplier[i] = loadWords(multipliers_H + h + i * kWidth);
      minimum[i] = loadWords(minima_H + h + i * kWidth);
    }
    for (int64_t s = 0; s < numShingles; ++s) {
      const Words x = setWords(shingles_S[s]);
      DOTS_UNROLL
      for (int i = 0; i < kRegisters; ++i) minimum[i] = least(minimum[i], hashed(x, flip[i], multiplier[i]));
    }
    DOTS_UNROLL
    for (int i = 0; i < kRegisters; ++i) storeWords(minima_H + h + i * kWidth, minimum[i]);
  }
}

}  // namespace DOTS_ISA
}  // namespace dots
