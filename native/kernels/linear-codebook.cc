#include "dot-tiles.h"
#include "unpack-codebook.h"

namespace dots {
namespace DOTS_ISA {
namespace {

#if defined(DOTS_AVX2) || defined(DOTS_AVX512)

// The scales of 32 weights, one for each two of them.
template <int kSub>
DOTS_INLINE __m256i scalesOf32(const RowBlock& row, int s) {
  return kSub == 32 ? _mm256_set1_epi32(static_cast<int>(row.scales[s]))
                    : _mm256_set_m128i(_mm_set1_epi32(static_cast<int>(row.scales[2 * s + 1])),
                                       _mm_set1_epi32(static_cast<int>(row.scales[2 * s])));
}

// Sum of code * activation * sub-scale over a row's block, spread over eight lanes. Codes are within +-127.
template <int kSub>
DOTS_INLINE __m256i dotRow(const RowBlock& row, const int8_t* x) {
  __m256i sum = _mm256_setzero_si256();
  DOTS_UNROLL for (int s = 0; s < 8; ++s) {
    const __m256i code = _mm256_load_si256(reinterpret_cast<const __m256i*>(row.codes + 32 * s));
    const __m256i xs = _mm256_loadu_si256(reinterpret_cast<const __m256i*>(x + 32 * s));
    const __m256i p = _mm256_maddubs_epi16(_mm256_abs_epi8(code), _mm256_sign_epi8(xs, code));
    sum = _mm256_add_epi32(sum, _mm256_madd_epi16(p, scalesOf32<kSub>(row, s)));
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

// For a few tokens a row's codes are multiplied by the activations where they were written, without a detour through a
// panel.
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
        const uint8_t* const b = rows.base + r * rows.stride;
        if constexpr (R::kHasSigns) {
          // Entries are positive: the activations take the signs, and no code is written and read again.
          __m256i sum[NT];
          DOTS_UNROLL for (int t = 0; t < NT; ++t) sum[t] = _mm256_setzero_si256();
          R::entries(b, grid, row,
                     [&](int s, uint64_t e0, uint64_t e1, uint64_t e2, uint64_t e3, uint32_t signs) DOTS_LAMBDA {
                       const __m256i entries = fourEntries(e0, e1, e2, e3), mask = signMask(signs);
                       const __m256i scales = scalesOf32<R::kSub>(row, s);
                       DOTS_UNROLL for (int t = 0; t < NT; ++t) {
                         const __m256i xs = _mm256_loadu_si256(reinterpret_cast<const __m256i*>(x[t].q + k + 32 * s));
                         const __m256i p = _mm256_maddubs_epi16(entries, negatedWhere(mask, xs));
                         sum[t] = _mm256_add_epi32(sum[t], _mm256_madd_epi16(p, scales));
                       }
                     });
          DOTS_UNROLL for (int t = 0; t < NT; ++t) sums[t][r] = sum[t];
        } else {
          R::decode(b, grid, row);
          DOTS_UNROLL for (int t = 0; t < NT; ++t) sums[t][r] = dotRow<R::kSub>(row, x[t].q + k);
        }
        d[r] = row.d;
      }
      DOTS_UNROLL for (int t = 0; t < NT; ++t) acc[t] =
          addBlock256<Plain>(acc[t], x[t], k, nullptr, load(d), zero(), totals(sums[t]));
    }
  }
};

#else

template <class R>
using PerRow256 = Per256<ByRow<R>>;

#endif

#if defined(DOTS_AVX512)

// `evenSigns` for sixteen words.
DOTS_INLINE __m512i evenSigns16(__m512i packed) {
  const auto field = [&](unsigned shift, int mask) DOTS_LAMBDA {
    return _mm512_and_si512(_mm512_slli_epi32(packed, shift), _mm512_set1_epi32(mask));
  };
  const __m512i seven = _mm512_or_si512(_mm512_or_si512(field(0, 0x7f), field(1, 0x7f00)),
                                        _mm512_or_si512(field(2, 0x7f0000), field(3, 0x7f000000)));
  const __m512i odd =
      _mm512_broadcast_i32x4(_mm_setr_epi8(0, -128, -128, 0, -128, 0, 0, -128, -128, 0, 0, -128, 0, -128, -128, 0));
  const __m512i nibble = _mm512_set1_epi8(15);
  const __m512i low = _mm512_shuffle_epi8(odd, _mm512_and_si512(seven, nibble));
  const __m512i high = _mm512_shuffle_epi8(odd, _mm512_and_si512(_mm512_srli_epi32(seven, 4), nibble));
  return _mm512_or_si512(seven, _mm512_xor_si512(low, high));
}

// Grid entries come eight at a time, and the activations take the signs, under a mask: no code is written and read
// again. Indices, signs and scales are made for two rows at once.
struct PerIq2Xxs : PerRow256<Iq2XxsRow> {
  template <int NT>
  DOTS_INLINE void dot(Rows rows, const ActivationRow* x, int64_t cols, Ahead ahead, Vec* acc) {
    using Plain = Props<Iq2XxsRow::C, 32, Min::kNone>;
    constexpr int kBytes = Iq2XxsRow::kBlockBytes;
    const int8_t* const grid = Iq2XxsRow::grid();
    const __m512i evens = _mm512_setr_epi32(0, 2, 4, 6, 8, 10, 12, 14, 16, 18, 20, 22, 24, 26, 28, 30);
    const __m512i odds = _mm512_or_si512(evens, _mm512_set1_epi32(1));
    const __m512i firstTwo = _mm512_inserti64x4(_mm512_setzero_si512(), _mm256_set1_epi32(1), 1);
    for (int64_t k = 0; k < cols; k += 256, rows = advance(rows, kBytes)) {
      __m256i sums[NT][kLanes];
      uint16_t halves[kLanes];
      for (int r = 0; r < kLanes; r += 2) {
        ahead.template step<(kBytes * kLanes + 63) / 64, kLanes / 2>(r / 2);
        const uint8_t *const b = rows.base + r * rows.stride, *const below = b + rows.stride;
        memcpy(halves + r, b, 2);
        memcpy(halves + r + 1, below, 2);
        // For each 32 weights four indices, then four times seven signs and a scale.
        const __m512i first = _mm512_loadu_si512(b + 2), second = _mm512_loadu_si512(below + 2);
        const __m512i packed = _mm512_permutex2var_epi32(first, odds, second);
        alignas(64) uint8_t index[64];
        alignas(64) uint32_t signs[16];
        _mm512_store_si512(index, _mm512_permutex2var_epi32(first, evens, second));
        _mm512_store_si512(signs, evenSigns16(packed));
        DOTS_IN_MEMORY(index);
        DOTS_IN_MEMORY(signs);
        const __m512i scale = _mm512_srli_epi32(packed, 28);
        const __m512i odd = _mm512_add_epi32(_mm512_add_epi32(scale, scale), _mm512_set1_epi32(1));
        const __m512i scales = _mm512_or_si512(odd, _mm512_slli_epi32(odd, 16));
        DOTS_UNROLL for (int half = 0; half < 2; ++half) {
          __m512i sum[NT];
          DOTS_UNROLL for (int t = 0; t < NT; ++t) sum[t] = _mm512_setzero_si512();
          DOTS_UNROLL for (int s = 8 * half; s < 8 * half + 8; s += 2) {
            const __m256i at = _mm256_cvtepu8_epi32(_mm_loadl_epi64(reinterpret_cast<const __m128i*>(index + 4 * s)));
            const __m512i entries = _mm512_i32gather_epi64(at, grid, 8);
            const __mmask64 negative = _cvtu64_mask64(load64(signs + s));
            const __m512i of64 = _mm512_permutexvar_epi32(_mm512_add_epi32(firstTwo, _mm512_set1_epi32(s)), scales);
            DOTS_UNROLL for (int t = 0; t < NT; ++t) {
              const __m512i xs = _mm512_loadu_si512(x[t].q + k + 32 * (s - 8 * half));
              const __m512i p =
                  _mm512_maddubs_epi16(entries, _mm512_mask_sub_epi8(xs, negative, _mm512_setzero_si512(), xs));
              sum[t] = _mm512_dpwssd_epi32(sum[t], p, of64);
            }
          }
          DOTS_UNROLL for (int t = 0; t < NT; ++t) sums[t][r + half] =
              _mm256_add_epi32(_mm512_castsi512_si256(sum[t]), _mm512_extracti64x4_epi64(sum[t], 1));
        }
      }
      const Vec d = mul(loadF16(halves), set1(0.125f));
      DOTS_UNROLL for (int t = 0; t < NT; ++t) acc[t] =
          addBlock256<Plain>(acc[t], x[t], k, nullptr, d, zero(), totals(sums[t]));
    }
  }
};

#else

using PerIq2Xxs = PerRow256<Iq2XxsRow>;

#endif

}  // namespace

void linearTileCodebook(StorageId type, const TileJob& job) {
  switch (type) {
    case StorageId::kIq2Xxs: return multiply<PerIq2Xxs>(job);
    case StorageId::kIq2Xs: return multiply<PerRow256<Iq2XsRow>>(job);
    case StorageId::kIq2S: return multiply<PerRow256<Iq2SRow>>(job);
    case StorageId::kIq3Xxs: return multiply<PerRow256<Iq3XxsRow>>(job);
    case StorageId::kIq3S: return multiply<PerRow256<Iq3SRow>>(job);
    case StorageId::kIq1S: return multiply<PerRow256<Iq1SRow>>(job);
    case StorageId::kIq1M: return multiply<PerRow256<Iq1MRow>>(job);
    case StorageId::kTq1_0: return multiply<PerRow256<Tq1Row>>(job);
    default: return;
  }
}

}  // namespace DOTS_ISA
}  // namespace dots
