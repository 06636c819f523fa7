#include "storage.h"

namespace dots {

static const StorageInfo kTypes[] = {
    {StorageId::kF32, "f32", 1, 4, Activation::kF32},
    {StorageId::kF16, "f16", 1, 2, Activation::kF32},
    {StorageId::kQ4_0, "q4_0", 32, 18, Activation::kQ32},
    {StorageId::kQ4_1, "q4_1", 32, 20, Activation::kQ32},
    {StorageId::kQ5_0, "q5_0", 32, 22, Activation::kQ32},
    {StorageId::kQ5_1, "q5_1", 32, 24, Activation::kQ32},
    {StorageId::kQ8_0, "q8_0", 32, 34, Activation::kQ32},
    {StorageId::kQ2K, "q2_k", 256, 84, Activation::kQ256},
    {StorageId::kQ3K, "q3_k", 256, 110, Activation::kQ256},
    {StorageId::kQ4K, "q4_k", 256, 144, Activation::kQ256},
    {StorageId::kQ5K, "q5_k", 256, 176, Activation::kQ256},
    {StorageId::kQ6K, "q6_k", 256, 210, Activation::kQ256},
    {StorageId::kIq2Xxs, "iq2_xxs", 256, 66, Activation::kQ256},
    {StorageId::kIq2Xs, "iq2_xs", 256, 74, Activation::kQ256},
    {StorageId::kIq3Xxs, "iq3_xxs", 256, 98, Activation::kQ256},
    {StorageId::kIq1S, "iq1_s", 256, 50, Activation::kQ256},
    {StorageId::kIq4Nl, "iq4_nl", 32, 18, Activation::kQ32},
    {StorageId::kIq3S, "iq3_s", 256, 110, Activation::kQ256},
    {StorageId::kIq2S, "iq2_s", 256, 82, Activation::kQ256},
    {StorageId::kIq4Xs, "iq4_xs", 256, 136, Activation::kQ256},
    {StorageId::kIq1M, "iq1_m", 256, 56, Activation::kQ256},
    {StorageId::kBf16, "bf16", 1, 2, Activation::kF32},
    {StorageId::kTq1_0, "tq1_0", 256, 54, Activation::kQ256},
    {StorageId::kTq2_0, "tq2_0", 256, 66, Activation::kQ256},
    {StorageId::kMxfp4, "mxfp4", 32, 17, Activation::kQ32},
    {StorageId::kNvfp4, "nvfp4", 64, 36, Activation::kQ32},
    {StorageId::kF32, nullptr, 0, 0, Activation::kF32},
};

const StorageInfo* allStorageTypes() { return kTypes; }

const StorageInfo* storageInfo(int32_t ggufType) {
  for (const StorageInfo* info = kTypes; info->name; ++info)
    if (static_cast<int32_t>(info->id) == ggufType) return info;
  return nullptr;
}

const StorageInfo* storageInfo(StorageId id) { return storageInfo(static_cast<int32_t>(id)); }

int64_t storedBytes(const StorageInfo& storage, int64_t count) {
  return count / storage.blockElements * storage.blockBytes;
}

}  // namespace dots
