#include "decode-row.h"

#include "stored-block.h"

namespace dots {

bool decodeRow(StorageId type, const uint8_t* row, int64_t count, float* out) {
  const StorageInfo* info = storageInfo(type);
  if (!info) return false;
  if (info->activation == Activation::kF32) {
    for (int64_t k = 0; k < count; ++k) {
      const uint32_t bf16 = type == StorageId::kBf16 ? static_cast<uint32_t>(storedU16(row + 2 * k)) << 16 : 0;
      if (type == StorageId::kF32)
        memcpy(out + k, row + 4 * k, 4);
      else if (type == StorageId::kBf16)
        memcpy(out + k, &bf16, 4);
      else
        out[k] = storedF16(row + 2 * k);
    }
    return true;
  }
  for (int64_t k = 0; k < count;) {
    const int64_t block = k / info->blockElements, inside = k % info->blockElements;
    const int part = type == StorageId::kNvfp4 ? static_cast<int>(inside / 16) : 0;
    const StoredBlock o = readStoredBlock(type, row + block * info->blockBytes, part);
    for (int i = 0; i < o.count; ++i)
      out[k + i] = o.d * static_cast<float>(o.whole[i]) - o.dmin * static_cast<float>(o.min[i]);
    k += o.count;
  }
  return true;
}

}  // namespace dots
