#include "machine-limits.h"

#include <algorithm>
#include <atomic>
#include <cstring>

#include "host.h"
#include "large-memory.h"

namespace dots {
namespace {

/// At least this much is read, and four times what the largest cache holds, but no more than a gigabyte.
constexpr int64_t kLeastMemoryBytes = int64_t{256} << 20;
constexpr int64_t kMostMemoryBytes = int64_t{1} << 30;
constexpr int64_t kChunkBytes = int64_t{1} << 20;
/// With other work on the machine the best try comes late, so tries continue for this long, and there are at least a
/// few.
constexpr double kSecondsEach = 0.2;
constexpr int kLeastTries = 3;
/// A multiplying chunk is made to last about this long, whatever the instruction set.
constexpr double kChunkSeconds = 0.0005;
constexpr int64_t kChunks = 16;

int64_t memoryBytes() {
  const int64_t wanted = 4 * host::cacheBytes() / kChunkBytes * kChunkBytes;
  return std::min(kMostMemoryBytes, std::max(kLeastMemoryBytes, wanted));
}

/// The best of several tries of something that returns how much it did, per second.
template <class Try>
double bestRate(Try once) {
  double best = 0;
  const double begin = host::seconds();
  for (int i = 0; i < kLeastTries || host::seconds() - begin < kSecondsEach; ++i) {
    const double start = host::seconds();
    const double done = once();
    best = std::max(best, done / (host::seconds() - start));
  }
  return best;
}

double readRate(const uint8_t* memory, int64_t sizeBytes, Device& device) {
  std::atomic<uint64_t> sink{0};
  return bestRate([&] {
    device.pool.parallelFor(sizeBytes / kChunkBytes, [&](int64_t chunk, int) {
      sink.fetch_xor(device.kernels.readBytes(memory + chunk * kChunkBytes, kChunkBytes), std::memory_order_relaxed);
    });
    return static_cast<double>(sizeBytes);
  });
}

template <class Kernel>
double multiplyRate(ThreadPool& pool, Kernel kernel) {
  int64_t rounds = 16;
  for (double taken = 0; taken < kChunkSeconds; rounds *= 2) {
    const double start = host::seconds();
    kernel(rounds);
    taken = host::seconds() - start;
  }
  return bestRate([&] {
    std::atomic<int64_t> done{0};
    pool.parallelFor(kChunks, [&](int64_t, int) { done.fetch_add(kernel(rounds), std::memory_order_relaxed); });
    return static_cast<double>(done.load());
  });
}

}  // namespace

bool measureLimits(Device& device, Limits* limits, Error* error) {
  const int64_t sizeBytes = memoryBytes();
  // Huge pages, from which a third more comes than from small ones: weights can lie in them (host-posix-files.cc).
  LargeMemory memory;
  if (!memory.allocate(sizeBytes))
    return fail(error, ErrorKind::kResource, "out of memory for measuring how fast it is");
  ThreadPool& pool = device.pool;
  // Memory that was never written is one page of zeros that stays in the cache.
  pool.parallelFor(sizeBytes / kChunkBytes, [&](int64_t chunk, int) {
    std::memset(memory.data() + chunk * kChunkBytes, static_cast<int>(chunk) + 1, kChunkBytes);
  });
  limits->readBytesPerSecond = readRate(memory.data(), sizeBytes, device);
  memory.release();
  limits->floatMultipliesPerSecond = multiplyRate(pool, [&](int64_t rounds) {
    float sink = 0;
    return device.kernels.multiplyFloats(rounds, &sink);
  });
  limits->byteMultipliesPerSecond = multiplyRate(pool, [&](int64_t rounds) {
    int32_t sink = 0;
    return device.kernels.multiplyBytes(rounds, &sink);
  });
  return true;
}

}  // namespace dots
