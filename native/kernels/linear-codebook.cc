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

void linearTileCodebook(StorageId type, const TileJob& job) {
  switch (type) {
    case StorageId::kIq2Xxs:
      return multiply<PerRow256<Iq2XxsRow>>(job);
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
