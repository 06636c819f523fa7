#include "dot-tiles.h"
#include "unpack-codebook.h"

namespace dots {
namespace DOTS_ISA {

#if defined(DOTS_AVX2) || defined(DOTS_AVX512)

// Sum of code * activation * sub-scale over a row's block, spread over eight lanes. Codes are within +-127.
template <int kSub>
DOTS_INLINE __m256i dotRow(const RowBlock& row, const int8_t* x) {
  __m256i sum = _mm256_setzero_si256();
  DOTS_UNROLL for (int s = 0; s < 8; ++s) {
    const __m256i code = _mm256_load_si256(reinterpret_cast<const __m256i*>(row.codes + 32 * s));
    const __m256i xs = _mm256_loadu_si256(reinterpret_cast<const __m256i*>(x + 32 * s));
    const __m256i p = _mm256_maddubs_epi16(_mm256_abs_epi8(code), _mm256_sign_epi8(xs, code));
    const __m256i scale =
        kSub == 32 ? _mm256_set1_epi32(static_cast<int>(row.scales[s]))
                   : _mm256_set_m128i(_mm_set1_epi32(static_cast<int>(row.scales[2 * s + 1])),
                                      _mm_set1_epi32(static_cast<int>(row.scales[2 * s])));
    sum = _mm256_add_epi32(sum, _mm256_madd_epi16(p, scale));
  }
  return sum;
}

// The totals of eight vectors.
DOTS_INLINE __m256i totals8(const __m256i* v) {
  const __m256i a = _mm256_hadd_epi32(_mm256_hadd_epi32(v[0], v[1]), _mm256_hadd_epi32(v[2], v[3]));
  const __m256i b = _mm256_hadd_epi32(_mm256_hadd_epi32(v[4], v[5]), _mm256_hadd_epi32(v[6], v[7]));
  return _mm256_add_epi32(_mm256_permute2x128_si256(a, b, 0x20), _mm256_permute2x128_si256(a, b, 0x31));
}
DOTS_INLINE Int totals(const __m256i (&v)[kLanes]) {
#if defined(DOTS_AVX512)
  return {_mm512_inserti64x4(_mm512_castsi256_si512(totals8(v)), totals8(v + 8), 1)};
#else
  return {totals8(v)};
#endif
}

// For a few tokens a row's codes meet the activations where they were written, without a detour through a panel.
template <class R>
struct PerRow256 : Per256<ByRow<R>> {
  static constexpr bool kDecodesRows = true;
  template <int NT>
  DOTS_INLINE void dot(Rows rows, const ActivationRow* x, int64_t cols, Ahead ahead, Vec* acc) {
    using Plain = Props<typename R::C, R::kSub, Min::kNone>;
    const int8_t* const grid = R::grid();
    for (int64_t k = 0; k < cols; k += 256, rows = advance(rows, R::kBlockBytes)) {
      __m256i sums[NT][kLanes];
      float d[kLanes];
      for (int r = 0; r < kLanes; ++r) {
        ahead.template step<(R::kBlockBytes * kLanes + 63) / 64, kLanes>(r);
        RowBlock row;
        R::decode(rows.base + r * rows.stride, grid, row);
        d[r] = row.d;
        DOTS_UNROLL for (int t = 0; t < NT; ++t) sums[t][r] = dotRow<R::kSub>(row, x[t].q + k);
      }
      DOTS_UNROLL for (int t = 0; t < NT; ++t)
        acc[t] = addBlock256<Plain>(acc[t], x[t], k, nullptr, load(d), zero(), totals(sums[t]));
    }
  }
};

#else

template <class R>
using PerRow256 = Per256<ByRow<R>>;

#endif

#if defined(DOTS_AVX512)

// Grid entries come eight at a time, and the activations take the signs, under a mask: no code is written and read again.
struct PerIq2Xxs : PerRow256<Iq2XxsRow> {
  template <int NT>
  DOTS_INLINE void dot(Rows rows, const ActivationRow* x, int64_t cols, Ahead ahead, Vec* acc) {
    using Plain = Props<Iq2XxsRow::C, 32, Min::kNone>;
    constexpr int kBytes = Iq2XxsRow::kBlockBytes;
    const int8_t* const grid = Iq2XxsRow::grid();
    const __m512i firstTwo = _mm512_inserti64x4(_mm512_setzero_si512(), _mm256_set1_epi32(1), 1);
    for (int64_t k = 0; k < cols; k += 256, rows = advance(rows, kBytes)) {
      __m256i sums[NT][kLanes];
      uint16_t halves[kLanes];
      for (int r = 0; r < kLanes; ++r) {
        ahead.template step<(kBytes * kLanes + 63) / 64, kLanes>(r);
        const uint8_t* const b = rows.base + r * rows.stride;
        memcpy(halves + r, b, 2);
        // For each 32 weights four indices, then four times seven signs and a scale.
        const __m512i stored = _mm512_loadu_si512(b + 2);
        alignas(32) uint8_t index[32];
        alignas(32) uint32_t packed[8], signs[8];
        _mm256_store_si256(reinterpret_cast<__m256i*>(index), _mm512_cvtepi64_epi32(stored));
        const __m256i words = _mm512_cvtepi64_epi32(_mm512_srli_epi64(stored, 32));
        _mm256_store_si256(reinterpret_cast<__m256i*>(packed), words);
        evenSigns(packed, signs);
        const __m256i scale = _mm256_srli_epi32(words, 28);
        const __m256i odd = _mm256_add_epi32(_mm256_add_epi32(scale, scale), _mm256_set1_epi32(1));
        const __m512i scales = _mm512_castsi256_si512(_mm256_or_si256(odd, _mm256_slli_epi32(odd, 16)));
        __m512i sum[NT];
        DOTS_UNROLL for (int t = 0; t < NT; ++t) sum[t] = _mm512_setzero_si512();
        DOTS_UNROLL for (int s = 0; s < 8; s += 2) {
          const __m256i at = _mm256_cvtepu8_epi32(_mm_loadl_epi64(reinterpret_cast<const __m128i*>(index + 4 * s)));
          const __m512i entries = _mm512_i32gather_epi64(at, grid, 8);
          const __mmask64 negative = _cvtu64_mask64(load64(signs + s));
          const __m512i of64 = _mm512_permutexvar_epi32(_mm512_add_epi32(firstTwo, _mm512_set1_epi32(s)), scales);
          DOTS_UNROLL for (int t = 0; t < NT; ++t) {
            const __m512i xs = _mm512_loadu_si512(x[t].q + k + 32 * s);
            const __m512i p = _mm512_maddubs_epi16(entries, _mm512_mask_sub_epi8(xs, negative, _mm512_setzero_si512(), xs));
            sum[t] = _mm512_dpwssd_epi32(sum[t], p, of64);
          }
        }
        DOTS_UNROLL for (int t = 0; t < NT; ++t)
          sums[t][r] = _mm256_add_epi32(_mm512_castsi512_si256(sum[t]), _mm512_extracti64x4_epi64(sum[t], 1));
      }
      const Vec d = mul(loadF16(halves), set1(0.125f));
      DOTS_UNROLL for (int t = 0; t < NT; ++t)
        acc[t] = addBlock256<Plain>(acc[t], x[t], k, nullptr, d, zero(), totals(sums[t]));
    }
  }
};

#else

using PerIq2Xxs = PerRow256<Iq2XxsRow>;

#endif

void linearTileCodebook(StorageId type, const TileJob& job) {
  switch (type) {
    case StorageId::kIq2Xxs:
      return multiply<PerIq2Xxs>(job);
    case StorageId::kIq2Xs:
      return multiply<PerRow256<Iq2XsRow>>(job);
    case StorageId::kIq2S:
      return multiply<PerRow256<Iq2SRow>>(job);
    case StorageId::kIq3Xxs:
      return multiply<PerRow256<Iq3XxsRow>>(job);
    case StorageId::kIq3S:
      return multiply<PerRow256<Iq3SRow>>(job);
    case StorageId::kIq1S:
      return multiply<PerRow256<Iq1SRow>>(job);
    case StorageId::kIq1M:
      return multiply<PerRow256<Iq1MRow>>(job);
    case StorageId::kTq1_0:
      return multiply<PerRow256<Tq1Row>>(job);
    default:
      return;
  }
}

}  // namespace DOTS_ISA
}  // namespace dots
