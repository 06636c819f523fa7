// Codebook types, and TQ1_0: a row's block becomes 256 signed codes, because indices into a table are a row's own
// affair. For many tokens the rows then form a panel as those of any other type; for a few, each is multiplied at
// once.
//
// Fractions of the format become part of the float scale, so that codes and sub-scales are integers:
//   IQ2: d (1/2 + s) / 4 * grid = d/8 * (2s + 1) * grid,  IQ3_XXS: d/4 * (2s + 1) * grid,
//   IQ1: d s (grid +- 1/8) = d/8 * s * (8 grid +- 1).
#pragma once

#include "codebooks.h"
#include "unpack-256.h"

namespace dots {
namespace DOTS_ISA {

DOTS_INLINE uint32_t loadU16(const uint8_t* p) { return static_cast<uint32_t>(p[0] | p[1] << 8); }
DOTS_INLINE float halfAt(const uint8_t* p) { return f32FromF16(static_cast<uint16_t>(loadU16(p))); }

// 256 codes, 16 sub-scales (8 used with sub-blocks of 32) and the float scale of one row. A scale is stored as two
// equal int16: the vector form that multiplies pairs of 16-bit sums is then one broadcast away.
struct alignas(32) RowBlock {
  int8_t codes[256];
  uint32_t scales[16];
  float d;
};
DOTS_INLINE uint32_t twice16(uint32_t scale) { return scale * 0x10001u; }

DOTS_INLINE uint64_t load64(const void* p) {
  uint64_t v;
  memcpy(&v, p, 8);
  return v;
}
// An entry of eight bytes; indices are of an address's width, so that multiplying them is part of the load.
DOTS_INLINE uint64_t entry8(const int8_t* grid, size_t index) { return load64(grid + 8 * index); }
// Two entries of four bytes as one of eight.
DOTS_INLINE uint64_t twoEntries(const int8_t* grid, size_t first, size_t second) {
  return static_cast<uint32_t>(loadI32(grid + 4 * first)) |
         static_cast<uint64_t>(static_cast<uint32_t>(loadI32(grid + 4 * second))) << 32;
}

#if defined(DOTS_AVX2) || defined(DOTS_AVX512)
// Four entries of eight bytes.
DOTS_INLINE __m256i fourEntries(uint64_t e0, uint64_t e1, uint64_t e2, uint64_t e3) {
  return _mm256_set_epi64x(static_cast<int64_t>(e3), static_cast<int64_t>(e2), static_cast<int64_t>(e1),
                           static_cast<int64_t>(e0));
}
// All ones in each byte whose bit of `signs` is set.
DOTS_INLINE __m256i signMask(uint32_t signs) {
  const __m256i spread = _mm256_setr_epi64x(0, 0x0101010101010101, 0x0202020202020202, 0x0303030303030303);
  const __m256i bit = _mm256_set1_epi64x(static_cast<int64_t>(0x8040201008040201ull));
  const __m256i bits = _mm256_and_si256(_mm256_shuffle_epi8(_mm256_set1_epi32(static_cast<int>(signs)), spread), bit);
  return _mm256_cmpeq_epi8(bits, bit);
}
DOTS_INLINE __m256i negatedWhere(__m256i mask, __m256i bytes) {
  return _mm256_sub_epi8(_mm256_xor_si256(bytes, mask), mask);
}
#endif

// Stores 32 codes: four entries of eight bytes, each byte negated where its bit of `signs` is set.
struct StoreSigned {
  int8_t* codes;
  DOTS_METHOD void operator()(int s, uint64_t e0, uint64_t e1, uint64_t e2, uint64_t e3, uint32_t signs) const {
    int8_t* const out = codes + 32 * s;
#if defined(DOTS_AVX2) || defined(DOTS_AVX512)
    _mm256_store_si256(reinterpret_cast<__m256i*>(out), negatedWhere(signMask(signs), fourEntries(e0, e1, e2, e3)));
#else
    const uint64_t entries[4] = {e0, e1, e2, e3};
    memcpy(out, entries, 32);
    for (int i = 0; i < 32; ++i)
      if ((signs >> i) & 1) out[i] = static_cast<int8_t>(-out[i]);
#endif
  }
};

// What is read back element by element stays in memory: from there a broadcast is one instruction, and GCC would rather
// take the vector apart that was stored.
#define DOTS_IN_MEMORY(array) asm("" : "+m"(array))

// The upper halves of eight times eight bytes.
DOTS_INLINE void upperHalves(const uint8_t* p, uint32_t* out) {
#if defined(DOTS_AVX2) || defined(DOTS_AVX512)
  const __m256 low = _mm256_loadu_ps(reinterpret_cast<const float*>(p));
  const __m256 high = _mm256_loadu_ps(reinterpret_cast<const float*>(p + 32));
  const __m256i odd = _mm256_castps_si256(_mm256_shuffle_ps(low, high, 0xdd));
  _mm256_storeu_si256(reinterpret_cast<__m256i*>(out), _mm256_permute4x64_epi64(odd, 0xd8));
#else
  for (int s = 0; s < 8; ++s) out[s] = static_cast<uint32_t>(loadI32(p + 4 + 8 * s));
#endif
}

// The scales in the top four bits of eight words, as 2s + 1.
DOTS_INLINE void topScales(const uint32_t* packed, uint32_t* out) {
#if defined(DOTS_AVX2) || defined(DOTS_AVX512)
  const __m256i top = _mm256_srli_epi32(_mm256_loadu_si256(reinterpret_cast<const __m256i*>(packed)), 28);
  const __m256i odd = _mm256_add_epi32(_mm256_add_epi32(top, top), _mm256_set1_epi32(1));
  _mm256_storeu_si256(reinterpret_cast<__m256i*>(out), _mm256_or_si256(odd, _mm256_slli_epi32(odd, 16)));
#else
  for (int s = 0; s < 8; ++s) out[s] = twice16(2 * (packed[s] >> 28) + 1);
#endif
}

// Eight words of four 7-bit sign groups (the upper four bits are something else) become four sign bytes each: the
// eighth bit makes the number of negative elements even.
DOTS_INLINE void evenSigns(const uint32_t* packed, uint32_t* signs) {
#if defined(DOTS_AVX2) || defined(DOTS_AVX512)
  const __m256i p = _mm256_loadu_si256(reinterpret_cast<const __m256i*>(packed));
  auto field = [&](int shift, int mask)
                   DOTS_LAMBDA { return _mm256_and_si256(_mm256_slli_epi32(p, shift), _mm256_set1_epi32(mask)); };
  const __m256i seven = _mm256_or_si256(_mm256_or_si256(field(0, 0x7f), field(1, 0x7f00)),
                                        _mm256_or_si256(field(2, 0x7f0000), field(3, 0x7f000000)));
  const __m256i odd = _mm256_broadcastsi128_si256(
      _mm_setr_epi8(0, -128, -128, 0, -128, 0, 0, -128, -128, 0, 0, -128, 0, -128, -128, 0));
  const __m256i nibble = _mm256_set1_epi8(15);
  const __m256i parity =
      _mm256_xor_si256(_mm256_shuffle_epi8(odd, _mm256_and_si256(seven, nibble)),
                       _mm256_shuffle_epi8(odd, _mm256_and_si256(_mm256_srli_epi32(seven, 4), nibble)));
  _mm256_storeu_si256(reinterpret_cast<__m256i*>(signs), _mm256_or_si256(seven, parity));
#else
  for (int s = 0; s < 8; ++s) {
    signs[s] = 0;
    for (int l = 0; l < 4; ++l) {
      const uint32_t seven = (packed[s] >> 7 * l) & 127;
      signs[s] |= (seven | static_cast<uint32_t>(__builtin_parity(seven)) << 7) << 8 * l;
    }
  }
#endif
}

// 4-bit scales s, as 2s + 1.
template <int kCount>
DOTS_INLINE void oddScales(const uint8_t* nibbles, uint32_t* out) {
  for (int i = 0; i < kCount / 2; ++i) {
    out[2 * i] = twice16(2 * (nibbles[i] & 15u) + 1);
    out[2 * i + 1] = twice16(2 * (nibbles[i] >> 4) + 1u);
  }
}

struct Iq2XxsRow {
  using C = Codes<false, 127>;
  static constexpr bool kHasSigns = true;
  static constexpr int kBlockBytes = 66, kSub = 32, kOffset = 64;
  template <class Use>
  DOTS_INLINE void entries(const uint8_t* b, const int8_t* grid, RowBlock& out, Use use) {
    out.d = halfAt(b) * 0.125f;
    uint32_t packed[8], signs[8];
    upperHalves(b + 2, packed);
    evenSigns(packed, signs);
    DOTS_IN_MEMORY(signs);
    topScales(packed, out.scales);
    DOTS_IN_MEMORY(out.scales);
    for (int s = 0; s < 8; ++s) {
      const uint8_t* g = b + 2 + 8 * s;
      use(s, entry8(grid, g[0]), entry8(grid, g[1]), entry8(grid, g[2]), entry8(grid, g[3]), signs[s]);
    }
  }
  static const int8_t* grid() { return gridIq2Xxs(); }
};

struct Iq2XsRow {
  using C = Codes<false, 127>;
  static constexpr bool kHasSigns = true;
  static constexpr int kBlockBytes = 74, kSub = 16, kOffset = 64;
  template <class Use>
  DOTS_INLINE void entries(const uint8_t* b, const int8_t* grid, RowBlock& out, Use use) {
    out.d = halfAt(b) * 0.125f;
    uint32_t packed[8], signs[8];
    for (int s = 0; s < 8; ++s) {
      const uint64_t q = load64(b + 2 + 8 * s);  // four times 9 bits of index, 7 of signs
      packed[s] =
          static_cast<uint32_t>((q >> 9 & 0x7f) | (q >> 25 & 0x7f) << 7 | (q >> 41 & 0x7f) << 14 | (q >> 57) << 21);
    }
    evenSigns(packed, signs);
    DOTS_IN_MEMORY(signs);
    oddScales<16>(b + 66, out.scales);
    for (int s = 0; s < 8; ++s) {
      const uint64_t q = load64(b + 2 + 8 * s);
      use(s, entry8(grid, q & 511), entry8(grid, q >> 16 & 511), entry8(grid, q >> 32 & 511),
          entry8(grid, q >> 48 & 511), signs[s]);
    }
  }
  static const int8_t* grid() { return gridIq2Xs(); }
};

struct Iq2SRow {
  using C = Codes<false, 127>;
  static constexpr bool kHasSigns = true;
  static constexpr int kBlockBytes = 82, kSub = 16, kOffset = 64;
  template <class Use>
  DOTS_INLINE void entries(const uint8_t* b, const int8_t* grid, RowBlock& out, Use use) {
    out.d = halfAt(b) * 0.125f;
    oddScales<16>(b + 74, out.scales);
    for (int s = 0; s < 8; ++s) {
      const uint8_t* q = b + 2 + 4 * s;
      const uint32_t high = b[66 + s];
      use(s, entry8(grid, q[0] | (high << 8 & 0x300)), entry8(grid, q[1] | (high << 6 & 0x300)),
          entry8(grid, q[2] | (high << 4 & 0x300)), entry8(grid, q[3] | (high << 2 & 0x300)),
          static_cast<uint32_t>(loadI32(b + 34 + 4 * s)));
    }
  }
  static const int8_t* grid() { return gridIq2S(); }
};

struct Iq3XxsRow {
  using C = Codes<false, 127>;
  static constexpr bool kHasSigns = true;
  static constexpr int kBlockBytes = 98, kSub = 32, kOffset = 64;
  template <class Use>
  DOTS_INLINE void entries(const uint8_t* b, const int8_t* grid, RowBlock& out, Use use) {
    out.d = halfAt(b) * 0.25f;
    uint32_t packed[8], signs[8];
    memcpy(packed, b + 66, 32);
    evenSigns(packed, signs);
    DOTS_IN_MEMORY(signs);
    topScales(packed, out.scales);
    DOTS_IN_MEMORY(out.scales);
    for (int s = 0; s < 8; ++s) {
      const uint8_t* q = b + 2 + 8 * s;
      use(s, twoEntries(grid, q[0], q[1]), twoEntries(grid, q[2], q[3]), twoEntries(grid, q[4], q[5]),
          twoEntries(grid, q[6], q[7]), signs[s]);
    }
  }
  static const int8_t* grid() { return gridIq3Xxs(); }
};

struct Iq3SRow {
  using C = Codes<false, 31>;
  static constexpr bool kHasSigns = true;
  static constexpr int kBlockBytes = 110, kSub = 32, kOffset = 16;
  template <class Use>
  DOTS_INLINE void entries(const uint8_t* b, const int8_t* grid, RowBlock& out, Use use) {
    out.d = halfAt(b);
    oddScales<8>(b + 106, out.scales);
    for (int s = 0; s < 8; ++s) {
      const uint8_t* q = b + 2 + 8 * s;
      const uint32_t high = b[66 + s];
      auto two = [&](int g) DOTS_LAMBDA {
        return twoEntries(grid, q[g] | (high << (8 - g) & 256), q[g + 1] | (high << (7 - g) & 256));
      };
      use(s, two(0), two(2), two(4), two(6), static_cast<uint32_t>(loadI32(b + 74 + 4 * s)));
    }
  }
  static const int8_t* grid() { return gridIq3S(); }
};

// Stores eight codes 8 * entry + 1, or - 1 where minus is 1. Byte by byte, without carries between them: with its top
// bit flipped an entry's byte is 127, 128 or 129, so no byte borrows and 8 * (entry + 1) fits its byte.
DOTS_INLINE void storeShifted(int8_t* out, const int8_t* entry, uint32_t minus) {
  constexpr uint64_t kOnes = 0x0101010101010101ull, kTops = 0x80 * kOnes;
  const uint64_t raised = ((load64(entry) ^ kTops) - 0x7f * kOnes) * 8;  // 0, 8 or 16
  // raised - 8 +- 1, computed with the top bits set so that nothing borrows, then flipped back.
  const uint64_t code = ((raised | kTops) - (7 + 2 * minus) * kOnes) ^ kTops;
  memcpy(out, &code, 8);
}

struct Iq1SRow {
  using C = Codes<false, 31>;
  static constexpr bool kHasSigns = false;
  static constexpr int kBlockBytes = 50, kSub = 32, kOffset = 16;
  DOTS_INLINE void decode(const uint8_t* b, const int8_t* grid, RowBlock& out) {
    out.d = halfAt(b) * 0.125f;
    for (int s = 0; s < 8; ++s) {
      const uint32_t w = loadU16(b + 34 + 2 * s);
      for (int l = 0; l < 4; ++l)
        storeShifted(out.codes + 32 * s + 8 * l, grid + 8 * (b[2 + 4 * s + l] | ((w >> 3 * l) & 7) << 8), w >> 15);
      out.scales[s] = twice16(2 * ((w >> 12) & 7) + 1);
    }
  }
  static const int8_t* grid() { return gridIq1(); }
};

struct Iq1MRow {
  using C = Codes<false, 31>;
  static constexpr bool kHasSigns = false;
  static constexpr int kBlockBytes = 56, kSub = 16, kOffset = 16;
  DOTS_INLINE void decode(const uint8_t* b, const int8_t* grid, RowBlock& out) {
    uint32_t s[4];
    for (int i = 0; i < 4; ++i) s[i] = loadU16(b + 48 + 2 * i);
    // The float scale is spread over the top four bits of the four words of scales.
    const uint32_t half = (s[0] >> 12) | ((s[1] >> 8) & 0xf0) | ((s[2] >> 4) & 0xf00) | (s[3] & 0xf000);
    out.d = f32FromF16(static_cast<uint16_t>(half)) * 0.125f;
    for (int g = 0; g < 32; ++g) {
      const uint32_t nibble = (b[32 + g / 2] >> 4 * (g & 1)) & 15u;
      storeShifted(out.codes + 8 * g, grid + 8 * (b[g] | (nibble & 7) << 8), nibble >> 3);
    }
    for (int i = 0; i < 16; ++i) out.scales[i] = twice16(2 * ((s[i / 4] >> 3 * (i & 3)) & 7) + 1);
  }
  static const int8_t* grid() { return gridIq1(); }
};

struct Tq1Row {
  using C = Codes<false, 3>;
  static constexpr bool kHasSigns = false;
  static constexpr int kBlockBytes = 54, kSub = 16, kOffset = 1;
  // Five base-3 digits of a byte, the first the most significant: the top of the byte times 3, again and again.
  DOTS_INLINE void digits(const uint8_t* bytes, int count, int numDigits, int8_t* out) {
    for (int i = 0; i < count; ++i) {
      uint32_t fraction = bytes[i];
      for (int n = 0; n < numDigits; ++n) {
        fraction *= 3;
        out[n * count + i] = static_cast<int8_t>(static_cast<int>(fraction >> 8) - 1);
        fraction &= 255;
      }
    }
  }
  DOTS_INLINE void decode(const uint8_t* b, const int8_t*, RowBlock& out) {
    out.d = halfAt(b + 52);
    digits(b, 32, 5, out.codes);
    digits(b + 32, 16, 5, out.codes + 160);
    digits(b + 48, 4, 4, out.codes + 240);
    for (int s = 0; s < 16; ++s) out.scales[s] = twice16(1);
  }
  static const int8_t* grid() { return nullptr; }
};

// A row's block as signed codes.
template <class R>
DOTS_INLINE void decodeBlock(const uint8_t* b, const int8_t* grid, RowBlock& out) {
  if constexpr (R::kHasSigns)
    R::entries(b, grid, out, StoreSigned{out.codes});
  else
    R::decode(b, grid, out);
}

// A row type as one for panels: each row decoded, then four codes of each row at a time.
template <class R>
struct ByRow {
  using C = typename R::C;
  static constexpr int kBlockBytes = R::kBlockBytes, kSub = R::kSub;
  static constexpr Min kMin = Min::kOffset;
  template <class Use>
  DOTS_INLINE void block(const Rows& rows, Header& h, Use use) {
    RowBlock unpacked[kLanes];
    alignas(4) uint8_t narrow[kLanes][16];  // the scales as bytes
    float d[kLanes];
    const int8_t* const grid = R::grid();
    for (int r = 0; r < kLanes; ++r) {
      decodeBlock<R>(rows.base + r * rows.stride, grid, unpacked[r]);
      d[r] = unpacked[r].d;
      for (int s = 0; s < 256 / kSub; ++s) narrow[r][s] = static_cast<uint8_t>(unpacked[r].scales[s]);
      for (int s = 256 / kSub; s < 16; ++s) narrow[r][s] = 0;
    }
    h.d = load(d);
    const Rows table{reinterpret_cast<const uint8_t*>(unpacked), sizeof(RowBlock)};
    Bytes scales[4];
    loadRows({narrow[0], 16}, 0, scales);
    setScales<256 / kSub, R::kOffset>(h, scales);
    const Bytes offset = set4(R::kOffset * 0x01010101u);
    for (int k = 0; k < 256; k += 16) {
      Bytes v[4];
      loadRows(table, k, v);
      DOTS_UNROLL for (int j = 0; j < 4; ++j) {
        const int step = (k % kSub) / 4 + j;
        use(k / kSub, step, add8(v[j], offset));
      }
    }
  }
};

}  // namespace DOTS_ISA
}  // namespace dots
