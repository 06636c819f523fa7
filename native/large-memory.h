// Memory for what is large and read in many places at once: on huge pages where the system has them.
//
// Experts' rows lie all over some ten megabytes. With pages of 4 KB every few rows cost a walk through the page table,
// and in a virtual machine a walk through two.
#pragma once

#include <cstdint>

namespace dots {

class LargeMemory {
 public:
  LargeMemory() = default;
  ~LargeMemory() { release(); }
  LargeMemory(const LargeMemory&) = delete;
  LargeMemory& operator=(const LargeMemory&) = delete;

  /// 64-byte aligned memory, zero where it is fresh; what was there before is gone. False, with nothing held, if there
  /// is none.
  bool allocate(int64_t sizeBytes);
  void release();
  uint8_t* data() const { return data_; }
  int64_t sizeBytes() const { return sizeBytes_; }

 private:
  uint8_t* data_ = nullptr;
  int64_t sizeBytes_ = 0;
  uint8_t* reserved_ = nullptr;
  int64_t reservedBytes_ = 0;
};

}  // namespace dots
