// Codebook types, and TQ1_0: a row's block becomes 256 bytes of codes, because indices into a table are a row's own
// affair; from there the rows meet as those of any other type.
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

// Seven stored sign bits; the eighth makes their number even.
DOTS_INLINE uint32_t evenSigns(uint32_t seven) { return seven | static_cast<uint32_t>(__builtin_parity(seven)) << 7; }

// All bytes of a word: 0xff where the bit of `signs` is set.
DOTS_INLINE uint64_t signMask(uint32_t signs) {
  // One bit to each byte, moved to its lowest position, then spread.
  const uint64_t bits = (signs * 0x0101010101010101ull) & 0x8040201008040201ull;
  return (((bits + 0x7f7f7f7f7f7f7f7full) | bits) >> 7 & 0x0101010101010101ull) * 0xff;
}

// Eight codes in one register: offset - g where the mask is set, offset + g elsewhere. The grid's bytes are positive and
// the offset keeps every result in 1...127, so neither sum carries into a neighbour.
DOTS_INLINE uint64_t signedGrid(uint64_t grid, uint64_t mask, uint64_t offset) {
  return (offset + (grid & ~mask)) - (grid & mask);
}
DOTS_INLINE uint64_t load64(const void* p) {
  uint64_t v;
  memcpy(&v, p, 8);
  return v;
}
DOTS_INLINE void store64(void* p, uint64_t v) { memcpy(p, &v, 8); }
constexpr uint64_t kOnes = 0x0101010101010101ull;

// 256 codes, 16 sub-scales (8 used with sub-blocks of 32) and the float scale of one row.
struct RowBlock {
  uint8_t codes[256];
  int8_t scales[16];
  float d;
};

// R::decode fills a RowBlock from a stored block.
template <class R>
struct ByRow {
  using C = typename R::C;
  static constexpr int kBlockBytes = R::kBlockBytes, kSub = R::kSub;
  static constexpr Min kMin = Min::kOffset;
  template <class Use>
  DOTS_INLINE void block(const Rows& rows, Header& h, Use use) {
    alignas(64) RowBlock unpacked[kLanes];
    float d[kLanes];
    for (int r = 0; r < kLanes; ++r) {
      R::decode(rows.base + r * rows.stride, unpacked[r]);
      d[r] = unpacked[r].d;
    }
    h.d = load(d);
    const Rows table{unpacked[0].codes, sizeof(RowBlock)};
    Bytes scales[4];
    loadRows(table, 256, scales);
    setScales<256 / kSub, R::kOffset>(h, scales);
    for (int k = 0; k < 256; k += 32) {
      Bytes v[8];
      loadRows(table, k, v);
      loadRows(table, k + 16, v + 4);
      DOTS_UNROLL for (int j = 0; j < 8; ++j) use((k + 4 * j) / kSub, j % (kSub / 4), v[j]);
    }
  }
};

struct Iq2XxsRow {
  using C = Codes<false, 127>;
  static constexpr int kBlockBytes = 66, kSub = 32, kOffset = 64;
  DOTS_INLINE void decode(const uint8_t* b, RowBlock& out) {
    const int8_t* grid = gridIq2Xxs();
    out.d = f32FromF16(static_cast<uint16_t>(loadU16(b))) * 0.125f;
    for (int s = 0; s < 8; ++s) {
      const uint8_t* g = b + 2 + 8 * s;
      const uint32_t packed = static_cast<uint32_t>(loadI32(g + 4));
      for (int l = 0; l < 4; ++l)
        store64(out.codes + 32 * s + 8 * l,
                signedGrid(load64(grid + 8 * g[l]), signMask(evenSigns((packed >> 7 * l) & 127)), kOffset * kOnes));
      out.scales[s] = static_cast<int8_t>(2 * (packed >> 28) + 1);
    }
  }
};

struct Iq2XsRow {
  using C = Codes<false, 127>;
  static constexpr int kBlockBytes = 74, kSub = 16, kOffset = 64;
  DOTS_INLINE void decode(const uint8_t* b, RowBlock& out) {
    const int8_t* grid = gridIq2Xs();
    out.d = f32FromF16(static_cast<uint16_t>(loadU16(b))) * 0.125f;
    for (int g = 0; g < 32; ++g) {
      const uint32_t v = loadU16(b + 2 + 2 * g);
      store64(out.codes + 8 * g,
              signedGrid(load64(grid + 8 * (v & 511)), signMask(evenSigns(v >> 9)), kOffset * kOnes));
    }
    for (int s = 0; s < 16; ++s) out.scales[s] = static_cast<int8_t>(2 * ((b[66 + s / 2] >> 4 * (s & 1)) & 15) + 1);
  }
};

struct Iq2SRow {
  using C = Codes<false, 127>;
  static constexpr int kBlockBytes = 82, kSub = 16, kOffset = 64;
  DOTS_INLINE void decode(const uint8_t* b, RowBlock& out) {
    const int8_t* grid = gridIq2S();
    out.d = f32FromF16(static_cast<uint16_t>(loadU16(b))) * 0.125f;
    for (int g = 0; g < 32; ++g) {
      const uint32_t index = b[2 + g] | ((b[66 + g / 4] >> 2 * (g & 3)) & 3u) << 8;
      store64(out.codes + 8 * g, signedGrid(load64(grid + 8 * index), signMask(b[34 + g]), kOffset * kOnes));
    }
    for (int s = 0; s < 16; ++s) out.scales[s] = static_cast<int8_t>(2 * ((b[74 + s / 2] >> 4 * (s & 1)) & 15) + 1);
  }
};

// Two entries of four.
DOTS_INLINE uint64_t twoEntries(const int8_t* grid, uint32_t first, uint32_t second) {
  return static_cast<uint32_t>(loadI32(grid + 4 * first)) |
         static_cast<uint64_t>(static_cast<uint32_t>(loadI32(grid + 4 * second))) << 32;
}

struct Iq3XxsRow {
  using C = Codes<false, 127>;
  static constexpr int kBlockBytes = 98, kSub = 32, kOffset = 64;
  DOTS_INLINE void decode(const uint8_t* b, RowBlock& out) {
    const int8_t* grid = gridIq3Xxs();
    out.d = f32FromF16(static_cast<uint16_t>(loadU16(b))) * 0.25f;
    for (int s = 0; s < 8; ++s) {
      const uint32_t packed = static_cast<uint32_t>(loadI32(b + 66 + 4 * s));
      const uint8_t* q = b + 2 + 8 * s;
      for (int l = 0; l < 4; ++l)
        store64(out.codes + 32 * s + 8 * l, signedGrid(twoEntries(grid, q[2 * l], q[2 * l + 1]),
                                                       signMask(evenSigns((packed >> 7 * l) & 127)), kOffset * kOnes));
      out.scales[s] = static_cast<int8_t>(2 * (packed >> 28) + 1);
    }
  }
};

struct Iq3SRow {
  using C = Codes<false, 31>;
  static constexpr int kBlockBytes = 110, kSub = 32, kOffset = 16;
  DOTS_INLINE void decode(const uint8_t* b, RowBlock& out) {
    const int8_t* grid = gridIq3S();
    out.d = f32FromF16(static_cast<uint16_t>(loadU16(b)));
    for (int g = 0; g < 32; ++g) {
      const uint32_t high = b[66 + g / 4] >> 2 * (g & 3);
      const uint64_t entries =
          twoEntries(grid, b[2 + 2 * g] | (high & 1) << 8, b[3 + 2 * g] | (high >> 1 & 1) << 8);
      store64(out.codes + 8 * g, signedGrid(entries, signMask(b[74 + g]), kOffset * kOnes));
    }
    for (int s = 0; s < 8; ++s) out.scales[s] = static_cast<int8_t>(2 * ((b[106 + s / 2] >> 4 * (s & 1)) & 15) + 1);
  }
};

// 8 * grid + 1 or - 1, plus the offset: the grid's bytes are -1, 0 and 1, so g + 1 is 0, 1 or 2.
DOTS_INLINE uint64_t shiftedGrid(const int8_t* entry, bool minus, uint64_t offset) {
  // Adding 1 to a byte of -1 would carry; with its top bit flipped no byte borrows in the subtraction.
  const uint64_t raised = (load64(entry) ^ 0x8080808080808080ull) - 0x7f7f7f7f7f7f7f7full;
  return raised * 8 + offset - (8 + (minus ? 1 : 0)) * kOnes + (minus ? 0 : 1) * kOnes;
}

struct Iq1SRow {
  using C = Codes<false, 31>;
  static constexpr int kBlockBytes = 50, kSub = 32, kOffset = 16;
  DOTS_INLINE void decode(const uint8_t* b, RowBlock& out) {
    const int8_t* grid = gridIq1();
    out.d = f32FromF16(static_cast<uint16_t>(loadU16(b))) * 0.125f;
    for (int s = 0; s < 8; ++s) {
      const uint32_t w = loadU16(b + 34 + 2 * s);
      for (int l = 0; l < 4; ++l) {
        const uint32_t index = b[2 + 4 * s + l] | ((w >> 3 * l) & 7) << 8;
        store64(out.codes + 32 * s + 8 * l, shiftedGrid(grid + 8 * index, (w & 0x8000) != 0, kOffset * kOnes));
      }
      out.scales[s] = static_cast<int8_t>(2 * ((w >> 12) & 7) + 1);
    }
  }
};

struct Iq1MRow {
  using C = Codes<false, 31>;
  static constexpr int kBlockBytes = 56, kSub = 16, kOffset = 16;
  DOTS_INLINE void decode(const uint8_t* b, RowBlock& out) {
    const int8_t* grid = gridIq1();
    uint32_t s[4];
    for (int i = 0; i < 4; ++i) s[i] = loadU16(b + 48 + 2 * i);
    // The float scale is spread over the top four bits of the four words of scales.
    const uint32_t half = (s[0] >> 12) | ((s[1] >> 8) & 0xf0) | ((s[2] >> 4) & 0xf00) | (s[3] & 0xf000);
    out.d = f32FromF16(static_cast<uint16_t>(half)) * 0.125f;
    for (int g = 0; g < 32; ++g) {
      const uint32_t nibble = (b[32 + g / 2] >> 4 * (g & 1)) & 15u;
      const uint32_t index = b[g] | (nibble & 7) << 8;
      store64(out.codes + 8 * g, shiftedGrid(grid + 8 * index, (nibble & 8) != 0, kOffset * kOnes));
    }
    for (int i = 0; i < 16; ++i) out.scales[i] = static_cast<int8_t>(2 * ((s[i / 4] >> 3 * (i & 3)) & 7) + 1);
  }
};

struct Tq1Row {
  using C = Codes<false, 3>;
  static constexpr int kBlockBytes = 54, kSub = 16, kOffset = 1;
  // Five base-3 digits of a byte, the first the most significant: the top of the byte times 3, again and again.
  DOTS_INLINE void digits(const uint8_t* bytes, int count, int numDigits, uint8_t* out) {
    for (int i = 0; i < count; ++i) {
      uint32_t fraction = bytes[i];
      for (int n = 0; n < numDigits; ++n) {
        fraction *= 3;
        out[n * count + i] = static_cast<uint8_t>(fraction >> 8);
        fraction &= 255;
      }
    }
  }
  DOTS_INLINE void decode(const uint8_t* b, RowBlock& out) {
    out.d = f32FromF16(static_cast<uint16_t>(loadU16(b + 52)));
    digits(b, 32, 5, out.codes);
    digits(b + 32, 16, 5, out.codes + 160);
    digits(b + 48, 4, 4, out.codes + 240);
    memset(out.scales, 1, 16);
  }
};

}  // namespace DOTS_ISA
}  // namespace dots
