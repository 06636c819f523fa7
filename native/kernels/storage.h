// The storage types a weight can have: GGUF's type numbers, their block sizes, and the form of activations for them.
#pragma once

#include <cstdint>

namespace dots {

/// Values are GGUF's tensor type numbers.
enum class StorageId : int32_t {
  kF32 = 0,
  kF16 = 1,
  kQ4_0 = 2,
  kQ4_1 = 3,
  kQ5_0 = 6,
  kQ5_1 = 7,
  kQ8_0 = 8,
  kQ2K = 10,
  kQ3K = 11,
  kQ4K = 12,
  kQ5K = 13,
  kQ6K = 14,
  kIq2Xxs = 16,
  kIq2Xs = 17,
  kIq3Xxs = 18,
  kIq1S = 19,
  kIq4Nl = 20,
  kIq3S = 21,
  kIq2S = 22,
  kIq4Xs = 23,
  kIq1M = 29,
  kBf16 = 30,
  kTq1_0 = 34,
  kTq2_0 = 35,
  kMxfp4 = 39,
  kNvfp4 = 40,
  kQ1_0 = 41,  // encoded only: no kernels
};

/// What a row of activations is converted to before it is multiplied by weights of some type.
enum class Activation : int32_t {
  kF32 = 0,   // used as it is
  kQ32 = 1,   // int8 with one f32 scale per 32 elements
  kQ256 = 2,  // int8 with one f32 scale per 256 elements
};

struct StorageInfo {
  StorageId id;
  const char* name;
  int32_t blockElements;
  int32_t blockBytes;
  Activation activation;
};

/// nullptr for a number that is not a storage type of weights.
const StorageInfo* storageInfo(int32_t ggufType);
/// Bytes of so many weights; count divides into blocks.
int64_t storedBytes(const StorageInfo& storage, int64_t count);
const StorageInfo* storageInfo(StorageId id);

/// All of them, in the order of their numbers; ends with a null name.
const StorageInfo* allStorageTypes();

}  // namespace dots
