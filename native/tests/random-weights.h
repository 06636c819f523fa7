// Stored weights of every storage type, for tests.
#pragma once

#include <cstdint>
#include <cstring>
#include <vector>

#include "check.h"
#include "kernels/storage.h"

namespace dots {

inline uint16_t smallHalf(TestRandom& random) { return static_cast<uint16_t>(random.next() & 0x83ff) | 0x1c00; }

// Random codes with scales of ordinary size, so that sums stay finite.
inline std::vector<uint8_t> randomWeights(StorageId type, int64_t rows, int64_t cols, TestRandom& random) {
  const StorageInfo* info = storageInfo(type);
  const int64_t blocks = rows * cols / info->blockElements;
  std::vector<uint8_t> w(static_cast<size_t>(blocks * info->blockBytes));
  random.fillBytes(w.data(), static_cast<int64_t>(w.size()));
  auto half = [&](uint8_t* p) {
    const uint16_t h = smallHalf(random);
    memcpy(p, &h, 2);
  };
  for (int64_t i = 0; i < blocks; ++i) {
    uint8_t* b = &w[static_cast<size_t>(i * info->blockBytes)];
    switch (type) {
      case StorageId::kF32: {
        const float v = random.normal();
        memcpy(b, &v, 4);
        break;
      }
      case StorageId::kF16: half(b); break;
      case StorageId::kBf16: b[1] = static_cast<uint8_t>((b[1] & 0x80) | 0x3d); break;
      case StorageId::kQ2K:
        half(b + 80);
        half(b + 82);
        break;
      case StorageId::kQ3K: half(b + 108); break;
      case StorageId::kQ6K: half(b + 208); break;
      case StorageId::kTq1_0: half(b + 52); break;
      case StorageId::kTq2_0: half(b + 64); break;
      case StorageId::kIq1M: b[55] = static_cast<uint8_t>((b[55] & 0x8f) | 0x10); break;
      case StorageId::kMxfp4: b[0] = static_cast<uint8_t>(i < 3 ? i : 110 + (b[0] & 15)); break;
      case StorageId::kNvfp4: break;
      case StorageId::kQ4_1:
      case StorageId::kQ5_1:
      case StorageId::kQ4K:
      case StorageId::kQ5K:
        half(b);
        half(b + 2);
        break;
      default: half(b);
    }
  }
  return w;
}

}  // namespace dots
