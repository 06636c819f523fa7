// Integer vectors whose lanes are weight rows.
//
// A quantised matrix is multiplied kLanes rows at a time: lane r belongs to row r, and holds four neighbouring codes
// of it (Bytes), or one of its sums (Int). Nothing is ever added across lanes, so unpacking a storage type is written
// once, for any number of lanes, and the arithmetic (exact integers inside a block) is the same everywhere.
#pragma once

#include "isa.h"

namespace dots {
namespace DOTS_ISA {

// Weight rows that are unpacked together: the address of the first one's current block, and the bytes between rows.
// A stride of 0 repeats one row, which is how matrices with fewer rows than lanes are handled.
struct Rows {
  const uint8_t* base;
  int64_t stride;
};
DOTS_INLINE Rows advance(const Rows& r, int64_t offset) { return {r.base + offset, r.stride}; }

DOTS_INLINE int32_t loadI32(const void* p) {
  int32_t v;
  memcpy(&v, p, 4);
  return v;
}

#if defined(DOTS_AVX2) || defined(DOTS_AVX512)
// A byte shuffle that does the same to each dword: byte j of the result is byte bj of the source, or 0 for kZeroByte.
constexpr int kZeroByte = -128;
DOTS_INLINE __m128i byteOrder(int b0, int b1, int b2, int b3) {
  const __m128i first = _mm_set1_epi32((b0 & 255) | (b1 & 255) << 8 | (b2 & 255) << 16 |
                                       static_cast<int>(static_cast<unsigned>(b3) << 24));
  return _mm_add_epi8(first, _mm_setr_epi32(0, 0x04040404, 0x08080808, 0x0c0c0c0c));
}
#endif

#if defined(DOTS_AVX512)

struct Bytes {
  __m512i v;
};
struct Int {
  __m512i v;
};
DOTS_INLINE Bytes set4(uint32_t pattern) { return {_mm512_set1_epi32(static_cast<int>(pattern))}; }
DOTS_INLINE Bytes loadBytes(const void* p) { return {_mm512_load_si512(p)}; }
DOTS_INLINE void storeBytes(void* p, Bytes a) { _mm512_store_si512(p, a.v); }
DOTS_INLINE Bytes operator&(Bytes a, Bytes b) { return {_mm512_and_si512(a.v, b.v)}; }
DOTS_INLINE Bytes operator|(Bytes a, Bytes b) { return {_mm512_or_si512(a.v, b.v)}; }
DOTS_INLINE Bytes operator^(Bytes a, Bytes b) { return {_mm512_xor_si512(a.v, b.v)}; }
DOTS_INLINE Bytes shiftRight(Bytes a, int n) { return {_mm512_srli_epi32(a.v, static_cast<unsigned>(n))}; }
DOTS_INLINE Bytes shiftLeft(Bytes a, int n) { return {_mm512_slli_epi32(a.v, static_cast<unsigned>(n))}; }
DOTS_INLINE Bytes add8(Bytes a, Bytes b) { return {_mm512_add_epi8(a.v, b.v)}; }
DOTS_INLINE Bytes sub8(Bytes a, Bytes b) { return {_mm512_sub_epi8(a.v, b.v)}; }
// table[byte] for bytes 0...15.
DOTS_INLINE Bytes lookup16(const int8_t* table, Bytes index) {
  const __m128i t = _mm_loadu_si128(reinterpret_cast<const __m128i*>(table));
  return {_mm512_shuffle_epi8(_mm512_broadcast_i32x4(t), index.v)};
}
// Byte i of each lane's four, in all four places.
DOTS_INLINE Bytes repeatByte(Bytes a, int i) {
  return {_mm512_shuffle_epi8(a.v, _mm512_broadcast_i32x4(byteOrder(i, i, i, i)))};
}
// add where (a & mask) has a bit, else 0; byte by byte.
DOTS_INLINE Bytes selectWhereBits(Bytes a, Bytes mask, Bytes value) {
  return {_mm512_maskz_mov_epi8(_mm512_test_epi8_mask(a.v, mask.v), value.v)};
}
DOTS_INLINE Vec toFloat(Int a) { return {_mm512_cvtepi32_ps(a.v)}; }
DOTS_INLINE Int zeroInt() { return {_mm512_setzero_si512()}; }
DOTS_INLINE Int setInt(int32_t a) { return {_mm512_set1_epi32(a)}; }
DOTS_INLINE Int sub(Int a, Int b) { return {_mm512_sub_epi32(a.v, b.v)}; }
DOTS_INLINE Int add(Int a, Int b) { return {_mm512_add_epi32(a.v, b.v)}; }
DOTS_INLINE Vec f16LowHalves(Bytes a) { return {_mm512_cvtph_ps(_mm512_cvtepi32_epi16(a.v))}; }
DOTS_INLINE Vec f16HighHalves(Bytes a) { return {_mm512_cvtph_ps(_mm512_cvtepi32_epi16(_mm512_srli_epi32(a.v, 16)))}; }
DOTS_INLINE Vec asFloats(Bytes a) { return {_mm512_castsi512_ps(a.v)}; }

DOTS_INLINE __m512i gather4x16(const uint8_t* p, int64_t stride4) {
  __m512i v = _mm512_castsi128_si512(_mm_loadu_si128(reinterpret_cast<const __m128i*>(p)));
  v = _mm512_inserti32x4(v, _mm_loadu_si128(reinterpret_cast<const __m128i*>(p + stride4)), 1);
  v = _mm512_inserti32x4(v, _mm_loadu_si128(reinterpret_cast<const __m128i*>(p + 2 * stride4)), 2);
  return _mm512_inserti32x4(v, _mm_loadu_si128(reinterpret_cast<const __m128i*>(p + 3 * stride4)), 3);
}
// 16 bytes of every row at `offset`, four at a time: out[j] holds bytes 4j...4j+3 of each row. Rows r, r+4, r+8, r+12
// share a vector, so that a 4x4 transposition inside 128-bit lanes leaves the rows in order.
DOTS_INLINE void loadRows(const Rows& rows, int offset, Bytes out[4]) {
  const uint8_t* p = rows.base + offset;
  const int64_t s = rows.stride;
  const __m512i a = gather4x16(p, 4 * s), b = gather4x16(p + s, 4 * s);
  const __m512i c = gather4x16(p + 2 * s, 4 * s), d = gather4x16(p + 3 * s, 4 * s);
  const __m512i ab0 = _mm512_unpacklo_epi32(a, b), ab1 = _mm512_unpackhi_epi32(a, b);
  const __m512i cd0 = _mm512_unpacklo_epi32(c, d), cd1 = _mm512_unpackhi_epi32(c, d);
  out[0].v = _mm512_unpacklo_epi64(ab0, cd0);
  out[1].v = _mm512_unpackhi_epi64(ab0, cd0);
  out[2].v = _mm512_unpacklo_epi64(ab1, cd1);
  out[3].v = _mm512_unpackhi_epi64(ab1, cd1);
}

// A sub-block's scale, in the form that the sums below want it; from byte i of four signed bytes.
struct Scale {
  __m512i v;
};
DOTS_INLINE Scale scaleFromByte(Bytes a, int i) {
  return {_mm512_srai_epi32(_mm512_slli_epi32(a.v, static_cast<unsigned>(24 - 8 * i)), 24)};
}
DOTS_INLINE Scale unitScale() { return {_mm512_set1_epi32(1)}; }
// Signed bytes I and I+1 as a pair of int16, times a constant.
template <int Times>
DOTS_INLINE Bytes pairFromBytes(Bytes a, int i) {
  const __m512i wide = _mm512_shuffle_epi8(a.v, _mm512_broadcast_i32x4(byteOrder(kZeroByte, i, kZeroByte, i + 1)));
  const __m512i pair = _mm512_srai_epi16(wide, 8);
  return {Times == 1 ? pair : _mm512_mullo_epi16(pair, _mm512_set1_epi16(Times))};
}
// acc + pair0 * x0 + pair1 * x1, where xs holds two int16.
DOTS_INLINE Int addPair(Int acc, Bytes pair, int32_t xs) {
  return {_mm512_dpwssd_epi32(acc.v, pair.v, _mm512_set1_epi32(xs))};
}

// Codes are unsigned for this instruction; signed ones are stored with their top bit flipped, 128 too large.
constexpr int kSignedOffset = 128;
DOTS_INLINE Bytes signedCode(Bytes a) { return {_mm512_xor_si512(a.v, _mm512_set1_epi8(static_cast<char>(0x80)))}; }

#elif defined(DOTS_AVX2)

struct Bytes {
  __m256i v;
};
struct Int {
  __m256i v;
};
DOTS_INLINE Bytes set4(uint32_t pattern) { return {_mm256_set1_epi32(static_cast<int>(pattern))}; }
DOTS_INLINE Bytes loadBytes(const void* p) { return {_mm256_load_si256(static_cast<const __m256i*>(p))}; }
DOTS_INLINE void storeBytes(void* p, Bytes a) { _mm256_store_si256(static_cast<__m256i*>(p), a.v); }
DOTS_INLINE Bytes operator&(Bytes a, Bytes b) { return {_mm256_and_si256(a.v, b.v)}; }
DOTS_INLINE Bytes operator|(Bytes a, Bytes b) { return {_mm256_or_si256(a.v, b.v)}; }
DOTS_INLINE Bytes operator^(Bytes a, Bytes b) { return {_mm256_xor_si256(a.v, b.v)}; }
DOTS_INLINE Bytes shiftRight(Bytes a, int n) { return {_mm256_srli_epi32(a.v, n)}; }
DOTS_INLINE Bytes shiftLeft(Bytes a, int n) { return {_mm256_slli_epi32(a.v, n)}; }
DOTS_INLINE Bytes add8(Bytes a, Bytes b) { return {_mm256_add_epi8(a.v, b.v)}; }
DOTS_INLINE Bytes sub8(Bytes a, Bytes b) { return {_mm256_sub_epi8(a.v, b.v)}; }
DOTS_INLINE Bytes lookup16(const int8_t* table, Bytes index) {
  const __m128i t = _mm_loadu_si128(reinterpret_cast<const __m128i*>(table));
  return {_mm256_shuffle_epi8(_mm256_broadcastsi128_si256(t), index.v)};
}
DOTS_INLINE Bytes repeatByte(Bytes a, int i) {
  return {_mm256_shuffle_epi8(a.v, _mm256_broadcastsi128_si256(byteOrder(i, i, i, i)))};
}
// Each byte of mask has one bit.
DOTS_INLINE Bytes selectWhereBits(Bytes a, Bytes mask, Bytes value) {
  return {_mm256_and_si256(_mm256_cmpeq_epi8(_mm256_and_si256(a.v, mask.v), mask.v), value.v)};
}
DOTS_INLINE Vec toFloat(Int a) { return {_mm256_cvtepi32_ps(a.v)}; }
DOTS_INLINE Int zeroInt() { return {_mm256_setzero_si256()}; }
DOTS_INLINE Int setInt(int32_t a) { return {_mm256_set1_epi32(a)}; }
DOTS_INLINE Int sub(Int a, Int b) { return {_mm256_sub_epi32(a.v, b.v)}; }
DOTS_INLINE Int add(Int a, Int b) { return {_mm256_add_epi32(a.v, b.v)}; }
DOTS_INLINE Vec f16FromDwords(__m256i lowHalves) {
  const __m256i packed = _mm256_permute4x64_epi64(_mm256_packus_epi32(lowHalves, lowHalves), 0x08);
  return {_mm256_cvtph_ps(_mm256_castsi256_si128(packed))};
}
DOTS_INLINE Vec f16LowHalves(Bytes a) { return f16FromDwords(_mm256_and_si256(a.v, _mm256_set1_epi32(0xffff))); }
DOTS_INLINE Vec f16HighHalves(Bytes a) { return f16FromDwords(_mm256_srli_epi32(a.v, 16)); }
DOTS_INLINE Vec asFloats(Bytes a) { return {_mm256_castsi256_ps(a.v)}; }

DOTS_INLINE __m256i gather2x16(const uint8_t* p, int64_t stride4) {
  return _mm256_inserti128_si256(_mm256_castsi128_si256(_mm_loadu_si128(reinterpret_cast<const __m128i*>(p))),
                                 _mm_loadu_si128(reinterpret_cast<const __m128i*>(p + stride4)), 1);
}
DOTS_INLINE void loadRows(const Rows& rows, int offset, Bytes out[4]) {
  const uint8_t* p = rows.base + offset;
  const int64_t s = rows.stride;
  const __m256i a = gather2x16(p, 4 * s), b = gather2x16(p + s, 4 * s);
  const __m256i c = gather2x16(p + 2 * s, 4 * s), d = gather2x16(p + 3 * s, 4 * s);
  const __m256i ab0 = _mm256_unpacklo_epi32(a, b), ab1 = _mm256_unpackhi_epi32(a, b);
  const __m256i cd0 = _mm256_unpacklo_epi32(c, d), cd1 = _mm256_unpackhi_epi32(c, d);
  out[0].v = _mm256_unpacklo_epi64(ab0, cd0);
  out[1].v = _mm256_unpackhi_epi64(ab0, cd0);
  out[2].v = _mm256_unpacklo_epi64(ab1, cd1);
  out[3].v = _mm256_unpackhi_epi64(ab1, cd1);
}

// Twice the same int16: multiplying by it and adding up pairs of 16-bit sums is one instruction.
struct Scale {
  __m256i v;
};
DOTS_INLINE Scale scaleFromByte(Bytes a, int i) {
  const __m128i order = byteOrder(kZeroByte, i, kZeroByte, i);
  return {_mm256_srai_epi16(_mm256_shuffle_epi8(a.v, _mm256_broadcastsi128_si256(order)), 8)};
}
DOTS_INLINE Scale unitScale() { return {_mm256_set1_epi16(1)}; }
template <int Times>
DOTS_INLINE Bytes pairFromBytes(Bytes a, int i) {
  const __m128i order = byteOrder(kZeroByte, i, kZeroByte, i + 1);
  const __m256i pair = _mm256_srai_epi16(_mm256_shuffle_epi8(a.v, _mm256_broadcastsi128_si256(order)), 8);
  return {Times == 1 ? pair : _mm256_mullo_epi16(pair, _mm256_set1_epi16(Times))};
}
DOTS_INLINE Int addPair(Int acc, Bytes pair, int32_t xs) {
  return {_mm256_add_epi32(acc.v, _mm256_madd_epi16(pair.v, _mm256_set1_epi32(xs)))};
}

constexpr int kSignedOffset = 0;
DOTS_INLINE Bytes signedCode(Bytes a) { return a; }

#else  // NEON and portable: four rows

#if defined(DOTS_NEON)
struct Bytes {
  uint8x16_t v;
};
struct Int {
  int32x4_t v;
};
struct Scale {
  int32x4_t v;
};
DOTS_INLINE Bytes set4(uint32_t pattern) { return {vreinterpretq_u8_u32(vdupq_n_u32(pattern))}; }
DOTS_INLINE Bytes loadBytes(const void* p) { return {vld1q_u8(static_cast<const uint8_t*>(p))}; }
DOTS_INLINE void storeBytes(void* p, Bytes a) { vst1q_u8(static_cast<uint8_t*>(p), a.v); }
DOTS_INLINE Bytes operator&(Bytes a, Bytes b) { return {vandq_u8(a.v, b.v)}; }
DOTS_INLINE Bytes operator|(Bytes a, Bytes b) { return {vorrq_u8(a.v, b.v)}; }
DOTS_INLINE Bytes operator^(Bytes a, Bytes b) { return {veorq_u8(a.v, b.v)}; }
DOTS_INLINE Bytes shiftRight(Bytes a, int n) {
  return {vreinterpretq_u8_u32(vshlq_u32(vreinterpretq_u32_u8(a.v), vdupq_n_s32(-n)))};
}
DOTS_INLINE Bytes shiftLeft(Bytes a, int n) {
  return {vreinterpretq_u8_u32(vshlq_u32(vreinterpretq_u32_u8(a.v), vdupq_n_s32(n)))};
}
DOTS_INLINE Bytes add8(Bytes a, Bytes b) { return {vaddq_u8(a.v, b.v)}; }
DOTS_INLINE Bytes sub8(Bytes a, Bytes b) { return {vsubq_u8(a.v, b.v)}; }
DOTS_INLINE Bytes lookup16(const int8_t* table, Bytes index) {
  return {vqtbl1q_u8(vld1q_u8(reinterpret_cast<const uint8_t*>(table)), index.v)};
}
DOTS_INLINE Bytes repeatByte(Bytes a, int i) {
  const uint32x4_t byte = vandq_u32(vreinterpretq_u32_u8(shiftRight(a, 8 * i).v), vdupq_n_u32(255));
  return {vreinterpretq_u8_u32(vmulq_n_u32(byte, 0x01010101u))};
}
DOTS_INLINE Bytes selectWhereBits(Bytes a, Bytes mask, Bytes value) {
  return {vandq_u8(vtstq_u8(a.v, mask.v), value.v)};
}
DOTS_INLINE Vec toFloat(Int a) { return {vcvtq_f32_s32(a.v)}; }
DOTS_INLINE Int zeroInt() { return {vdupq_n_s32(0)}; }
DOTS_INLINE Int setInt(int32_t a) { return {vdupq_n_s32(a)}; }
DOTS_INLINE Int sub(Int a, Int b) { return {vsubq_s32(a.v, b.v)}; }
DOTS_INLINE Int add(Int a, Int b) { return {vaddq_s32(a.v, b.v)}; }
DOTS_INLINE Vec f16LowHalves(Bytes a) {
  return {vcvt_f32_f16(vreinterpret_f16_u16(vmovn_u32(vreinterpretq_u32_u8(a.v))))};
}
DOTS_INLINE Vec f16HighHalves(Bytes a) {
  return {vcvt_f32_f16(vreinterpret_f16_u16(vshrn_n_u32(vreinterpretq_u32_u8(a.v), 16)))};
}
DOTS_INLINE Vec asFloats(Bytes a) { return {vreinterpretq_f32_u8(a.v)}; }
DOTS_INLINE void loadRows(const Rows& rows, int offset, Bytes out[4]) {
  const uint8_t* p = rows.base + offset;
  const uint32x4_t a = vreinterpretq_u32_u8(vld1q_u8(p)), b = vreinterpretq_u32_u8(vld1q_u8(p + rows.stride));
  const uint32x4_t c = vreinterpretq_u32_u8(vld1q_u8(p + 2 * rows.stride));
  const uint32x4_t d = vreinterpretq_u32_u8(vld1q_u8(p + 3 * rows.stride));
  const uint64x2_t ab0 = vreinterpretq_u64_u32(vzip1q_u32(a, b)), ab1 = vreinterpretq_u64_u32(vzip2q_u32(a, b));
  const uint64x2_t cd0 = vreinterpretq_u64_u32(vzip1q_u32(c, d)), cd1 = vreinterpretq_u64_u32(vzip2q_u32(c, d));
  out[0].v = vreinterpretq_u8_u64(vzip1q_u64(ab0, cd0));
  out[1].v = vreinterpretq_u8_u64(vzip2q_u64(ab0, cd0));
  out[2].v = vreinterpretq_u8_u64(vzip1q_u64(ab1, cd1));
  out[3].v = vreinterpretq_u8_u64(vzip2q_u64(ab1, cd1));
}
DOTS_INLINE Scale scaleFromByte(Bytes a, int i) {
  return {vshrq_n_s32(vreinterpretq_s32_u8(shiftLeft(a, 24 - 8 * i).v), 24)};
}
DOTS_INLINE Scale unitScale() { return {vdupq_n_s32(1)}; }
template <int Times>
DOTS_INLINE Bytes pairFromBytes(Bytes a, int i) {
  const int32x4_t low = vshrq_n_s32(vreinterpretq_s32_u8(shiftLeft(a, 24 - 8 * i).v), 24);
  const int32x4_t high = vshrq_n_s32(vreinterpretq_s32_u8(shiftLeft(a, 16 - 8 * i).v), 24);
  const int16x8_t pair = vtrn1q_s16(vreinterpretq_s16_s32(low), vreinterpretq_s16_s32(high));
  return {vreinterpretq_u8_s16(vmulq_n_s16(pair, Times))};
}
DOTS_INLINE Int addPair(Int acc, Bytes pair, int32_t xs) {
  const int16x8_t p = vreinterpretq_s16_u8(pair.v), x = vreinterpretq_s16_s32(vdupq_n_s32(xs));
  return {vaddq_s32(acc.v, vpaddq_s32(vmull_s16(vget_low_s16(p), vget_low_s16(x)), vmull_high_s16(p, x)))};
}

#else  // portable: F32x4 and the like are in isa.h

typedef uint8_t U8x16 __attribute__((vector_size(16)));

struct Bytes {
  U32x4 v;
};
struct Int {
  I32x4 v;
};
struct Scale {
  I32x4 v;
};
DOTS_INLINE Bytes set4(uint32_t pattern) { return {splat(pattern)}; }
DOTS_INLINE Bytes loadBytes(const void* p) {
  Bytes r;
  memcpy(&r.v, p, 16);
  return r;
}
DOTS_INLINE void storeBytes(void* p, Bytes a) { memcpy(p, &a.v, 16); }
DOTS_INLINE Bytes operator&(Bytes a, Bytes b) { return {a.v & b.v}; }
DOTS_INLINE Bytes operator|(Bytes a, Bytes b) { return {a.v | b.v}; }
DOTS_INLINE Bytes operator^(Bytes a, Bytes b) { return {a.v ^ b.v}; }
DOTS_INLINE Bytes shiftRight(Bytes a, int n) { return {a.v >> n}; }
DOTS_INLINE Bytes shiftLeft(Bytes a, int n) { return {a.v << n}; }
DOTS_INLINE Bytes add8(Bytes a, Bytes b) { return {(U32x4)((U8x16)a.v + (U8x16)b.v)}; }
DOTS_INLINE Bytes sub8(Bytes a, Bytes b) { return {(U32x4)((U8x16)a.v - (U8x16)b.v)}; }
DOTS_ONE_COPY Bytes lookup16(const int8_t* table, Bytes index) {
  uint8_t bytes[16];
  storeBytes(bytes, index);
  for (int i = 0; i < 16; ++i) bytes[i] = static_cast<uint8_t>(table[bytes[i] & 15]);
  return loadBytes(bytes);
}
DOTS_INLINE Bytes repeatByte(Bytes a, int i) { return {((a.v >> (8 * i)) & splat(255u)) * splat(0x01010101u)}; }
DOTS_INLINE Bytes selectWhereBits(Bytes a, Bytes mask, Bytes value) {
  const U8x16 hit = (U8x16)((U8x16)(a.v & mask.v) != U8x16{});
  return {(U32x4)hit & value.v};
}
DOTS_INLINE Vec toFloat(Int a) { return {__builtin_convertvector(a.v, F32x4)}; }
DOTS_INLINE Int setInt(int32_t a) { return {I32x4{a, a, a, a}}; }
DOTS_INLINE Int zeroInt() { return setInt(0); }
DOTS_INLINE Int sub(Int a, Int b) { return {a.v - b.v}; }
DOTS_INLINE Int add(Int a, Int b) { return {a.v + b.v}; }
DOTS_INLINE Vec f16LowHalves(Bytes a) { return floatsOfHalves(a.v & splat(0xffffu)); }
DOTS_INLINE Vec f16HighHalves(Bytes a) { return floatsOfHalves(a.v >> 16); }
DOTS_INLINE Vec asFloats(Bytes a) { return {(F32x4)a.v}; }
DOTS_INLINE uint32_t loadU32(const uint8_t* p) {
  return p[0] | p[1] << 8 | p[2] << 16 | static_cast<uint32_t>(p[3]) << 24;
}
DOTS_INLINE void loadRows(const Rows& rows, int offset, Bytes out[4]) {
  for (int j = 0; j < 4; ++j) {
    const uint8_t *const p = rows.base + offset + 4 * j, *const p2 = p + 2 * rows.stride;
    out[j].v = U32x4{loadU32(p), loadU32(p + rows.stride), loadU32(p2), loadU32(p2 + rows.stride)};
  }
}
/// Byte i of each row, with its sign.
DOTS_INLINE I32x4 signedBytes(Bytes a, int i) { return (I32x4)(a.v << (24 - 8 * i)) >> 24; }
DOTS_INLINE Scale scaleFromByte(Bytes a, int i) { return {signedBytes(a, i)}; }
DOTS_INLINE Scale unitScale() { return {setInt(1).v}; }
template <int Times>
DOTS_INLINE Bytes pairFromBytes(Bytes a, int i) {
  const U32x4 first = (U32x4)(signedBytes(a, i) * setInt(Times).v);
  const U32x4 second = (U32x4)(signedBytes(a, i + 1) * setInt(Times).v);
  return {(first & splat(0xffffu)) | second << 16};
}
DOTS_INLINE Int addPair(Int acc, Bytes pair, int32_t xs) {
  const I32x4 x = setInt(xs).v, a = (I32x4)pair.v;
  return {acc.v + ((a << 16) >> 16) * ((x << 16) >> 16) + (a >> 16) * (x >> 16)};
}
#endif

constexpr int kSignedOffset = 0;
DOTS_INLINE Bytes signedCode(Bytes a) { return a; }

#endif

DOTS_INLINE Bytes load4Bytes(const Rows& rows, int offset, int index) {
  Bytes all[4];
  loadRows(rows, offset, all);
  return all[index];
}

}  // namespace DOTS_ISA
}  // namespace dots
