#include "memory.h"

#include <cstdlib>

namespace dots {

bool (*mayAllocate)(int64_t sizeBytes) = nullptr;

void* allocateBytes(int64_t sizeBytes) {
  if (sizeBytes < 0 || static_cast<uint64_t>(sizeBytes) > SIZE_MAX / 2 || isRefused(sizeBytes)) return nullptr;
  return std::malloc(sizeBytes > 0 ? static_cast<size_t>(sizeBytes) : 1);
}

void freeBytes(void* bytes) { std::free(bytes); }

}  // namespace dots
