// Storage types with one float scale per 32 (NVFP4: 16) weights. Layouts: GGUF; see docs/numerics.md.
//
// Each type says how many bytes a stored block has, how many weights share a float scale, and unpacks one scale's worth
// of kLanes rows: codes(rows, part, use) calls use(step, Bytes) for weights 4*step...4*step+3, in ascending order.
// A weight is d * (code - kOffset) - dmin * 1.
#pragma once

#include "dot-codes.h"

namespace dots {
namespace DOTS_ISA {

DOTS_INLINE Vec negated(Vec a) { return sub(zero(), a); }

enum class Min { kNone, kOffset, kAffine };

DOTS_INLINE Bytes lowNibbles(Bytes a) { return a & set4(0x0f0f0f0fu); }
DOTS_INLINE Bytes highNibbles(Bytes a) { return shiftRight(a, 4) & set4(0x0f0f0f0fu); }

// Byte j of a 16-byte field holds element j in its low half and element j + 16 in its high half.
template <class Map, class Use>
DOTS_INLINE void nibbleCodes(const Rows& rows, int offset, Map map, Use use) {
  Bytes v[4];
  loadRows(rows, offset, v);
  DOTS_UNROLL for (int j = 0; j < 4; ++j) use(j, map(j, lowNibbles(v[j])));
  DOTS_UNROLL for (int j = 0; j < 4; ++j) use(4 + j, map(4 + j, highNibbles(v[j])));
}
struct Same {
  DOTS_METHOD Bytes operator()(int, Bytes code) const { return code; }
};

// The fifth bits of 32 weights, one dword a row: bit i belongs to weight i.
struct FifthBits {
  Bytes bits;
  DOTS_METHOD Bytes operator()(int i, Bytes code) const {
    const Bytes mask = set4(i % 2 == 0 ? 0x08040201u : 0x80402010u);
    return code | selectWhereBits(repeatByte(bits, i / 2), mask, set4(0x10101010u));
  }
};

struct Q4_0 {
  using C = Codes<false, 15>;
  static constexpr int kBlockBytes = 18, kPart = 32, kParts = 1, kOffsetShift = 3;
  static constexpr Min kMin = Min::kOffset;
  template <class Use>
  DOTS_INLINE void codes(const Rows& rows, int, Vec& d, Vec&, Use use) {
    d = f16LowHalves(load4Bytes(rows, 0, 0));
    nibbleCodes(rows, 2, Same{}, use);
  }
};

struct Q4_1 {
  using C = Codes<false, 15>;
  static constexpr int kBlockBytes = 20, kPart = 32, kParts = 1, kOffsetShift = 0;
  static constexpr Min kMin = Min::kAffine;
  template <class Use>
  DOTS_INLINE void codes(const Rows& rows, int, Vec& d, Vec& dmin, Use use) {
    const Bytes head = load4Bytes(rows, 0, 0);
    d = f16LowHalves(head);
    dmin = negated(f16HighHalves(head));
    nibbleCodes(rows, 4, Same{}, use);
  }
};

struct Q5_0 {
  using C = Codes<false, 31>;
  static constexpr int kBlockBytes = 22, kPart = 32, kParts = 1, kOffsetShift = 4;
  static constexpr Min kMin = Min::kOffset;
  template <class Use>
  DOTS_INLINE void codes(const Rows& rows, int, Vec& d, Vec&, Use use) {
    Bytes head[4];
    loadRows(rows, 0, head);
    d = f16LowHalves(head[0]);
    nibbleCodes(rows, 6, FifthBits{shiftRight(head[0], 16) | shiftLeft(head[1], 16)}, use);
  }
};

struct Q5_1 {
  using C = Codes<false, 31>;
  static constexpr int kBlockBytes = 24, kPart = 32, kParts = 1, kOffsetShift = 0;
  static constexpr Min kMin = Min::kAffine;
  template <class Use>
  DOTS_INLINE void codes(const Rows& rows, int, Vec& d, Vec& dmin, Use use) {
    Bytes head[4];
    loadRows(rows, 0, head);
    d = f16LowHalves(head[0]);
    dmin = negated(f16HighHalves(head[0]));
    nibbleCodes(rows, 8, FifthBits{head[1]}, use);
  }
};

// Types of signed bytes: where the instruction wants unsigned ones they are stored 128 too large.
constexpr Min kSignedMin = kSignedOffset == 0 ? Min::kNone : Min::kOffset;

struct Q8_0 {
  using C = Codes<true, 128>;
  static constexpr int kBlockBytes = 34, kPart = 32, kParts = 1, kOffsetShift = 7;
  static constexpr Min kMin = kSignedMin;
  template <class Use>
  DOTS_INLINE void codes(const Rows& rows, int, Vec& d, Vec&, Use use) {
    d = f16LowHalves(load4Bytes(rows, 0, 0));
    Bytes v[4], w[4];
    loadRows(rows, 2, v);
    loadRows(rows, 18, w);
    DOTS_UNROLL for (int j = 0; j < 4; ++j) use(j, signedCode(v[j]));
    DOTS_UNROLL for (int j = 0; j < 4; ++j) use(4 + j, signedCode(w[j]));
  }
};

#define DOTS_KV(x) static_cast<int8_t>(static_cast<uint8_t>((x) + kSignedOffset))
alignas(16) static const int8_t kKv[16] = {
    DOTS_KV(-127), DOTS_KV(-104), DOTS_KV(-83), DOTS_KV(-65), DOTS_KV(-49), DOTS_KV(-35), DOTS_KV(-22), DOTS_KV(-10),
    DOTS_KV(1),    DOTS_KV(13),   DOTS_KV(25),  DOTS_KV(38),  DOTS_KV(53),  DOTS_KV(69),  DOTS_KV(89),  DOTS_KV(113)};
#undef DOTS_KV
// Twice the values of a 4-bit float (1 sign, 2 exponent, 1 mantissa bit), plus 16.
alignas(16) static const int8_t kFloat4[16] = {16, 17, 18, 19, 20, 22, 24, 28, 16, 15, 14, 13, 12, 10, 8, 4};

struct FromTable {
  const int8_t* table;
  DOTS_METHOD Bytes operator()(int, Bytes code) const { return lookup16(table, code); }
};

struct Iq4Nl {
  using C = Codes<true, 128>;
  static constexpr int kBlockBytes = 18, kPart = 32, kParts = 1, kOffsetShift = 7;
  static constexpr Min kMin = kSignedMin;
  template <class Use>
  DOTS_INLINE void codes(const Rows& rows, int, Vec& d, Vec&, Use use) {
    d = f16LowHalves(load4Bytes(rows, 0, 0));
    nibbleCodes(rows, 2, FromTable{kKv}, use);
  }
};

struct Mxfp4 {
  using C = Codes<false, 31>;
  static constexpr int kBlockBytes = 17, kPart = 32, kParts = 1, kOffsetShift = 4;
  static constexpr Min kMin = Min::kOffset;
  template <class Use>
  DOTS_INLINE void codes(const Rows& rows, int, Vec& d, Vec&, Use use) {
    // 2^(e - 128), of which the first two are subnormal floats.
    float scales[kLanes];
    for (int r = 0; r < kLanes; ++r) {
      const uint32_t e = rows.base[r * rows.stride];
      scales[r] = floatFromBits(e >= 2 ? (e - 1) << 23 : 0x00200000u << e);
    }
    d = load(scales);
    nibbleCodes(rows, 1, FromTable{kFloat4}, use);
  }
};

struct Nvfp4 {
  using C = Codes<false, 31>;
  static constexpr int kBlockBytes = 36, kPart = 16, kParts = 4, kOffsetShift = 4;
  static constexpr Min kMin = Min::kOffset;
  // Half an unsigned float of 4 exponent and 3 mantissa bits; 0 and 0x7f mean 0.
  DOTS_INLINE float scale(uint32_t e) {
    if (e == 0 || e == 0x7f) return 0.0f;
    const uint32_t exponent = (e >> 3) & 15u, mantissa = e & 7u;
    if (exponent == 0) return static_cast<float>(mantissa) * 0.0009765625f;
    return floatFromBits((exponent + 119u) << 23 | mantissa << 20);
  }
  template <class Use>
  DOTS_INLINE void codes(const Rows& rows, int part, Vec& d, Vec&, Use use) {
    float scales[kLanes];
    for (int r = 0; r < kLanes; ++r) scales[r] = scale(rows.base[r * rows.stride + part]);
    d = load(scales);
    // Eight bytes hold this part: elements 0...7 in the low halves, 8...15 in the high ones.
    Bytes v[4];
    loadRows(rows, part < 2 ? 4 : 20, v);
    const Bytes a = part & 1 ? v[2] : v[0], b = part & 1 ? v[3] : v[1];
    use(0, lookup16(kFloat4, lowNibbles(a)));
    use(1, lookup16(kFloat4, lowNibbles(b)));
    use(2, lookup16(kFloat4, highNibbles(a)));
    use(3, lookup16(kFloat4, highNibbles(b)));
  }
};

}  // namespace DOTS_ISA
}  // namespace dots
