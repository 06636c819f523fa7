// One small float vector, so that a simple kernel is written once and compiled for every instruction set.
//
// A kernel source in native/kernels/ is compiled once per instruction set (see the Makefile), each time with
// DOTS_ISA naming the namespace (portable, avx2, avx512, neon) and one of the DOTS_* macros below set. Everything
// such a source defines lives in `namespace dots::DOTS_ISA`, functions of this header are forced inline, and kernels
// use no inline function of the standard library: otherwise the linker could keep the AVX copy of a shared inline
// function and run it on a machine without AVX.
//
// Numerics: the compiler never contracts (-ffp-contract=off), so `fma` is the only fused operation. `reduceAdd` folds
// the upper half onto the lower half until one lane is left: a fixed tree, but its shape depends on kLanes, so sums
// over lanes are bit-identical per instruction set only, while per-lane arithmetic is bit-identical everywhere.
#pragma once

#include <cstddef>
#include <cstdint>
#include <cstring>

#include "isa-dispatch.h"

#if defined(DOTS_AVX2) || defined(DOTS_AVX512)
#include <immintrin.h>
#elif defined(DOTS_NEON)
#include <arm_neon.h>
#elif !defined(DOTS_PORTABLE)
#error "compile kernels through native/Makefile: it names the instruction set"
#endif

// Sanitizer builds (DOTS_SMALL_CODE) do without the forced inlining, which would cost them minutes of compilation.
#if defined(DOTS_SMALL_CODE)
#define DOTS_INLINE static inline
#else
#define DOTS_INLINE static inline __attribute__((always_inline))
#endif

#define DOTS_NOINLINE static __attribute__((noinline))

namespace dots {
namespace DOTS_ISA {

// Plain helpers kept here instead of <algorithm> (see the top of this file).
template <class T>
DOTS_INLINE T minOf(T a, T b) {
  return b < a ? b : a;
}
template <class T>
DOTS_INLINE T maxOf(T a, T b) {
  return a < b ? b : a;
}

DOTS_INLINE float floatFromBits(uint32_t bits) {
  float f;
  memcpy(&f, &bits, 4);
  return f;
}
DOTS_INLINE uint32_t bitsFromFloat(float f) {
  uint32_t bits;
  memcpy(&bits, &f, 4);
  return bits;
}
DOTS_INLINE float f32FromBf16(uint16_t h) { return floatFromBits(static_cast<uint32_t>(h) << 16); }

DOTS_INLINE float f32FromF16(uint16_t h) {
#if defined(DOTS_AVX2) || defined(DOTS_AVX512)
  return _mm_cvtss_f32(_mm_cvtph_ps(_mm_cvtsi32_si128(h)));
#else
  // Subnormal halves are exact in f32: build them as an integer times 2^-24.
  const uint32_t sign = static_cast<uint32_t>(h & 0x8000u) << 16, exponent = (h >> 10) & 31u, mantissa = h & 0x3ffu;
  if (exponent == 31) return floatFromBits(sign | 0x7f800000u | (mantissa << 13) | (mantissa ? 0x400000u : 0u));
  if (exponent == 0) {
    const float magnitude = static_cast<float>(mantissa) * 5.9604644775390625e-8f;
    return sign ? -magnitude : magnitude;
  }
  return floatFromBits(sign | ((exponent + 112u) << 23) | (mantissa << 13));
#endif
}

// Round to nearest even, overflow to infinity, as the hardware instruction does.
DOTS_INLINE uint16_t f16FromF32(float f) {
#if defined(DOTS_AVX2) || defined(DOTS_AVX512)
  return static_cast<uint16_t>(_mm_extract_epi16(_mm_cvtps_ph(_mm_set_ss(f), 0), 0));
#else
  const uint32_t bits = bitsFromFloat(f), sign = (bits >> 16) & 0x8000u, magnitude = bits & 0x7fffffffu;
  if (magnitude > 0x7f800000u) return static_cast<uint16_t>(sign | 0x7e00u | ((magnitude >> 13) & 0x3ffu));
  if (magnitude >= 0x477ff000u) return static_cast<uint16_t>(sign | 0x7c00u);
  if (magnitude < 0x38800000u) {
    // Adding 0.5 aligns the last bit of a subnormal half with the last bit of the float, so the addition rounds it.
    const uint32_t rounded = bitsFromFloat(floatFromBits(magnitude) + 0.5f) - 0x3f000000u;
    return static_cast<uint16_t>(sign | rounded);
  }
  const uint32_t rebased = magnitude - 0x38000000u;
  return static_cast<uint16_t>(sign | ((rebased + 0xfffu + ((rebased >> 13) & 1u)) >> 13));
#endif
}

// ---------------------------------------------------------------------------------------------------------------
// Vec: kLanes floats. Mask: a choice for each; select takes a where it holds, and lessThan never does for a NaN.

#if defined(DOTS_AVX512)

constexpr int kLanes = 16;
struct Vec {
  __m512 v;
};
DOTS_INLINE __mmask16 tailMask(int n) { return static_cast<__mmask16>((1u << n) - 1u); }
DOTS_INLINE Vec set1(float a) { return {_mm512_set1_ps(a)}; }
DOTS_INLINE Vec load(const float* p) { return {_mm512_loadu_ps(p)}; }
DOTS_INLINE Vec loadTail(const float* p, int n) { return {_mm512_maskz_loadu_ps(tailMask(n), p)}; }
DOTS_INLINE void store(float* p, Vec a) { _mm512_storeu_ps(p, a.v); }
DOTS_INLINE void storeTail(float* p, Vec a, int n) { _mm512_mask_storeu_ps(p, tailMask(n), a.v); }
DOTS_INLINE Vec add(Vec a, Vec b) { return {_mm512_add_ps(a.v, b.v)}; }
DOTS_INLINE Vec sub(Vec a, Vec b) { return {_mm512_sub_ps(a.v, b.v)}; }
DOTS_INLINE Vec mul(Vec a, Vec b) { return {_mm512_mul_ps(a.v, b.v)}; }
DOTS_INLINE Vec div(Vec a, Vec b) { return {_mm512_div_ps(a.v, b.v)}; }
DOTS_INLINE Vec max(Vec a, Vec b) { return {_mm512_max_ps(a.v, b.v)}; }
DOTS_INLINE Vec min(Vec a, Vec b) { return {_mm512_min_ps(a.v, b.v)}; }
DOTS_INLINE Vec sqrt(Vec a) { return {_mm512_sqrt_ps(a.v)}; }
DOTS_INLINE Vec fma(Vec a, Vec b, Vec c) { return {_mm512_fmadd_ps(a.v, b.v, c.v)}; }
DOTS_INLINE Vec roundEven(Vec a) { return {_mm512_roundscale_ps(a.v, 0x08)}; }
struct Mask {
  __mmask16 m;
};
DOTS_INLINE Mask lessThan(Vec a, Vec b) { return {_mm512_cmp_ps_mask(a.v, b.v, _CMP_LT_OQ)}; }
DOTS_INLINE Vec select(Mask which, Vec a, Vec b) { return {_mm512_mask_blend_ps(which.m, b.v, a.v)}; }
// a * 2^n for integral n; the caller keeps the result's exponent in range.
DOTS_INLINE Vec scaleByPowerOfTwo(Vec a, Vec n) { return {_mm512_scalef_ps(a.v, n.v)}; }
DOTS_INLINE Vec loadF16(const uint16_t* p) {
  return {_mm512_cvtph_ps(_mm256_loadu_si256(reinterpret_cast<const __m256i*>(p)))};
}
DOTS_INLINE void storeF16(uint16_t* p, Vec a) {
  _mm256_storeu_si256(reinterpret_cast<__m256i*>(p), _mm512_cvtps_ph(a.v, 0));
}
DOTS_INLINE Vec loadBf16(const uint16_t* p) {
  const __m512i wide = _mm512_cvtepu16_epi32(_mm256_loadu_si256(reinterpret_cast<const __m256i*>(p)));
  return {_mm512_castsi512_ps(_mm512_slli_epi32(wide, 16))};
}
DOTS_INLINE Vec loadI8(const int8_t* p) {
  return {_mm512_cvtepi32_ps(_mm512_cvtepi8_epi32(_mm_loadu_si128(reinterpret_cast<const __m128i*>(p))))};
}

#elif defined(DOTS_AVX2)

constexpr int kLanes = 8;
struct Vec {
  __m256 v;
};
DOTS_INLINE __m256i tailMask(int n) {
  return _mm256_cmpgt_epi32(_mm256_set1_epi32(n), _mm256_setr_epi32(0, 1, 2, 3, 4, 5, 6, 7));
}
DOTS_INLINE Vec set1(float a) { return {_mm256_set1_ps(a)}; }
DOTS_INLINE Vec load(const float* p) { return {_mm256_loadu_ps(p)}; }
DOTS_INLINE Vec loadTail(const float* p, int n) { return {_mm256_maskload_ps(p, tailMask(n))}; }
DOTS_INLINE void store(float* p, Vec a) { _mm256_storeu_ps(p, a.v); }
DOTS_INLINE void storeTail(float* p, Vec a, int n) { _mm256_maskstore_ps(p, tailMask(n), a.v); }
DOTS_INLINE Vec add(Vec a, Vec b) { return {_mm256_add_ps(a.v, b.v)}; }
DOTS_INLINE Vec sub(Vec a, Vec b) { return {_mm256_sub_ps(a.v, b.v)}; }
DOTS_INLINE Vec mul(Vec a, Vec b) { return {_mm256_mul_ps(a.v, b.v)}; }
DOTS_INLINE Vec div(Vec a, Vec b) { return {_mm256_div_ps(a.v, b.v)}; }
DOTS_INLINE Vec max(Vec a, Vec b) { return {_mm256_max_ps(a.v, b.v)}; }
DOTS_INLINE Vec min(Vec a, Vec b) { return {_mm256_min_ps(a.v, b.v)}; }
DOTS_INLINE Vec sqrt(Vec a) { return {_mm256_sqrt_ps(a.v)}; }
DOTS_INLINE Vec fma(Vec a, Vec b, Vec c) { return {_mm256_fmadd_ps(a.v, b.v, c.v)}; }
DOTS_INLINE Vec roundEven(Vec a) { return {_mm256_round_ps(a.v, 0x08)}; }
struct Mask {
  __m256 m;
};
DOTS_INLINE Mask lessThan(Vec a, Vec b) { return {_mm256_cmp_ps(a.v, b.v, _CMP_LT_OQ)}; }
DOTS_INLINE Vec select(Mask which, Vec a, Vec b) { return {_mm256_blendv_ps(b.v, a.v, which.m)}; }
DOTS_INLINE Vec scaleByPowerOfTwo(Vec a, Vec n) {
  const __m256i exponent = _mm256_slli_epi32(_mm256_cvtps_epi32(n.v), 23);
  return {_mm256_castsi256_ps(_mm256_add_epi32(_mm256_castps_si256(a.v), exponent))};
}
DOTS_INLINE Vec loadF16(const uint16_t* p) {
  return {_mm256_cvtph_ps(_mm_loadu_si128(reinterpret_cast<const __m128i*>(p)))};
}
DOTS_INLINE void storeF16(uint16_t* p, Vec a) {
  _mm_storeu_si128(reinterpret_cast<__m128i*>(p), _mm256_cvtps_ph(a.v, 0));
}
DOTS_INLINE Vec loadBf16(const uint16_t* p) {
  const __m256i wide = _mm256_cvtepu16_epi32(_mm_loadu_si128(reinterpret_cast<const __m128i*>(p)));
  return {_mm256_castsi256_ps(_mm256_slli_epi32(wide, 16))};
}
DOTS_INLINE Vec loadI8(const int8_t* p) {
  return {_mm256_cvtepi32_ps(_mm256_cvtepi8_epi32(_mm_loadl_epi64(reinterpret_cast<const __m128i*>(p))))};
}

#elif defined(DOTS_NEON)

constexpr int kLanes = 4;
struct Vec {
  float32x4_t v;
};
DOTS_INLINE Vec set1(float a) { return {vdupq_n_f32(a)}; }
DOTS_INLINE Vec load(const float* p) { return {vld1q_f32(p)}; }
DOTS_INLINE Vec loadTail(const float* p, int n) {
  float lanes[4] = {0, 0, 0, 0};
  for (int i = 0; i < n; ++i) lanes[i] = p[i];
  return load(lanes);
}
DOTS_INLINE void store(float* p, Vec a) { vst1q_f32(p, a.v); }
DOTS_INLINE void storeTail(float* p, Vec a, int n) {
  float lanes[4];
  store(lanes, a);
  for (int i = 0; i < n; ++i) p[i] = lanes[i];
}
DOTS_INLINE Vec add(Vec a, Vec b) { return {vaddq_f32(a.v, b.v)}; }
DOTS_INLINE Vec sub(Vec a, Vec b) { return {vsubq_f32(a.v, b.v)}; }
DOTS_INLINE Vec mul(Vec a, Vec b) { return {vmulq_f32(a.v, b.v)}; }
DOTS_INLINE Vec div(Vec a, Vec b) { return {vdivq_f32(a.v, b.v)}; }
DOTS_INLINE Vec max(Vec a, Vec b) { return {vmaxq_f32(a.v, b.v)}; }
DOTS_INLINE Vec min(Vec a, Vec b) { return {vminq_f32(a.v, b.v)}; }
DOTS_INLINE Vec sqrt(Vec a) { return {vsqrtq_f32(a.v)}; }
DOTS_INLINE Vec fma(Vec a, Vec b, Vec c) { return {vfmaq_f32(c.v, a.v, b.v)}; }
DOTS_INLINE Vec roundEven(Vec a) { return {vrndnq_f32(a.v)}; }
struct Mask {
  uint32x4_t m;
};
DOTS_INLINE Mask lessThan(Vec a, Vec b) { return {vcltq_f32(a.v, b.v)}; }
DOTS_INLINE Vec select(Mask which, Vec a, Vec b) { return {vbslq_f32(which.m, a.v, b.v)}; }
DOTS_INLINE Vec scaleByPowerOfTwo(Vec a, Vec n) {
  const int32x4_t exponent = vshlq_n_s32(vcvtnq_s32_f32(n.v), 23);
  return {vreinterpretq_f32_s32(vaddq_s32(vreinterpretq_s32_f32(a.v), exponent))};
}
DOTS_INLINE Vec loadF16(const uint16_t* p) { return {vcvt_f32_f16(vreinterpret_f16_u16(vld1_u16(p)))}; }
DOTS_INLINE void storeF16(uint16_t* p, Vec a) { vst1_u16(p, vreinterpret_u16_f16(vcvt_f16_f32(a.v))); }
DOTS_INLINE Vec loadBf16(const uint16_t* p) { return {vreinterpretq_f32_u32(vshll_n_u16(vld1_u16(p), 16))}; }
DOTS_INLINE Vec loadI8(const int8_t* p) {
  int8_t bytes[8] = {p[0], p[1], p[2], p[3], 0, 0, 0, 0};
  return {vcvtq_f32_s32(vmovl_s16(vget_low_s16(vmovl_s8(vld1_s8(bytes)))))};
}

#else  // portable

// Vectors of GCC and clang: whatever four lanes the target has, and a fraction of the code of loops over lanes.
typedef float F32x4 __attribute__((vector_size(16)));
typedef int32_t I32x4 __attribute__((vector_size(16)));
typedef uint32_t U32x4 __attribute__((vector_size(16)));

// For what is a call of the C library in each lane, or much code: one copy.
#if defined(__FP_FAST_FMAF)
#define DOTS_FMA DOTS_INLINE
#else
#define DOTS_FMA static __attribute__((noinline, unused))
#endif
#define DOTS_ONE_COPY static __attribute__((noinline, unused))

constexpr int kLanes = 4;
struct Vec {
  F32x4 v;
};
struct Mask {
  I32x4 m;
};
DOTS_INLINE U32x4 splat(uint32_t a) { return U32x4{a, a, a, a}; }
DOTS_INLINE U32x4 choose(I32x4 which, U32x4 a, U32x4 b) { return (a & (U32x4)which) | (b & ~(U32x4)which); }

DOTS_INLINE Vec set1(float a) { return {F32x4{a, a, a, a}}; }
DOTS_INLINE Vec load(const float* p) {
  Vec r;
  memcpy(&r.v, p, sizeof r.v);
  return r;
}
DOTS_INLINE Vec loadTail(const float* p, int n) {
  float lanes[4] = {0, 0, 0, 0};
  for (int i = 0; i < n; ++i) lanes[i] = p[i];
  return load(lanes);
}
DOTS_INLINE void store(float* p, Vec a) { memcpy(p, &a.v, sizeof a.v); }
DOTS_INLINE void storeTail(float* p, Vec a, int n) {
  float lanes[4];
  store(lanes, a);
  for (int i = 0; i < n; ++i) p[i] = lanes[i];
}
DOTS_INLINE Vec add(Vec a, Vec b) { return {a.v + b.v}; }
DOTS_INLINE Vec sub(Vec a, Vec b) { return {a.v - b.v}; }
DOTS_INLINE Vec mul(Vec a, Vec b) { return {a.v * b.v}; }
DOTS_INLINE Vec div(Vec a, Vec b) { return {a.v / b.v}; }
DOTS_INLINE Mask lessThan(Vec a, Vec b) { return {(I32x4)(a.v < b.v)}; }
DOTS_INLINE Vec select(Mask which, Vec a, Vec b) { return {(F32x4)choose(which.m, (U32x4)a.v, (U32x4)b.v)}; }
DOTS_INLINE Vec max(Vec a, Vec b) { return select(lessThan(b, a), a, b); }
DOTS_INLINE Vec min(Vec a, Vec b) { return select(lessThan(a, b), a, b); }
DOTS_ONE_COPY Vec sqrt(Vec a) {
  return {F32x4{__builtin_sqrtf(a.v[0]), __builtin_sqrtf(a.v[1]), __builtin_sqrtf(a.v[2]), __builtin_sqrtf(a.v[3])}};
}
DOTS_FMA Vec fma(Vec a, Vec b, Vec c) {
  return {F32x4{__builtin_fmaf(a.v[0], b.v[0], c.v[0]), __builtin_fmaf(a.v[1], b.v[1], c.v[1]),
                __builtin_fmaf(a.v[2], b.v[2], c.v[2]), __builtin_fmaf(a.v[3], b.v[3], c.v[3])}};
}
// Above 2^23 there are no fractions; below, adding it leaves none, rounded to even.
DOTS_INLINE Vec roundEven(Vec a) {
  const U32x4 sign = (U32x4)a.v & splat(0x80000000u);
  const Vec size = {(F32x4)((U32x4)a.v & splat(0x7fffffffu))}, whole = set1(8388608.0f);
  const Vec rounded = sub(add(size, whole), whole);
  return {(F32x4)(sign | (U32x4)select(lessThan(size, whole), rounded, size).v)};
}
// A NaN has no integer: vector instructions give one whose low bits are zero, as here.
DOTS_INLINE Vec scaleByPowerOfTwo(Vec a, Vec n) {
  const Vec number = select({(I32x4)(n.v == n.v)}, n, set1(0.0f));
  return {(F32x4)((U32x4)a.v + ((U32x4) __builtin_convertvector(number.v, I32x4) << 23))};
}
// As f32FromF16, four at once: with 2^112 as factor, exponents are right and subnormal halves are normal floats.
DOTS_INLINE Vec floatsOfHalves(U32x4 h) {
  const U32x4 size = h & splat(0x7fffu), sign = (h & splat(0x8000u)) << 16;
  const U32x4 finite = (U32x4)((F32x4)(size << 13) * set1(floatFromBits(0x77800000u)).v);
  const U32x4 isNan = (U32x4)(size > splat(0x7c00u)), isHuge = (U32x4)(size > splat(0x7bffu));
  return {(F32x4)(sign | finite | (isHuge & splat(0x7f800000u)) | (isNan & splat(0x400000u)))};
}
DOTS_INLINE Vec loadF16(const uint16_t* p) { return floatsOfHalves(U32x4{p[0], p[1], p[2], p[3]}); }
DOTS_ONE_COPY void storeF16(uint16_t* p, Vec a) {
  for (int i = 0; i < 4; ++i) p[i] = f16FromF32(a.v[i]);
}
DOTS_INLINE Vec loadBf16(const uint16_t* p) { return {(F32x4)(U32x4{p[0], p[1], p[2], p[3]} << 16)}; }
DOTS_INLINE Vec loadI8(const int8_t* p) { return {__builtin_convertvector((I32x4{p[0], p[1], p[2], p[3]}), F32x4)}; }

#endif

DOTS_INLINE Vec zero() { return set1(0.0f); }
DOTS_INLINE float fma(float a, float b, float c) { return __builtin_fmaf(a, b, c); }

DOTS_INLINE float reduceAdd(Vec a) {
  float lanes[kLanes];
  store(lanes, a);
  for (int half = kLanes / 2; half > 0; half /= 2)
    for (int i = 0; i < half; ++i) lanes[i] += lanes[i + half];
  return lanes[0];
}
DOTS_INLINE float reduceMax(Vec a) {
  float lanes[kLanes];
  store(lanes, a);
  float m = lanes[0];
  for (int i = 1; i < kLanes; ++i) m = lanes[i] > m ? lanes[i] : m;
  return m;
}

}  // namespace DOTS_ISA
}  // namespace dots
