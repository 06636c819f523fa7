// A stored block taken apart element by element, straight from the format's formulas. Slow and plain: it decodes
// embedding rows, and the tests compare the kernels with it. Shares nothing with them but the codebooks.
#pragma once

#include <cmath>
#include <cstdint>
#include <cstring>

#include "codebooks.h"
#include "storage.h"

namespace dots {

inline float storedF16(const uint8_t* p) {
  const int h = p[0] | p[1] << 8, exponent = (h >> 10) & 31, mantissa = h & 1023;
  const float magnitude = exponent == 31  ? (mantissa ? NAN : INFINITY)
                          : exponent == 0 ? std::ldexp(static_cast<float>(mantissa), -24)
                                          : std::ldexp(static_cast<float>(mantissa + 1024), exponent - 25);
  return h & 0x8000 ? -magnitude : magnitude;
}
inline uint32_t storedU32(const uint8_t* p) {
  return p[0] | p[1] << 8 | p[2] << 16 | static_cast<uint32_t>(p[3]) << 24;
}
inline int storedU16(const uint8_t* p) { return p[0] | p[1] << 8; }

// Up to 256 elements that share a float scale: a weight is d * whole[i] - dmin * min[i].
struct StoredBlock {
  int count;
  float d, dmin;
  int whole[256], min[256];
};

inline int ksign(int code, int j) {
  const int bits = code | (__builtin_parity(code) << 7);
  return (bits >> j) & 1 ? -1 : 1;
}

// Part `part` of the stored block b; only NVFP4 has more than one float scale in a stored block.
inline StoredBlock readStoredBlock(StorageId type, const uint8_t* b, int part) {
  static const int kv[16] = {-127, -104, -83, -65, -49, -35, -22, -10, 1, 13, 25, 38, 53, 69, 89, 113};
  static const int f4[16] = {0, 1, 2, 3, 4, 6, 8, 12, 0, -1, -2, -3, -4, -6, -8, -12};
  StoredBlock o;
  memset(&o, 0, sizeof o);
  const StorageInfo* info = storageInfo(type);
  o.count = type == StorageId::kNvfp4 ? 16 : info->blockElements;
  o.d = storedF16(b);
  auto nibble = [](const uint8_t* qs, int i) { return (qs[i & 15] >> 4 * (i >> 4)) & 15; };
  for (int i = 0; i < o.count; ++i) {
    const int h = i >> 7, r = i & 127;
    int& w = o.whole[i];
    switch (type) {
      case StorageId::kQ4_0: w = nibble(b + 2, i) - 8; break;
      case StorageId::kQ4_1:
        w = nibble(b + 4, i);
        o.dmin = -storedF16(b + 2);
        o.min[i] = 1;
        break;
      case StorageId::kQ5_0: w = (nibble(b + 6, i) | ((storedU32(b + 2) >> i) & 1) << 4) - 16; break;
      case StorageId::kQ5_1:
        w = nibble(b + 8, i) | ((storedU32(b + 4) >> i) & 1) << 4;
        o.dmin = -storedF16(b + 2);
        o.min[i] = 1;
        break;
      case StorageId::kQ8_0: w = static_cast<int8_t>(b[2 + i]); break;
      case StorageId::kIq4Nl: w = kv[nibble(b + 2, i)]; break;
      case StorageId::kMxfp4:
        o.d = static_cast<float>(std::ldexp(1.0, b[0] - 128));
        w = f4[nibble(b + 1, i)];
        break;
      case StorageId::kNvfp4: {
        const int e = b[part], ex = (e >> 3) & 15, ma = e & 7;
        o.d = e == 0 || e == 0x7f ? 0.0f
              : ex == 0           ? std::ldexp(static_cast<float>(ma), -10)
                                  : std::ldexp(1.0f + static_cast<float>(ma) / 8, ex - 8);
        w = f4[(b[4 + 8 * part + (i & 7)] >> 4 * (i >> 3)) & 15];
        break;
      }
      case StorageId::kQ2K:
        o.d = storedF16(b + 80);
        o.dmin = storedF16(b + 82);
        w = ((b[16 + 32 * h + (r & 31)] >> 2 * (r >> 5)) & 3) * (b[i >> 4] & 15);
        o.min[i] = b[i >> 4] >> 4;
        break;
      case StorageId::kQ3K: {
        o.d = storedF16(b + 108);
        const int s = i >> 4;
        const uint8_t* scales = b + 96;
        const int q2 = (b[32 + 32 * h + (r & 31)] >> 2 * (r >> 5)) & 3, q = q2 - ((b[i & 31] >> (i >> 5)) & 1 ? 0 : 4);
        const int lo = (scales[s & 7] >> 4 * (s >> 3)) & 15, hi = (scales[8 + (s & 3)] >> 2 * (s >> 2)) & 3;
        w = ((lo | hi << 4) - 32) * q;
        break;
      }
      case StorageId::kQ4K:
      case StorageId::kQ5K: {
        o.dmin = storedF16(b + 2);
        const uint8_t* s6 = b + 4;
        const int s = i >> 5;
        const int scale = s < 4 ? s6[s] & 63 : (s6[s + 4] & 15) | ((s6[s - 4] >> 6) << 4);
        o.min[i] = s < 4 ? s6[s + 4] & 63 : (s6[s + 4] >> 4) | ((s6[s] >> 6) << 4);
        const uint8_t* qs = type == StorageId::kQ4K ? b + 16 : b + 48;
        int q = (qs[32 * (s >> 1) + (i & 31)] >> 4 * (s & 1)) & 15;
        if (type == StorageId::kQ5K) q |= ((b[16 + (i & 31)] >> s) & 1) << 4;
        w = scale * q;
        break;
      }
      case StorageId::kQ6K: {
        o.d = storedF16(b + 208);
        const int g = r >> 5, l = r & 31;
        const int lo = (b[64 * h + 32 * (g & 1) + l] >> 4 * (g >> 1)) & 15, hi = (b[128 + 32 * h + l] >> 2 * g) & 3;
        w = static_cast<int8_t>(b[192 + (i >> 4)]) * ((lo | hi << 4) - 32);
        break;
      }
      case StorageId::kTq1_0: {
        static const int power[5] = {1, 3, 9, 27, 81};
        o.d = storedF16(b + 52);
        const int n = i < 160 ? i / 32 : i < 240 ? (i - 160) / 16 : (i - 240) / 4;
        const int byte = i < 160 ? b[i % 32] : i < 240 ? b[32 + (i - 160) % 16] : b[48 + (i - 240) % 4];
        w = ((((byte * power[n]) & 255) * 3) >> 8) - 1;
        break;
      }
      case StorageId::kTq2_0:
        o.d = storedF16(b + 64);
        w = ((b[32 * h + (r & 31)] >> 2 * (r >> 5)) & 3) - 1;
        break;
      case StorageId::kIq4Xs: {
        const int s = i >> 5;
        const int ls = ((b[4 + (s >> 1)] >> 4 * (s & 1)) & 15) | ((storedU16(b + 2) >> 2 * s) & 3) << 4;
        w = (ls - 32) * kv[(b[8 + 16 * s + (i & 15)] >> 4 * ((i >> 4) & 1)) & 15];
        break;
      }
      case StorageId::kIq2Xxs: {
        const uint8_t* g = b + 2 + 8 * (i >> 5);
        const int l = (i >> 3) & 3;
        const uint32_t packed = storedU32(g + 4);
        o.d = storedF16(b) * 0.125f;
        w = static_cast<int>(2 * (packed >> 28) + 1) * ksign((packed >> 7 * l) & 127, i & 7) *
            gridIq2Xxs()[8 * g[l] + (i & 7)];
        break;
      }
      case StorageId::kIq2Xs: {
        const int v = storedU16(b + 2 + 2 * (i >> 3)), sc = (b[66 + (i >> 5)] >> 4 * ((i >> 4) & 1)) & 15;
        o.d = storedF16(b) * 0.125f;
        w = (2 * sc + 1) * ksign(v >> 9, i & 7) * gridIq2Xs()[8 * (v & 511) + (i & 7)];
        break;
      }
      case StorageId::kIq2S: {
        const int g = i >> 3, sc = (b[74 + (i >> 5)] >> 4 * ((i >> 4) & 1)) & 15;
        const int index = b[2 + g] | ((b[66 + (g >> 2)] >> 2 * (g & 3)) & 3) << 8;
        o.d = storedF16(b) * 0.125f;
        w = (2 * sc + 1) * ((b[34 + g] >> (i & 7)) & 1 ? -1 : 1) * gridIq2S()[8 * index + (i & 7)];
        break;
      }
      case StorageId::kIq3Xxs: {
        const uint32_t packed = storedU32(b + 66 + 4 * (i >> 5));
        o.d = storedF16(b) * 0.25f;
        w = static_cast<int>(2 * (packed >> 28) + 1) * ksign((packed >> 7 * ((i >> 3) & 3)) & 127, i & 7) *
            gridIq3Xxs()[4 * b[2 + (i >> 2)] + (i & 3)];
        break;
      }
      case StorageId::kIq3S: {
        const int g = i >> 2, s = i >> 5, sc = (b[106 + (s >> 1)] >> 4 * (s & 1)) & 15;
        const int index = b[2 + g] | ((b[66 + (g >> 3)] >> (g & 7)) & 1) << 8;
        w = (1 + 2 * sc) * ((b[74 + (i >> 3)] >> (i & 7)) & 1 ? -1 : 1) * gridIq3S()[4 * index + (i & 3)];
        break;
      }
      case StorageId::kIq1S: {
        const int g = i >> 3, packed = storedU16(b + 34 + 2 * (i >> 5));
        const int index = b[2 + g] | ((packed >> 3 * (g & 3)) & 7) << 8;
        o.d = storedF16(b) * 0.125f;
        w = (2 * ((packed >> 12) & 7) + 1) * (8 * gridIq1()[8 * index + (i & 7)] + (packed & 0x8000 ? -1 : 1));
        break;
      }
      case StorageId::kIq1M: {
        int s[4];
        for (int j = 0; j < 4; ++j) s[j] = storedU16(b + 48 + 2 * j);
        const int half = (s[0] >> 12) | ((s[1] >> 8) & 0xf0) | ((s[2] >> 4) & 0xf00) | (s[3] & 0xf000);
        const uint8_t bytes[2] = {static_cast<uint8_t>(half), static_cast<uint8_t>(half >> 8)};
        const int g = i >> 3, nb = (b[32 + (g >> 1)] >> 4 * (g & 1)) & 15, index = b[g] | (nb & 7) << 8;
        o.d = storedF16(bytes) * 0.125f;
        w = (2 * ((s[i >> 6] >> 3 * ((i >> 4) & 3)) & 7) + 1) *
            (8 * gridIq1()[8 * index + (i & 7)] + (nb & 8 ? -1 : 1));
        break;
      }
      default: break;
    }
  }
  return o;
}

}  // namespace dots
