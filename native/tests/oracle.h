// The canonical sum of an output element (docs/numerics.md), written as plainly as possible.
#pragma once

#include <cmath>
#include <cstdint>
#include <cstring>
#include <vector>

#include "kernels/stored-block.h"

namespace dots {

// An activation row, quantised as quantize-rows.h says.
struct OracleRow {
  std::vector<int> q;
  std::vector<float> d;
};
inline OracleRow oracleQuantize(Activation kind, const float* x, int64_t cols) {
  OracleRow row;
  const int block = kind == Activation::kQ256 ? 256 : 32;
  for (int64_t k = 0; k < cols; k += block) {
    float amax = 0;
    for (int i = 0; i < block; ++i) amax = std::fmax(amax, std::fabs(x[k + i]));
    const bool zero = amax < 1e-30f;
    const float inverse = zero ? 0.0f : 127.0f / amax;
    row.d.push_back(zero ? 0.0f : amax / 127.0f);
    for (int i = 0; i < block; ++i) row.q.push_back(static_cast<int>(std::nearbyint(x[k + i] * inverse)));
  }
  return row;
}

inline float oracleDot(StorageId type, const uint8_t* w, const float* xf, const OracleRow& x, int64_t cols) {
  const StorageInfo* info = storageInfo(type);
  if (info->activation == Activation::kF32) {
    float total = 0;
    for (int64_t k0 = 0; k0 < cols; k0 += 64) {
      float sum = 0;
      for (int64_t k = k0; k < cols && k < k0 + 64; ++k) {
        float v;
        const uint32_t bf16 = type == StorageId::kBf16 ? static_cast<uint32_t>(storedU16(w + 2 * k)) << 16 : 0;
        if (type == StorageId::kF32)
          memcpy(&v, w + 4 * k, 4);
        else if (type == StorageId::kBf16)
          memcpy(&v, &bf16, 4);
        else
          v = storedF16(w + 2 * k);
        sum = std::fma(v, xf[k], sum);
      }
      total += sum;
    }
    return total;
  }
  const int perScale = info->activation == Activation::kQ256 ? 256 : 32;
  float acc = 0;
  for (int64_t k = 0; k < cols;) {
    const int64_t block = k / info->blockElements, inside = k % info->blockElements;
    const int part = type == StorageId::kNvfp4 ? static_cast<int>(inside / 16) : 0;
    const StoredBlock o = readStoredBlock(type, w + block * info->blockBytes, part);
    int64_t isum = 0, imin = 0;
    for (int i = 0; i < o.count; ++i) {
      isum += static_cast<int64_t>(o.whole[i]) * x.q[k + i];
      imin += static_cast<int64_t>(o.min[i]) * x.q[k + i];
    }
    const float dx = x.d[k / perScale];
    acc = std::fma(o.d * dx, static_cast<float>(static_cast<int32_t>(isum)), acc);
    const bool affine = type == StorageId::kQ4_1 || type == StorageId::kQ5_1 || type == StorageId::kQ2K ||
                        type == StorageId::kQ4K || type == StorageId::kQ5K;
    if (affine) acc = std::fma(-(o.dmin * dx), static_cast<float>(static_cast<int32_t>(imin)), acc);
    k += o.count;
  }
  return acc;
}

}  // namespace dots
