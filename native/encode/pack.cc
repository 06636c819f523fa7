#include "encode/pack.h"

#include <cstring>

namespace dots {
namespace {

void putU16(uint8_t* out, int value) {
  out[0] = static_cast<uint8_t>(value);
  out[1] = static_cast<uint8_t>(value >> 8);
}

// Byte j of a run holds element j in its low half and element j + 16 in its high half.
void packNibbles(const int8_t* levels, int offset, uint8_t* out) {
  for (int j = 0; j < 16; ++j)
    out[j] = static_cast<uint8_t>(((levels[j] + offset) & 15) | ((levels[j + 16] + offset) & 15) << 4);
}

void packFifthBits(const int8_t* levels, int offset, uint8_t* out) {
  uint32_t bits = 0;
  for (int j = 0; j < 32; ++j) bits |= static_cast<uint32_t>(((levels[j] + offset) >> 4) & 1) << j;
  putU16(out, static_cast<int>(bits & 0xffff));
  putU16(out + 2, static_cast<int>(bits >> 16));
}

// Two bits of each element: byte l of a half block holds elements l, l + 32, l + 64 and l + 96 of it.
void packPairs(const int8_t* levels, int offset, uint8_t* out) {
  for (int h = 0; h < 2; ++h)
    for (int l = 0; l < 32; ++l) {
      int byte = 0;
      for (int k = 0; k < 4; ++k) byte |= ((levels[128 * h + 32 * k + l] + offset) & 3) << 2 * k;
      out[32 * h + l] = static_cast<uint8_t>(byte);
    }
}

// Six-bit scales and minimums of eight sub-blocks in twelve bytes (q4_k, q5_k).
void packScalesAndMinimums(const int16_t* scales, const int16_t* minimums, uint8_t* out) {
  for (int s = 0; s < 4; ++s) {
    out[s] = static_cast<uint8_t>(scales[s] | (scales[s + 4] >> 4) << 6);
    out[s + 4] = static_cast<uint8_t>(minimums[s] | (minimums[s + 4] >> 4) << 6);
    out[s + 8] = static_cast<uint8_t>((scales[s + 4] & 15) | (minimums[s + 4] & 15) << 4);
  }
}

void packQ2K(const BlockCodes& b, uint8_t* out) {
  for (int s = 0; s < 16; ++s) out[s] = static_cast<uint8_t>(b.multiples[s] | b.minimums[s] << 4);
  packPairs(b.levels, 0, out + 16);
  putU16(out + 80, b.d);
  putU16(out + 82, b.dmin);
}

void packQ3K(const BlockCodes& b, uint8_t* out) {
  std::memset(out, 0, 110);
  for (int i = 0; i < 256; ++i)
    if (b.levels[i] >= 0) out[i & 31] = static_cast<uint8_t>(out[i & 31] | 1 << (i >> 5));
  packPairs(b.levels, 4, out + 32);
  for (int s = 0; s < 16; ++s) {
    const int scale = b.multiples[s] + 32;
    uint8_t &low = out[96 + (s & 7)], &high = out[104 + (s & 3)];
    low = static_cast<uint8_t>(low | (scale & 15) << 4 * (s >> 3));
    high = static_cast<uint8_t>(high | (scale >> 4) << 2 * (s >> 2));
  }
  putU16(out + 108, b.d);
}

void packQ4K(const BlockCodes& b, uint8_t* out) {
  putU16(out, b.d);
  putU16(out + 2, b.dmin);
  packScalesAndMinimums(b.multiples, b.minimums, out + 4);
  for (int pair = 0; pair < 4; ++pair)
    for (int l = 0; l < 32; ++l)
      out[16 + 32 * pair + l] = static_cast<uint8_t>(b.levels[64 * pair + l] | b.levels[64 * pair + 32 + l] << 4);
}

void packQ5K(const BlockCodes& b, uint8_t* out) {
  putU16(out, b.d);
  putU16(out + 2, b.dmin);
  packScalesAndMinimums(b.multiples, b.minimums, out + 4);
  for (int l = 0; l < 32; ++l) {
    int high = 0;
    for (int s = 0; s < 8; ++s) high |= (b.levels[32 * s + l] >> 4) << s;
    out[16 + l] = static_cast<uint8_t>(high);
    for (int pair = 0; pair < 4; ++pair)
      out[48 + 32 * pair + l] =
          static_cast<uint8_t>((b.levels[64 * pair + l] & 15) | (b.levels[64 * pair + 32 + l] & 15) << 4);
  }
}

void packQ6K(const BlockCodes& b, uint8_t* out) {
  for (int h = 0; h < 2; ++h)
    for (int l = 0; l < 32; ++l) {
      int code[4];
      for (int g = 0; g < 4; ++g) code[g] = b.levels[128 * h + 32 * g + l] + 32;
      out[64 * h + l] = static_cast<uint8_t>((code[0] & 15) | (code[2] & 15) << 4);
      out[64 * h + 32 + l] = static_cast<uint8_t>((code[1] & 15) | (code[3] & 15) << 4);
      out[128 + 32 * h + l] =
          static_cast<uint8_t>(code[0] >> 4 | (code[1] >> 4) << 2 | (code[2] >> 4) << 4 | (code[3] >> 4) << 6);
    }
  for (int s = 0; s < 16; ++s) out[192 + s] = static_cast<uint8_t>(b.multiples[s]);
  putU16(out + 208, b.d);
}

}  // namespace

void packBlock(StorageId type, const BlockCodes& b, uint8_t* out) {
  switch (type) {
    case StorageId::kQ4_0:
      putU16(out, b.d);
      return packNibbles(b.levels, 8, out + 2);
    case StorageId::kQ4_1:
      putU16(out, b.d);
      putU16(out + 2, b.dmin);
      return packNibbles(b.levels, 0, out + 4);
    case StorageId::kQ5_0:
      putU16(out, b.d);
      packFifthBits(b.levels, 16, out + 2);
      return packNibbles(b.levels, 16, out + 6);
    case StorageId::kQ5_1:
      putU16(out, b.d);
      putU16(out + 2, b.dmin);
      packFifthBits(b.levels, 0, out + 4);
      return packNibbles(b.levels, 0, out + 8);
    case StorageId::kQ8_0:
      putU16(out, b.d);
      std::memcpy(out + 2, b.levels, 32);
      return;
    case StorageId::kQ2K: return packQ2K(b, out);
    case StorageId::kQ3K: return packQ3K(b, out);
    case StorageId::kQ4K: return packQ4K(b, out);
    case StorageId::kQ5K: return packQ5K(b, out);
    case StorageId::kQ6K: return packQ6K(b, out);
    default: return;
  }
}

}  // namespace dots
