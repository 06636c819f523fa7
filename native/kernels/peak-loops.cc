#include "peak-loops.h"

#include "isa.h"

// Makes the compiler forget what it knows about a register, so that it neither moves work out of the loop nor drops it.
#if defined(DOTS_AVX512)
#define DOTS_FORGET(x) asm volatile("" : "+v"(x))
#elif defined(DOTS_AVX2)
#define DOTS_FORGET(x) asm volatile("" : "+x"(x))
#elif defined(DOTS_NEON)
#define DOTS_FORGET(x) asm volatile("" : "+w"(x))
#else
#define DOTS_FORGET(x) asm volatile("" : : "r"(&(x)) : "memory")
#endif

namespace dots {
namespace DOTS_ISA {

#if defined(DOTS_AVX512)

uint64_t readBytes(const uint8_t* data, int64_t bytes) {
  __m512i a = _mm512_setzero_si512(), b = a, c = a, d = a;
  for (const uint8_t* p = data; p < data + bytes; p += 256) {
    a = _mm512_xor_si512(a, _mm512_loadu_si512(p));
    b = _mm512_xor_si512(b, _mm512_loadu_si512(p + 64));
    c = _mm512_xor_si512(c, _mm512_loadu_si512(p + 128));
    d = _mm512_xor_si512(d, _mm512_loadu_si512(p + 192));
  }
  const __m512i all = _mm512_xor_si512(_mm512_xor_si512(a, b), _mm512_xor_si512(c, d));
  uint64_t words[8];
  _mm512_storeu_si512(words, all);
  return words[0] ^ words[1] ^ words[2] ^ words[3] ^ words[4] ^ words[5] ^ words[6] ^ words[7];
}

#elif defined(DOTS_AVX2)

uint64_t readBytes(const uint8_t* data, int64_t bytes) {
  const auto at = [](const uint8_t* p) { return _mm256_loadu_si256(reinterpret_cast<const __m256i*>(p)); };
  __m256i a = _mm256_setzero_si256(), b = a, c = a, d = a;
  for (const uint8_t* p = data; p < data + bytes; p += 128) {
    a = _mm256_xor_si256(a, at(p));
    b = _mm256_xor_si256(b, at(p + 32));
    c = _mm256_xor_si256(c, at(p + 64));
    d = _mm256_xor_si256(d, at(p + 96));
  }
  const __m256i all = _mm256_xor_si256(_mm256_xor_si256(a, b), _mm256_xor_si256(c, d));
  uint64_t words[4];
  _mm256_storeu_si256(reinterpret_cast<__m256i*>(words), all);
  return words[0] ^ words[1] ^ words[2] ^ words[3];
}

#else

uint64_t readBytes(const uint8_t* data, int64_t bytes) {
  uint64_t words[8] = {};
  for (const uint8_t* p = data; p < data + bytes; p += sizeof words) {
    uint64_t next[8];
    memcpy(next, p, sizeof next);
    for (int i = 0; i < 8; ++i) words[i] ^= next[i];
  }
  return words[0] ^ words[1] ^ words[2] ^ words[3] ^ words[4] ^ words[5] ^ words[6] ^ words[7];
}

#endif

// A multiply-add takes four or five cycles and two start in each, so ten chains keep the units busy; twelve with the
// two factors still fit into sixteen registers.
constexpr int kChains = 12;

int64_t multiplyFloats(int64_t rounds, float* sink) {
  Vec sums[kChains], factor = set1(0.999f), term = set1(0.001f);
  for (int i = 0; i < kChains; ++i) sums[i] = set1(static_cast<float>(i));
  for (int64_t round = 0; round < rounds; ++round) {
    DOTS_FORGET(factor.v);
#if defined(__clang__)
#pragma clang loop unroll(full)
#else
#pragma GCC unroll 12
#endif
    for (int i = 0; i < kChains; ++i) sums[i] = fma(sums[i], factor, term);
  }
  for (int i = 0; i < kChains; ++i) *sink += reduceAdd(sums[i]);
  return rounds * kChains * kLanes;
}

#if defined(DOTS_AVX512)

int64_t multiplyBytes(int64_t rounds, int32_t* sink) {
  __m512i sums[kChains], a = _mm512_set1_epi8(3), b = _mm512_set1_epi8(-5);
  for (__m512i& sum : sums) sum = _mm512_setzero_si512();
  for (int64_t round = 0; round < rounds; ++round) {
    DOTS_FORGET(a);
#pragma GCC unroll 12
    for (int i = 0; i < kChains; ++i) sums[i] = _mm512_dpbusd_epi32(sums[i], a, b);
  }
  for (const __m512i& sum : sums) *sink += _mm512_reduce_add_epi32(sum);
  return rounds * kChains * 64;
}

#elif defined(DOTS_AVX2)

// Products of 4-bit codes: eight pairs of them and of a byte fit into 16 bits, so one widening serves eight. Wider
// codes must be widened sooner and cannot reach this.
int64_t multiplyBytes(int64_t rounds, int32_t* sink) {
  constexpr int kSums = 4, kGroup = 8;
  __m256i sums[kSums], a = _mm256_set1_epi8(3), b = _mm256_set1_epi8(-5);
  const __m256i ones = _mm256_set1_epi16(1);
  for (__m256i& sum : sums) sum = _mm256_setzero_si256();
  for (int64_t round = 0; round < rounds; ++round) {
#pragma GCC unroll 4
    for (int i = 0; i < kSums; ++i) {
      DOTS_FORGET(a);
      __m256i products = _mm256_maddubs_epi16(a, b);
#pragma GCC unroll 8
      for (int j = 1; j < kGroup; ++j) {
        DOTS_FORGET(a);
        products = _mm256_add_epi16(products, _mm256_maddubs_epi16(a, b));
      }
      sums[i] = _mm256_add_epi32(sums[i], _mm256_madd_epi16(products, ones));
    }
  }
  for (const __m256i& sum : sums) *sink += _mm256_extract_epi32(sum, 0);
  return rounds * kSums * kGroup * 32;
}

#elif defined(DOTS_NEON)

int64_t multiplyBytes(int64_t rounds, int32_t* sink) {
  int32x4_t sums[kChains];
  int8x16_t a = vdupq_n_s8(3);
  const int8x16_t b = vdupq_n_s8(-5);
  for (int32x4_t& sum : sums) sum = vdupq_n_s32(0);
  for (int64_t round = 0; round < rounds; ++round) {
    DOTS_FORGET(a);
#pragma GCC unroll 12
    for (int i = 0; i < kChains; ++i) sums[i] = vdotq_s32(sums[i], a, b);
  }
  for (const int32x4_t& sum : sums) *sink += vaddvq_s32(sum);
  return rounds * kChains * 16;
}

#else

int64_t multiplyBytes(int64_t rounds, int32_t* sink) {
  int8_t a[64], b[64];
  memset(a, 3, sizeof a);
  memset(b, -5, sizeof b);
  uint32_t sum = 0;
  for (int64_t round = 0; round < rounds; ++round) {
    DOTS_FORGET(a);
    for (int i = 0; i < 64; ++i) sum += static_cast<uint32_t>(a[i] * b[i]);
  }
  *sink += static_cast<int32_t>(sum);
  return rounds * 64;
}

#endif

}  // namespace DOTS_ISA
}  // namespace dots
