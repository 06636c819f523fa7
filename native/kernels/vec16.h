// Sixteen f32 lanes on every instruction set, and the exponentials.
//
// Attention and the norms reduce over these sixteen lanes, never over kLanes, so that their sums have one order
// everywhere: an AVX2, an AVX-512 and a NEON machine give the same bits.
#pragma once

#include "isa.h"

// Loops over registers must disappear, or the compiler keeps the "registers" in memory. Portable code has no registers
// to speak of, and would only take minutes to compile.
#if defined(DOTS_PORTABLE) || defined(DOTS_SMALL_CODE)
#define DOTS_UNROLL
#elif defined(__clang__)
#define DOTS_UNROLL _Pragma("clang loop unroll(full)")
#else
#define DOTS_UNROLL _Pragma("GCC unroll 16")
#endif

// DOTS_INLINE for members.
#if defined(DOTS_SMALL_CODE)
#define DOTS_METHOD inline
#else
#define DOTS_METHOD inline __attribute__((always_inline))
#endif

namespace dots {
namespace DOTS_ISA {

constexpr int kParts = 16 / kLanes;

struct Vec16 {
  Vec part[kParts];
};

#define DOTS_PARTS(expression)                               \
  Vec16 r;                                                   \
  DOTS_UNROLL                                                \
  for (int i = 0; i < kParts; ++i) r.part[i] = (expression); \
  return r

DOTS_INLINE Vec16 set16(float a) { DOTS_PARTS(set1(a)); }
DOTS_INLINE Vec16 load16(const float* p) { DOTS_PARTS(load(p + i * kLanes)); }
DOTS_INLINE Vec16 add(Vec16 a, Vec16 b) { DOTS_PARTS(add(a.part[i], b.part[i])); }
DOTS_INLINE Vec16 sub(Vec16 a, Vec16 b) { DOTS_PARTS(sub(a.part[i], b.part[i])); }
DOTS_INLINE Vec16 mul(Vec16 a, Vec16 b) { DOTS_PARTS(mul(a.part[i], b.part[i])); }
DOTS_INLINE Vec16 div(Vec16 a, Vec16 b) { DOTS_PARTS(div(a.part[i], b.part[i])); }
DOTS_INLINE Vec16 max(Vec16 a, Vec16 b) { DOTS_PARTS(max(a.part[i], b.part[i])); }
DOTS_INLINE Vec16 min(Vec16 a, Vec16 b) { DOTS_PARTS(min(a.part[i], b.part[i])); }
DOTS_INLINE Vec16 fma(Vec16 a, Vec16 b, Vec16 c) { DOTS_PARTS(fma(a.part[i], b.part[i], c.part[i])); }
DOTS_INLINE Vec16 roundEven(Vec16 a) { DOTS_PARTS(roundEven(a.part[i])); }
DOTS_INLINE Vec16 scaleByPowerOfTwo(Vec16 a, Vec16 n) { DOTS_PARTS(scaleByPowerOfTwo(a.part[i], n.part[i])); }

struct Mask16 {
  Mask part[kParts];
};
DOTS_INLINE Mask16 lessThan(Vec16 a, Vec16 b) {
  Mask16 r;
  DOTS_UNROLL
  for (int i = 0; i < kParts; ++i) r.part[i] = lessThan(a.part[i], b.part[i]);
  return r;
}
DOTS_INLINE Vec16 select(Mask16 which, Vec16 a, Vec16 b) { DOTS_PARTS(select(which.part[i], a.part[i], b.part[i])); }
#if defined(DOTS_PORTABLE)
// Sixteen conversions in software are too much code to be inlined in every loop.
static __attribute__((noinline, unused)) Vec16 loadF16x16(const uint16_t* p) { DOTS_PARTS(loadF16(p + i * kLanes)); }
#else
DOTS_INLINE Vec16 loadF16x16(const uint16_t* p) { DOTS_PARTS(loadF16(p + i * kLanes)); }
#endif
DOTS_INLINE Vec16 loadI8x16(const int8_t* p) { DOTS_PARTS(loadI8(p + i * kLanes)); }
#undef DOTS_PARTS

DOTS_INLINE void store16(float* p, Vec16 a) {
  DOTS_UNROLL
  for (int i = 0; i < kParts; ++i) store(p + i * kLanes, a.part[i]);
}
DOTS_INLINE void storeF16x16(uint16_t* p, Vec16 a) {
  DOTS_UNROLL
  for (int i = 0; i < kParts; ++i) storeF16(p + i * kLanes, a.part[i]);
}

// The first n < 16 elements; the other lanes are zero, and memory after the elements is not touched.
template <class T>
DOTS_INLINE const T* padded(const T* p, int n, T (&lanes)[16]) {
  for (int i = 0; i < 16; ++i) lanes[i] = i < n ? p[i] : T(0);
  return lanes;
}
DOTS_INLINE Vec16 loadTail16(const float* p, int n) {
  float lanes[16];
  return load16(padded(p, n, lanes));
}
DOTS_INLINE void storeTail16(float* p, Vec16 a, int n) {
  float lanes[16];
  store16(lanes, a);
  for (int i = 0; i < n; ++i) p[i] = lanes[i];
}

// Folds the upper half onto the lower half until one lane is left, the same tree on every instruction set.
DOTS_INLINE float reduceAdd16(Vec16 a) {
  float lanes[16];
  store16(lanes, a);
  DOTS_UNROLL
  for (int half = 8; half > 0; half /= 2) {
    for (int i = 0; i < half; ++i) lanes[i] += lanes[i + half];
  }
  return lanes[0];
}

// Horizontal maximum; exact, so its order is free.
DOTS_INLINE float reduceMax16(Vec16 a) {
#if defined(DOTS_AVX512)
  return _mm512_reduce_max_ps(a.part[0].v);
#elif defined(DOTS_AVX2)
  const __m256 m8 = _mm256_max_ps(a.part[0].v, a.part[1].v);
  __m128 m4 = _mm_max_ps(_mm256_castps256_ps128(m8), _mm256_extractf128_ps(m8, 1));
  m4 = _mm_max_ps(m4, _mm_movehl_ps(m4, m4));
  return _mm_cvtss_f32(_mm_max_ss(m4, _mm_movehdup_ps(m4)));
#else
  Vec m = a.part[0];
  for (int i = 1; i < kParts; ++i) m = max(m, a.part[i]);
  return reduceMax(m);
#endif
}

/// exp(x), relative error below 2e-7; saturates at exp(±87). A NaN stays one.
DOTS_INLINE Vec16 exp16(Vec16 x) {
  // The constant comes first: max and min then hand on a NaN in x.
  x = min(set16(88.0f), max(set16(-87.0f), x));
  const Vec16 n = roundEven(mul(x, set16(1.44269504f)));
  // x - n ln 2 in two steps; the first product is exact because 0.693359375 has ten bits.
  Vec16 r = fma(n, set16(-0.693359375f), x);
  r = fma(n, set16(2.12194440e-4f), r);
  // Minimax on |r| <= ln2 / 2, relative error 3e-9.
  Vec16 p = set16(1.381461318627099e-3f);
  p = fma(p, r, set16(8.368709831958957e-3f));
  p = fma(p, r, set16(4.1668387363124115e-2f));
  p = fma(p, r, set16(1.6666520689748868e-1f));
  p = fma(p, r, set16(4.9999993451697317e-1f));
  p = fma(p, r, set16(1.0f));
  p = fma(p, r, set16(1.0f));
  return scaleByPowerOfTwo(p, n);
}

/// 2^x for x <= 0 with relative error below 2e-7; exactly one at zero, and exactly zero below 2^-100 (so also at -inf).
DOTS_INLINE Vec16 softmaxExp2(Vec16 x) {
  x = max(set16(-100.0f), x);
  const Vec16 n = roundEven(x);
  const Vec16 f = sub(x, n);
  // Minimax on |f| <= 1/2, relative error 2e-9.
  Vec16 p = set16(1.535336191636278e-4f);
  p = fma(p, f, set16(1.3398874417074886e-3f));
  p = fma(p, f, set16(9.618437357705043e-3f));
  p = fma(p, f, set16(5.5503324711167625e-2f));
  p = fma(p, f, set16(2.4022647913628403e-1f));
  p = fma(p, f, set16(6.931472028550817e-1f));
  p = fma(p, f, set16(1.0f));
  // What was clamped is 2^-100 to the bit, and only values that no sum notices are changed by taking it away.
  return sub(scaleByPowerOfTwo(p, n), set16(7.888609052210118e-31f));
}

#if defined(DOTS_AVX2)
DOTS_INLINE void transpose8(__m256 (&m)[8]) {
  __m256 t[8], u[8];
  DOTS_UNROLL
  for (int i = 0; i < 8; i += 2) {
    t[i] = _mm256_unpacklo_ps(m[i], m[i + 1]);
    t[i + 1] = _mm256_unpackhi_ps(m[i], m[i + 1]);
  }
  DOTS_UNROLL
  for (int i = 0; i < 8; i += 4) {
    u[i] = _mm256_shuffle_ps(t[i], t[i + 2], 0x44);
    u[i + 1] = _mm256_shuffle_ps(t[i], t[i + 2], 0xee);
    u[i + 2] = _mm256_shuffle_ps(t[i + 1], t[i + 3], 0x44);
    u[i + 3] = _mm256_shuffle_ps(t[i + 1], t[i + 3], 0xee);
  }
  DOTS_UNROLL
  for (int i = 0; i < 4; ++i) {
    m[i] = _mm256_permute2f128_ps(u[i], u[i + 4], 0x20);
    m[i + 4] = _mm256_permute2f128_ps(u[i], u[i + 4], 0x31);
  }
}
#endif

/// rows[i] lane j becomes rows[j] lane i.
DOTS_INLINE void transpose16(Vec16 (&rows)[16]) {
#if defined(DOTS_AVX512)
  __m512 t[16], u[16];
  DOTS_UNROLL
  for (int i = 0; i < 16; i += 2) {
    t[i] = _mm512_unpacklo_ps(rows[i].part[0].v, rows[i + 1].part[0].v);
    t[i + 1] = _mm512_unpackhi_ps(rows[i].part[0].v, rows[i + 1].part[0].v);
  }
  DOTS_UNROLL
  for (int i = 0; i < 16; i += 4) {
    u[i] = _mm512_shuffle_ps(t[i], t[i + 2], 0x44);
    u[i + 1] = _mm512_shuffle_ps(t[i], t[i + 2], 0xee);
    u[i + 2] = _mm512_shuffle_ps(t[i + 1], t[i + 3], 0x44);
    u[i + 3] = _mm512_shuffle_ps(t[i + 1], t[i + 3], 0xee);
  }
  // u[4q + r] holds, in its 128-bit lane b, column 4b + r of rows 4q..4q+3: what is left is a 4x4 transpose of lanes.
  DOTS_UNROLL
  for (int r = 0; r < 4; ++r) {
    const __m512 a = _mm512_shuffle_f32x4(u[r], u[4 + r], 0x88), b = _mm512_shuffle_f32x4(u[r], u[4 + r], 0xdd);
    const __m512 c = _mm512_shuffle_f32x4(u[8 + r], u[12 + r], 0x88);
    const __m512 d = _mm512_shuffle_f32x4(u[8 + r], u[12 + r], 0xdd);
    rows[r].part[0].v = _mm512_shuffle_f32x4(a, c, 0x88);
    rows[4 + r].part[0].v = _mm512_shuffle_f32x4(b, d, 0x88);
    rows[8 + r].part[0].v = _mm512_shuffle_f32x4(a, c, 0xdd);
    rows[12 + r].part[0].v = _mm512_shuffle_f32x4(b, d, 0xdd);
  }
#elif defined(DOTS_AVX2)
  __m256 block[2][2][8];
  DOTS_UNROLL
  for (int i = 0; i < 2; ++i)
    for (int j = 0; j < 2; ++j) {
      for (int k = 0; k < 8; ++k) block[i][j][k] = rows[8 * i + k].part[j].v;
      transpose8(block[i][j]);
    }
  DOTS_UNROLL
  for (int i = 0; i < 2; ++i)
    for (int j = 0; j < 2; ++j)
      for (int k = 0; k < 8; ++k) rows[8 * j + k].part[i].v = block[i][j][k];
#else
  float lanes[16][16];
  for (int i = 0; i < 16; ++i) store16(lanes[i], rows[i]);
  for (int i = 0; i < 16; ++i)
    for (int j = 0; j < i; ++j) {
      const float swapped = lanes[i][j];
      lanes[i][j] = lanes[j][i];
      lanes[j][i] = swapped;
    }
  for (int i = 0; i < 16; ++i) rows[i] = load16(lanes[i]);
#endif
}

}  // namespace DOTS_ISA
}  // namespace dots
