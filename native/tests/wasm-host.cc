// What host-wasm.cc grants and what it refuses.
#include <cstdint>
#include <cstring>

#include "check.h"
#include "host.h"
#include "large-memory.h"
#include "mapping.h"

namespace dots {
namespace {

void memoryIsZeroAndAligned() {
  constexpr int64_t kSizeBytes = 100000;
  for (int round = 0; round < 2; ++round) {
    uint8_t* const memory = host::reserveMemory(kSizeBytes, round == 1);
    CHECK(memory != nullptr && reinterpret_cast<uintptr_t>(memory) % 4096 == 0, "round %d", round);
    if (!memory) return;
    int64_t numSet = 0;
    for (int64_t i = 0; i < kSizeBytes; ++i) numSet += memory[i] != 0;
    CHECK(numSet == 0, "round %d: %d bytes are not zero", round, static_cast<int>(numSet));
    std::memset(memory, 255, kSizeBytes);
    host::releaseMemory(memory, kSizeBytes);
  }
}

// 2^32 + 64 is 64 in 32 bits.
void memoryThatCannotBeAddressedIsRefused() {
  for (const int64_t sizeBytes : {int64_t{-1}, int64_t{INT32_MAX}, (int64_t{1} << 32) + 64, int64_t{1} << 40}) {
    CHECK(host::reserveMemory(sizeBytes, true) == nullptr, "%lld bytes", static_cast<long long>(sizeBytes));
    LargeMemory memory;
    CHECK(!memory.allocate(sizeBytes), "%lld bytes", static_cast<long long>(sizeBytes));
  }
}

void filesAndThreadsAreRefused() {
  Error error;
  CHECK(Mapping::open("model.gguf", &error) == nullptr, "%s", "a mapping");
  CHECK(error.kind() == ErrorKind::kUnsupported && std::strstr(error.message(), "model.gguf"), "%s", error.message());
  host::Thread thread;
  CHECK(!host::startThread([](void*) {}, nullptr, &thread), "%s", "a thread");
}

void theClockRuns() {
  const double begin = host::seconds();
  double now = begin;
  for (int i = 0; i < 10000000 && now == begin; ++i) now = host::seconds();
  CHECK(now > begin, "%g", now);
}

}  // namespace
}  // namespace dots

int main() {
  dots::memoryIsZeroAndAligned();
  dots::memoryThatCannotBeAddressedIsRefused();
  dots::filesAndThreadsAreRefused();
  dots::theClockRuns();
  return dots::finishTests("wasm-host");
}
