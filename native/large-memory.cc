#include "large-memory.h"

#include "host.h"
#include "memory.h"

namespace dots {

using host::kLargePageBytes;

bool LargeMemory::allocate(int64_t sizeBytes) {
  release();
  if (sizeBytes < 0 || sizeBytes > INT64_MAX / 2 || isRefused(sizeBytes)) return false;
  const bool isLarge = sizeBytes >= 2 * kLargePageBytes;
  const int64_t reservedBytes = sizeBytes + (isLarge ? kLargePageBytes : 0) + 64;
  reserved_ = host::reserveMemory(reservedBytes, false);
  if (!reserved_) return false;
  reservedBytes_ = reservedBytes;
  sizeBytes_ = sizeBytes;
  data_ = reserved_;
  if (!isLarge) return true;
  data_ += (kLargePageBytes - reinterpret_cast<uintptr_t>(reserved_) % kLargePageBytes) % kLargePageBytes;
  host::preferLargePages(data_, sizeBytes / kLargePageBytes * kLargePageBytes);
  return true;
}

void LargeMemory::release() {
  if (reserved_) host::releaseMemory(reserved_, reservedBytes_);
  reserved_ = data_ = nullptr;
  sizeBytes_ = reservedBytes_ = 0;
}

}  // namespace dots
