// Exact integer sums of code * activation over the elements of one (sub-)block, for kLanes weight rows at a time.
//
// SumOf::step(i, ...) takes elements 4i...4i+3 of every row; after the last step the block's sum, times the
// sub-block's scale, has been added to `total`. All of it is integer arithmetic that cannot overflow, so the order
// does not matter and no instruction set differs from another:
// activations are within +-127, codes within 0...255 with a unit scale or 0...255 times scales within +-32, or 0...63
// times scales within +-128; the largest sum over 256 elements is 127 * 255 * 32 * 256 < 2^29.
#pragma once

#include "activations.h"
#include "isa-rows.h"

#if defined(DOTS_SMALL_CODE)
#define DOTS_LAMBDA
#define DOTS_METHOD inline
#else
#define DOTS_LAMBDA __attribute__((always_inline))
#define DOTS_METHOD inline __attribute__((always_inline))
#endif
// On loops over a constant number of registers; the arrays they index must not end up in memory.
#if defined(DOTS_PORTABLE) || defined(DOTS_SMALL_CODE)
#define DOTS_UNROLL  // compile time and small code matter more there
#elif defined(__clang__)
#define DOTS_UNROLL _Pragma("clang loop unroll(full)")
#else
#define DOTS_UNROLL _Pragma("GCC unroll 16")
#endif

namespace dots {
namespace DOTS_ISA {

/// What the sums have to know of a storage type's codes: signed bytes, or unsigned ones up to kMaxCode.
template <bool Signed, int MaxCode>
struct CodeRange {
  static constexpr bool kSigned = Signed;
  static constexpr int kMaxCode = MaxCode;
};

/// Types whose codes are summed alike have one and the same range, so that they share compiled code.
#if defined(DOTS_AVX2)
template <bool Signed, int MaxCode>
using Codes = CodeRange<Signed, Signed           ? 255
                                : (MaxCode > 63) ? 127
                                : (MaxCode > 31) ? 63
                                : (MaxCode > 15) ? 31
                                                 : 15>;
#else
template <bool, int>
using Codes = CodeRange<false, 255>;
#endif

template <class C, int kSteps, bool kUnitScale, bool kManyTokens>
struct SumOf {
#if defined(DOTS_AVX512)
  // The empty statements keep the order of the source, tokens interleaved: GCC would finish one token's sum after
  // the other, and each addition waits for the one before.
  __m512i sum;
  DOTS_METHOD void step(int i, Bytes code, const ActivationRow& x, int64_t k, const Scale& scale, Int& total) {
    const __m512i xs = _mm512_set1_epi32(loadI32(x.q + k + 4 * i));
    if (kUnitScale) {
      total.v = _mm512_dpbusd_epi32(total.v, code.v, xs);
      asm("" : "+v"(total.v));
      return;
    }
    sum = _mm512_dpbusd_epi32(i == 0 ? _mm512_setzero_si512() : sum, code.v, xs);
    asm("" : "+v"(sum));
    if (i == kSteps - 1) total.v = _mm512_add_epi32(total.v, _mm512_mullo_epi32(sum, scale.v));
  }

#elif defined(DOTS_AVX2)
  __m256i sum;
  // vpmaddubsw saturates at 16 bits, so only so many of its results can be added before they are widened.
  static constexpr int kGroup = C::kMaxCode <= 15 ? 8 : C::kMaxCode <= 31 ? 4 : C::kMaxCode <= 63 ? 2 : 1;
  static_assert(C::kSigned || 2 * 127 * C::kMaxCode * kGroup <= 32767, "sums of code * activation must fit 16 bits");

  DOTS_METHOD void step(int i, Bytes code, const ActivationRow& x, int64_t k, const Scale& scale, Int& total) {
    if (C::kSigned && !kManyTokens) {
      // |w| * (x with w's sign): 128 * 127 * 2 still fits 16 bits.
      const __m256i xs = _mm256_set1_epi32(loadI32(x.q + k + 4 * i));
      const __m256i p = _mm256_maddubs_epi16(_mm256_abs_epi8(code.v), _mm256_sign_epi8(xs, code.v));
      total.v = _mm256_add_epi32(total.v, _mm256_madd_epi16(p, scale.v));
    } else if (C::kSigned) {
      // Widened once for all tokens: elements 0 and 2, and 1 and 3, of each row as int16. ActivationRow::q16 is in
      // that order.
      const __m256i even = _mm256_srai_epi16(_mm256_slli_epi16(code.v, 8), 8), odd = _mm256_srai_epi16(code.v, 8);
      const __m256i p = _mm256_madd_epi16(even, _mm256_set1_epi32(loadI32(x.q16 + k + 4 * i)));
      const __m256i r = _mm256_madd_epi16(odd, _mm256_set1_epi32(loadI32(x.q16 + k + 4 * i + 2)));
      __m256i& into = kUnitScale ? total.v : sum;
      into = _mm256_add_epi32(!kUnitScale && i == 0 ? p : _mm256_add_epi32(into, p), r);
      // Add now: left to itself GCC keeps dozens of products for later, in memory.
      asm("" : "+x"(into));
      if (!kUnitScale && i == kSteps - 1)
        total.v = _mm256_add_epi32(total.v, _mm256_mullo_epi32(sum, _mm256_srai_epi32(scale.v, 16)));
    } else {
      const __m256i p = _mm256_maddubs_epi16(code.v, _mm256_set1_epi32(loadI32(x.q + k + 4 * i)));
      sum = i % kGroup == 0 ? p : _mm256_add_epi16(sum, p);
      if (kManyTokens) asm("" : "+x"(sum));  // as above
      if (i % kGroup == kGroup - 1 || i == kSteps - 1) {
        total.v = _mm256_add_epi32(total.v, _mm256_madd_epi16(sum, scale.v));
        if (kManyTokens && kGroup == 1) asm("" : "+x"(total.v));
      }
    }
  }

#elif defined(DOTS_NEON)
  int32x4_t sum = {};
  // Unsigned codes are at most 127 here, so they are signed ones as well.
  DOTS_METHOD void step(int i, Bytes code, const ActivationRow& x, int64_t k, const Scale& scale, Int& total) {
    const int8x16_t xs = vreinterpretq_s8_s32(vdupq_n_s32(loadI32(x.q + k + 4 * i)));
    const int8x16_t c = vreinterpretq_s8_u8(code.v);
    if (kUnitScale) {
      total.v = vdotq_s32(total.v, c, xs);
      return;
    }
    sum = vdotq_s32(i == 0 ? vdupq_n_s32(0) : sum, c, xs);
    if (i == kSteps - 1) total.v = vmlaq_s32(total.v, sum, scale.v);
  }

#else
  I32x4 sum = {};
  DOTS_METHOD void step(int i, Bytes code, const ActivationRow& x, int64_t k, const Scale& scale, Int& total) {
    if (i == 0) sum = I32x4{};
    for (int j = 0; j < 4; ++j) sum += signedBytes(code, j) * setInt(x.q[k + 4 * i + j]).v;
    if (i == kSteps - 1) total.v += sum * scale.v;
  }
#endif
};

}  // namespace DOTS_ISA
}  // namespace dots
