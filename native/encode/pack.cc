#include "encode/pack.h"

#include <cstring>

#include "encode/grid-index.h"

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

void packQ1_0(const BlockCodes& b, uint8_t* out) {
  putU16(out, b.d);
  std::memset(out + 2, 0, 16);
  for (int i = 0; i < 128; ++i)
    if (b.levels[i] > 0) out[2 + i / 8] = static_cast<uint8_t>(out[2 + i / 8] | 1 << i % 8);
}

// Five digits of a byte in base 3, the first most significant, as a fraction of 256.
void packTq1_0(const BlockCodes& b, uint8_t* out) {
  for (int byte = 0; byte < 52; ++byte) {
    int value = 0;
    for (int n = 0; n < 5; ++n) {
      const int i = byte < 32 ? 32 * n + byte : byte < 48 ? 160 + 16 * n + byte - 32 : 240 + 4 * n + byte - 48;
      value = 3 * value + (byte >= 48 && n == 4 ? 0 : b.levels[i] + 1);
    }
    out[byte] = static_cast<uint8_t>((value * 256 + 242) / 243);
  }
  putU16(out + 52, b.d);
}

const int8_t kIq4Values[16] = {-127, -104, -83, -65, -49, -35, -22, -10, 1, 13, 25, 38, 53, 69, 89, 113};
// Code 8 is a negative zero, and never written.
const int8_t kFloat4Values[16] = {0, 1, 2, 3, 4, 6, 8, 12, 0, -1, -2, -3, -4, -6, -8, -12};

// From the values of levels to their codes.
struct CodesOfValues {
  int8_t code[256];

  explicit CodesOfValues(const int8_t (&values)[16]) : code() {
    for (int i = 15; i >= 0; --i) code[static_cast<uint8_t>(values[i])] = static_cast<int8_t>(i);
  }
  void convert(const int8_t* levels, int count, int8_t* codes) const {
    for (int i = 0; i < count; ++i) codes[i] = code[static_cast<uint8_t>(levels[i])];
  }
};

const CodesOfValues kIq4Codes(kIq4Values), kFloat4Codes(kFloat4Values);

void packIq4Xs(const BlockCodes& b, uint8_t* out) {
  int8_t codes[256];
  kIq4Codes.convert(b.levels, 256, codes);
  putU16(out, b.d);
  int high = 0;
  std::memset(out + 4, 0, 4);
  for (int s = 0; s < 8; ++s) {
    const int scale = b.multiples[s] + 32;
    out[4 + s / 2] = static_cast<uint8_t>(out[4 + s / 2] | (scale & 15) << 4 * (s & 1));
    high |= (scale >> 4) << 2 * s;
    packNibbles(codes + 32 * s, 0, out + 8 + 16 * s);
  }
  putU16(out + 2, high);
}

void packNvfp4(const BlockCodes& b, uint8_t* out) {
  int8_t codes[64];
  kFloat4Codes.convert(b.levels, 64, codes);
  for (int s = 0; s < 4; ++s) {
    out[s] = static_cast<uint8_t>(b.multiples[s]);
    for (int j = 0; j < 8; ++j)
      out[4 + 8 * s + j] = static_cast<uint8_t>(codes[16 * s + j] | codes[16 * s + 8 + j] << 4);
  }
}

// One bit for each of eight negative levels.
int signBits(const int8_t* levels) {
  int bits = 0;
  for (int j = 0; j < 8; ++j) bits |= (levels[j] < 0) << j;
  return bits;
}

// The number of the grid's entry that has the magnitudes of these levels.
int entryOf(const GridIndex& grid, const int8_t* levels) {
  int8_t values[8];
  for (int j = 0; j < grid.size; ++j) values[j] = static_cast<int8_t>(levels[j] < 0 ? -levels[j] : levels[j]);
  return entryOfValues(grid, values);
}

int oddCode(int multiple) { return (multiple - 1) / 2; }

// Two four-bit scales a byte, the even sub-block's below.
void packOddScales(const BlockCodes& b, int count, uint8_t* out) {
  for (int s = 0; s < count; s += 2)
    out[s / 2] = static_cast<uint8_t>(oddCode(b.multiples[s]) | oddCode(b.multiples[s + 1]) << 4);
}

// Seven bits of signs for each eight elements of a sub-block of 32, and its scale: the eighth sign follows from parity.
void packSignsAndScale(const int8_t* levels, int multiple, uint8_t* out) {
  uint32_t word = static_cast<uint32_t>(oddCode(multiple)) << 28;
  for (int l = 0; l < 4; ++l) word |= static_cast<uint32_t>(signBits(levels + 8 * l) & 127) << 7 * l;
  putU16(out, static_cast<int>(word & 0xffff));
  putU16(out + 2, static_cast<int>(word >> 16));
}

void packIq2Xxs(const GridIndex& grid, const BlockCodes& b, uint8_t* out) {
  putU16(out, b.d);
  for (int s = 0; s < 8; ++s) {
    uint8_t* const part = out + 2 + 8 * s;
    for (int l = 0; l < 4; ++l) part[l] = static_cast<uint8_t>(entryOf(grid, b.levels + 32 * s + 8 * l));
    packSignsAndScale(b.levels + 32 * s, b.multiples[s], part + 4);
  }
}

void packIq2Xs(const GridIndex& grid, const BlockCodes& b, uint8_t* out) {
  putU16(out, b.d);
  for (int g = 0; g < 32; ++g)
    putU16(out + 2 + 2 * g, entryOf(grid, b.levels + 8 * g) | (signBits(b.levels + 8 * g) & 127) << 9);
  packOddScales(b, 16, out + 66);
}

void packIq2S(const GridIndex& grid, const BlockCodes& b, uint8_t* out) {
  std::memset(out, 0, 82);
  putU16(out, b.d);
  for (int g = 0; g < 32; ++g) {
    const int entry = entryOf(grid, b.levels + 8 * g);
    out[2 + g] = static_cast<uint8_t>(entry);
    out[34 + g] = static_cast<uint8_t>(signBits(b.levels + 8 * g));
    out[66 + g / 4] = static_cast<uint8_t>(out[66 + g / 4] | (entry >> 8) << 2 * (g & 3));
  }
  packOddScales(b, 16, out + 74);
}

void packIq3Xxs(const GridIndex& grid, const BlockCodes& b, uint8_t* out) {
  putU16(out, b.d);
  for (int g = 0; g < 64; ++g) out[2 + g] = static_cast<uint8_t>(entryOf(grid, b.levels + 4 * g));
  for (int s = 0; s < 8; ++s) packSignsAndScale(b.levels + 32 * s, b.multiples[s], out + 66 + 4 * s);
}

void packIq3S(const GridIndex& grid, const BlockCodes& b, uint8_t* out) {
  std::memset(out, 0, 110);
  putU16(out, b.d);
  for (int g = 0; g < 64; ++g) {
    const int entry = entryOf(grid, b.levels + 4 * g);
    out[2 + g] = static_cast<uint8_t>(entry);
    out[66 + g / 8] = static_cast<uint8_t>(out[66 + g / 8] | (entry >> 8) << (g & 7));
  }
  for (int g = 0; g < 32; ++g) out[74 + g] = static_cast<uint8_t>(signBits(b.levels + 8 * g));
  packOddScales(b, 8, out + 106);
}

// Levels of iq1 are 8 times -1, 0 or 1, and one more or one less for all eight.
int entryOfShifted(const GridIndex& grid, const int8_t* levels, bool* isLess) {
  int8_t values[8];
  for (int j = 0; j < 8; ++j) values[j] = static_cast<int8_t>(levels[j] < -4 ? -1 : levels[j] > 4);
  *isLess = levels[0] < 8 * values[0];
  return entryOfValues(grid, values);
}

void packIq1S(const GridIndex& grid, const BlockCodes& b, uint8_t* out) {
  putU16(out, b.d);
  for (int s = 0; s < 8; ++s) {
    bool isLess = false;
    int high = oddCode(b.multiples[s]) << 12;
    for (int l = 0; l < 4; ++l) {
      const int entry = entryOfShifted(grid, b.levels + 32 * s + 8 * l, &isLess);
      out[2 + 4 * s + l] = static_cast<uint8_t>(entry);
      high |= (entry >> 8) << 3 * l;
    }
    putU16(out + 34 + 2 * s, high | (isLess ? 0x8000 : 0));
  }
}

void packIq1M(const GridIndex& grid, const BlockCodes& b, uint8_t* out) {
  std::memset(out, 0, 56);
  for (int g = 0; g < 32; ++g) {
    bool isLess = false;
    const int entry = entryOfShifted(grid, b.levels + 8 * g, &isLess);
    out[g] = static_cast<uint8_t>(entry);
    out[32 + g / 2] = static_cast<uint8_t>(out[32 + g / 2] | (entry >> 8 | (isLess ? 8 : 0)) << 4 * (g & 1));
  }
  for (int part = 0; part < 4; ++part) {
    int word = (b.d >> 4 * part & 15) << 12;
    for (int s = 0; s < 4; ++s) word |= oddCode(b.multiples[4 * part + s]) << 3 * s;
    putU16(out + 48 + 2 * part, word);
  }
}

}  // namespace

void packBlock(StorageId type, const BlockCodes& b, uint8_t* out) {
  int8_t codes[32];
  switch (type) {
    case StorageId::kQ4_0: putU16(out, b.d); return packNibbles(b.levels, 8, out + 2);
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
    case StorageId::kIq4Xs: return packIq4Xs(b, out);
    case StorageId::kNvfp4: return packNvfp4(b, out);
    case StorageId::kTq1_0: return packTq1_0(b, out);
    case StorageId::kTq2_0: packPairs(b.levels, 1, out); return putU16(out + 64, b.d);
    case StorageId::kQ1_0: return packQ1_0(b, out);
    case StorageId::kIq4Nl:
      putU16(out, b.d);
      kIq4Codes.convert(b.levels, 32, codes);
      return packNibbles(codes, 0, out + 2);
    case StorageId::kMxfp4:
      out[0] = static_cast<uint8_t>(b.d);
      kFloat4Codes.convert(b.levels, 32, codes);
      return packNibbles(codes, 0, out + 1);
    case StorageId::kIq2Xxs: return packIq2Xxs(gridIndex(type), b, out);
    case StorageId::kIq2Xs: return packIq2Xs(gridIndex(type), b, out);
    case StorageId::kIq2S: return packIq2S(gridIndex(type), b, out);
    case StorageId::kIq3Xxs: return packIq3Xxs(gridIndex(type), b, out);
    case StorageId::kIq3S: return packIq3S(gridIndex(type), b, out);
    case StorageId::kIq1S: return packIq1S(gridIndex(type), b, out);
    case StorageId::kIq1M: return packIq1M(gridIndex(type), b, out);
    default: return;
  }
}

}  // namespace dots
