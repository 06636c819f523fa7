// Storage types with one float scale per 256 weights and integer scales per sub-block of 16 or 32.
//
// block() first fills the header: the integer scale of every sub-block, pairs of integer minimums (two neighbouring
// sub-blocks in one dword), and the float scales. Then it calls use(sub, step, Bytes), the steps of a sub-block in
// ascending order and nothing between them. A weight is d * scale * code - (kOffset: d, kAffine: dmin) * minimum.
#pragma once

#include "unpack-32.h"

namespace dots {
namespace DOTS_ISA {

struct Header {
  Scale scales[16];
  Bytes mins[8];
  Vec d, dmin;
};

// Four vectors of four signed bytes each: the scales of 16 sub-blocks. With an offset, the minimum is scale * offset.
template <int kNumSubs, int kOffset>
DOTS_INLINE void setScales(Header& h, const Bytes* scales) {
  DOTS_UNROLL for (int s = 0; s < kNumSubs; ++s) h.scales[s] = scaleFromByte(scales[s / 4], s % 4);
  if (kOffset != 0)
    DOTS_UNROLL for (int p = 0; p < kNumSubs / 2; ++p) h.mins[p] = pairFromBytes<kOffset>(scales[p / 2], 2 * (p % 2));
}
template <int kNumSubs>
DOTS_INLINE void setMins(Header& h, const Bytes* mins) {
  DOTS_UNROLL for (int p = 0; p < kNumSubs / 2; ++p) h.mins[p] = pairFromBytes<1>(mins[p / 2], 2 * (p % 2));
}

// Q4_K and Q5_K: d, dmin, then eight 6-bit scales and eight 6-bit minimums in 12 bytes.
DOTS_INLINE void headerQ45(const Rows& rows, Header& h) {
  Bytes v[4];
  loadRows(rows, 0, v);
  h.d = f16LowHalves(v[0]);
  h.dmin = f16HighHalves(v[0]);
  const Bytes six = set4(0x3f3f3f3fu), top = set4(0x30303030u);
  const Bytes scales[2] = {v[1] & six, lowNibbles(v[3]) | (shiftRight(v[1], 2) & top)};
  const Bytes mins[2] = {v[2] & six, highNibbles(v[3]) | (shiftRight(v[2], 2) & top)};
  setScales<8, 0>(h, scales);
  setMins<8>(h, mins);
}

struct Q4K {
  using C = Codes<false, 15>;
  static constexpr int kBlockBytes = 144, kSub = 32;
  static constexpr Min kMin = Min::kAffine;
  template <class Use>
  DOTS_INLINE void block(const Rows& rows, Header& h, Use use) {
    headerQ45(rows, h);
    for (int c = 0; c < 4; ++c) {
      Bytes v[8];
      loadRows(rows, 16 + 32 * c, v);
      loadRows(rows, 32 + 32 * c, v + 4);
      DOTS_UNROLL for (int j = 0; j < 8; ++j) use(2 * c, j, lowNibbles(v[j]));
      DOTS_UNROLL for (int j = 0; j < 8; ++j) use(2 * c + 1, j, highNibbles(v[j]));
    }
  }
};

struct Q5K {
  using C = Codes<false, 31>;
  static constexpr int kBlockBytes = 176, kSub = 32;
  static constexpr Min kMin = Min::kAffine;
  template <class Use>
  DOTS_INLINE void block(const Rows& rows, Header& h, Use use) {
    headerQ45(rows, h);
    Bytes fifth[8];  // bit s of a byte belongs to sub-block s
    loadRows(rows, 16, fifth);
    loadRows(rows, 32, fifth + 4);
    const Bytes sixteen = set4(0x10101010u);
    for (int c = 0; c < 4; ++c) {
      Bytes v[8];
      loadRows(rows, 48 + 32 * c, v);
      loadRows(rows, 64 + 32 * c, v + 4);
      DOTS_UNROLL for (int j = 0; j < 8; ++j)
          use(2 * c, j, lowNibbles(v[j]) | (shiftLeft(shiftRight(fifth[j], 2 * c), 4) & sixteen));
      DOTS_UNROLL for (int j = 0; j < 8; ++j)
          use(2 * c + 1, j, highNibbles(v[j]) | (shiftLeft(shiftRight(fifth[j], 2 * c + 1), 4) & sixteen));
    }
  }
};

struct Q6K {
  using C = Codes<false, 63>;
  static constexpr int kBlockBytes = 210, kSub = 16;
  static constexpr Min kMin = Min::kOffset;
  template <class Use>
  DOTS_INLINE void block(const Rows& rows, Header& h, Use use) {
    Bytes scales[4];
    loadRows(rows, 192, scales);
    setScales<16, 32>(h, scales);
    h.d = f16HighHalves(load4Bytes(rows, 194, 3));
    const Bytes two = set4(0x30303030u);
    for (int column = 0; column < 4; ++column) {
      const int half = column / 2, u = column % 2, first = 8 * half + u;
      Bytes a[4], b[4], top[4];
      loadRows(rows, 64 * half + 16 * u, a);
      loadRows(rows, 64 * half + 32 + 16 * u, b);
      loadRows(rows, 128 + 32 * half + 16 * u, top);
      DOTS_UNROLL for (int j = 0; j < 4; ++j) use(first, j, lowNibbles(a[j]) | (shiftLeft(top[j], 4) & two));
      DOTS_UNROLL for (int j = 0; j < 4; ++j) use(first + 2, j, lowNibbles(b[j]) | (shiftLeft(top[j], 2) & two));
      DOTS_UNROLL for (int j = 0; j < 4; ++j) use(first + 4, j, highNibbles(a[j]) | (top[j] & two));
      DOTS_UNROLL for (int j = 0; j < 4; ++j) use(first + 6, j, highNibbles(b[j]) | (shiftRight(top[j], 2) & two));
    }
  }
};

// Two-bit codes, four to a byte: element 128h + 32g + l is at bits 2g of byte 32h + l. map(32-group 4h + g, index of
// the four bytes within the group, code) may add to the code.
template <class Map, class Use>
DOTS_INLINE void twoBitCodes(const Rows& rows, int offset, Map map, Use use) {
  for (int half = 0; half < 2; ++half) DOTS_UNROLL for (int u = 0; u < 2; ++u) {
      Bytes v[4];
      loadRows(rows, offset + 32 * half + 16 * u, v);
      DOTS_UNROLL for (int g = 0; g < 4; ++g) DOTS_UNROLL for (int j = 0; j < 4; ++j)
          use(8 * half + 2 * g + u, j, map(4 * half + g, 4 * u + j, shiftRight(v[j], 2 * g) & set4(0x03030303u)));
    }
}
struct SameCode {
  DOTS_METHOD Bytes operator()(int, int, Bytes code) const { return code; }
};

struct Q2K {
  using C = Codes<false, 3>;
  static constexpr int kBlockBytes = 84, kSub = 16;
  static constexpr Min kMin = Min::kAffine;
  template <class Use>
  DOTS_INLINE void block(const Rows& rows, Header& h, Use use) {
    Bytes v[4];
    loadRows(rows, 0, v);
    const Bytes scales[4] = {lowNibbles(v[0]), lowNibbles(v[1]), lowNibbles(v[2]), lowNibbles(v[3])};
    const Bytes mins[4] = {highNibbles(v[0]), highNibbles(v[1]), highNibbles(v[2]), highNibbles(v[3])};
    setScales<16, 0>(h, scales);
    setMins<16>(h, mins);
    const Bytes tail = load4Bytes(rows, 68, 3);
    h.d = f16LowHalves(tail);
    h.dmin = f16HighHalves(tail);
    twoBitCodes(rows, 16, SameCode{}, use);
  }
};

// A third bit from a mask of 32 bytes: bit g of byte l belongs to element 32g + l.
struct ThirdBit {
  const Bytes* mask;
  DOTS_METHOD Bytes operator()(int group, int four, Bytes code) const {
    return code | (shiftLeft(shiftRight(mask[four], group), 2) & set4(0x04040404u));
  }
};

struct Q3K {
  using C = Codes<false, 7>;
  static constexpr int kBlockBytes = 110, kSub = 16;
  static constexpr Min kMin = Min::kOffset;
  // The mask's bit is inverted in the format (set means "do not subtract 4"), which makes it the code's bit 2.
  template <class Use>
  DOTS_INLINE void block(const Rows& rows, Header& h, Use use) {
    Bytes v[4];
    loadRows(rows, 92, v);  // the 12 bytes of scales are the last three
    const Bytes top = set4(0x30303030u), bias = set4(0x20202020u);
    const Bytes scales[4] = {sub8(lowNibbles(v[1]) | (shiftLeft(v[3], 4) & top), bias),
                             sub8(lowNibbles(v[2]) | (shiftLeft(v[3], 2) & top), bias),
                             sub8(highNibbles(v[1]) | (v[3] & top), bias),
                             sub8(highNibbles(v[2]) | (shiftRight(v[3], 2) & top), bias)};
    setScales<16, 4>(h, scales);
    h.d = f16HighHalves(load4Bytes(rows, 94, 3));
    Bytes mask[8];
    loadRows(rows, 0, mask);
    loadRows(rows, 16, mask + 4);
    twoBitCodes(rows, 32, ThirdBit{mask}, use);
  }
};

struct Iq4Xs {
  using C = Codes<true, 128>;
  static constexpr int kBlockBytes = 136, kSub = 32;
  static constexpr Min kMin = kSignedMin;
  // Four nibbles of the low 16 bits, one to a byte; and four 2-bit fields of the low 8 bits, one to a byte's bits 4, 5.
  DOTS_INLINE Bytes spreadNibbles(Bytes a) {
    return (a & set4(0xfu)) | (shiftLeft(a, 4) & set4(0xf00u)) | (shiftLeft(a, 8) & set4(0xf0000u)) |
           (shiftLeft(a, 12) & set4(0xf000000u));
  }
  DOTS_INLINE Bytes spreadPairs(Bytes a) {
    return (shiftLeft(a, 4) & set4(0x30u)) | (shiftLeft(a, 10) & set4(0x3000u)) | (shiftLeft(a, 16) & set4(0x300000u)) |
           (shiftLeft(a, 22) & set4(0x30000000u));
  }
  template <class Use>
  DOTS_INLINE void block(const Rows& rows, Header& h, Use use) {
    Bytes v[4];
    loadRows(rows, 0, v);
    h.d = f16LowHalves(v[0]);
    const Bytes high = shiftRight(v[0], 16), bias = set4(0x20202020u);
    const Bytes scales[2] = {sub8(spreadNibbles(v[1]) | spreadPairs(high), bias),
                             sub8(spreadNibbles(shiftRight(v[1], 16)) | spreadPairs(shiftRight(high, 8)), bias)};
    setScales<8, kSignedOffset>(h, scales);
    for (int s = 0; s < 8; ++s)
      nibbleCodes(rows, 8 + 16 * s, FromTable{kKv}, [&](int j, Bytes code) DOTS_LAMBDA { use(s, j, code); });
  }
};

struct Tq2_0 {
  using C = Codes<false, 3>;
  static constexpr int kBlockBytes = 66, kSub = 16;
  static constexpr Min kMin = Min::kOffset;
  template <class Use>
  DOTS_INLINE void block(const Rows& rows, Header& h, Use use) {
    const Bytes one = set4(0x01010101u), scales[4] = {one, one, one, one};
    setScales<16, 1>(h, scales);
    h.d = f16HighHalves(load4Bytes(rows, 50, 3));
    twoBitCodes(rows, 0, SameCode{}, use);
  }
};

}  // namespace DOTS_ISA
}  // namespace dots
