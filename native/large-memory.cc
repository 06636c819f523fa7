#include "large-memory.h"

#include <sys/mman.h>

namespace dots {
namespace {

constexpr int64_t kHugePage = 2 << 20;

}  // namespace

bool LargeMemory::allocate(int64_t sizeBytes) {
  release();
  if (sizeBytes < 0 || sizeBytes > INT64_MAX / 2) return false;
  const bool isHuge = sizeBytes >= 2 * kHugePage;
  const int64_t mappedBytes = sizeBytes + (isHuge ? kHugePage : 0) + 64;
  void* const mapped =
      mmap(nullptr, static_cast<size_t>(mappedBytes), PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
  if (mapped == MAP_FAILED) return false;
  mapped_ = mapped;
  mappedBytes_ = mappedBytes;
  sizeBytes_ = sizeBytes;
  data_ = static_cast<uint8_t*>(mapped);
  if (!isHuge) return true;
  data_ += (kHugePage - reinterpret_cast<uintptr_t>(mapped) % kHugePage) % kHugePage;
#if defined(MADV_HUGEPAGE)
  // A wish: where it is not granted, everything works on small pages.
  madvise(data_, static_cast<size_t>(sizeBytes / kHugePage * kHugePage), MADV_HUGEPAGE);
#endif
  return true;
}

void LargeMemory::release() {
  if (mapped_) munmap(mapped_, static_cast<size_t>(mappedBytes_));
  mapped_ = nullptr;
  data_ = nullptr;
  sizeBytes_ = mappedBytes_ = 0;
}

}  // namespace dots
