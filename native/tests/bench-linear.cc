// Speed of the matrix kernels against this machine's limits: read bandwidth, and the peak of the instruction that does
// the multiplying. Shapes are those of a 3.5B model of the dots1 architecture (width 2048, experts of 704).
//
//   bench-linear [isa] [threads] [type...]
#include <algorithm>
#include <chrono>
#include <cstdlib>
#include <ctime>
#include <string>
#include <vector>

#include "each-isa.h"
#include "kernels/linear.h"
#include "large-memory.h"

using namespace dots;

// With one thread, processor time: what a neighbour takes is not counted, so kernels can be compared on a busy machine.
static bool processorTime = false;
static double now() {
  if (processorTime) return static_cast<double>(std::clock()) / CLOCKS_PER_SEC;
  return std::chrono::duration<double>(std::chrono::steady_clock::now().time_since_epoch()).count();
}

// Median and best seconds of several runs.
struct Times {
  double median, best;
};
template <class F>
static Times timeIt(F f, int runs) {
  std::vector<double> seconds;
  f();
  for (int i = 0; i < runs; ++i) {
    const double start = now();
    f();
    seconds.push_back(now() - start);
  }
  std::sort(seconds.begin(), seconds.end());
  return {seconds[seconds.size() / 2], seconds[0]};
}

static uint64_t sink;

static double readBandwidth(const LargeMemory& memory, Device& device) {
  const int64_t chunk = 1 << 18, chunks = memory.sizeBytes() / chunk;
  const Times t = timeIt(
      [&] {
        std::vector<uint64_t> sums(static_cast<size_t>(device.pool.numThreads()) * 16);
        device.pool.parallelFor(chunks, [&](int64_t c, int thread) {
          sums[static_cast<size_t>(thread) * 16] += device.kernels.readBytes(memory.data() + c * chunk, chunk);
        });
        for (uint64_t s : sums) sink += s;
      },
      7);
  return static_cast<double>(memory.sizeBytes()) / t.best / 1e9;
}

int main(int argc, char** argv) {
  Isa isa = bestIsa();
  if (argc > 1 && !findIsa(argv[1], &isa)) return std::printf("this machine cannot run %s\n", argv[1]), 1;
  Device device(isa, argc > 2 ? std::atoi(argv[2]) : 2);
  const int numThreads = device.pool.numThreads();
  processorTime = numThreads == 1;
  // More memory than any cache holds: decode walks through it, so that every multiplication reads fresh rows.
  // On huge pages, as files are mapped where the file system has them.
  LargeMemory memory;
  if (!memory.allocate(int64_t{384} << 20)) return 1;
  TestRandom random(1);
  for (int64_t i = 0; i < memory.sizeBytes(); i += 8) {
    // Every 16 bits have the exponent of an ordinary float: subnormal ones would slow the processor, not the kernel.
    const uint64_t bits = (random.next() & 0x83ff83ff83ff83ffull) | 0x3c003c003c003c00ull;
    memcpy(memory.data() + i, &bits, 8);
  }
  const double bandwidth = readBandwidth(memory, device);
  std::printf("%s, %d threads, reads %.1f GB/s\n", isaName(isa), numThreads, bandwidth);
  std::printf("%-8s %22s %18s %18s %18s %18s\n", "", "1 token: GB/s (share)", "cached: GB/s", "2 tokens: GB/s",
              "8 tokens: Gmac/s", "512 tokens: Gmac/s");

  uint8_t* const scratch =
      static_cast<uint8_t*>(std::aligned_alloc(64, static_cast<size_t>(linearScratchBytes(numThreads))));
  for (const StorageInfo* info = allStorageTypes(); info->name; ++info) {
    if (argc > 3 && std::none_of(argv + 3, argv + argc, [&](const char* a) { return std::string(a) == info->name; }))
      continue;
    const int64_t rows = 2048, cols = info->blockElements == 32 ? 704 : 2048, tokens = 512;
    const int64_t xBytes = activationRowBytes(info->activation, cols);
    uint8_t* const x = static_cast<uint8_t*>(std::aligned_alloc(64, static_cast<size_t>(xBytes * tokens)));
    std::vector<float> xf(static_cast<size_t>(tokens * cols)), out(static_cast<size_t>(tokens * rows));
    for (float& v : xf) v = random.normal();
    if (info->activation == Activation::kF32)
      memcpy(x, xf.data(), xf.size() * 4);
    else
      quantizeActivations(info->activation, xf.data(), cols, tokens, cols, x, device);
    LinearJob job;
    job.weights.data = memory.data();
    job.weights.type = info->id;
    job.weights.rows = job.ldOut = rows;
    job.weights.cols = cols;
    job.x = x;
    job.xRowBytes = xBytes;
    job.numTokens = 1;
    job.out = out.data();
    const int64_t matrixBytes = rows * weightRowBytes(job.weights);
    const int64_t matrices = memory.sizeBytes() / matrixBytes;
    std::printf("%-8s", info->name);
    for (int64_t t : {1, 2, 8, 512}) {
      job.numTokens = t;
      const int64_t count = t <= 2 ? matrices : t == 8 ? std::min<int64_t>(matrices, 64) : 1;
      int64_t next = 0;
      const Times time = timeIt(
          [&] {
            for (int64_t i = 0; i < count; ++i) {
              job.weights.data = memory.data() + (next++ % matrices) * matrixBytes;
              linear(&job, 1, device, scratch);
            }
          },
          t <= 2 ? 5 : 9);
      const double bytes = static_cast<double>(matrixBytes * count),
                   macs = static_cast<double>(rows * cols * t * count);
      if (t == 1) {
        std::printf("  %8.1f %8.1f (%3.0f %%)", bytes / time.median / 1e9, bytes / time.best / 1e9,
                    100 * bytes / time.best / 1e9 / bandwidth);
        // The same rows again and again, out of the second-level cache: what the kernel could do with faster memory.
        LinearJob cached = job;
        cached.weights.rows = 128;
        const Times warm = timeIt(
            [&] {
              for (int i = 0; i < 100; ++i) linear(&cached, 1, device, scratch);
            },
            9);
        const double warmBytes = 100.0 * 128 * static_cast<double>(weightRowBytes(job.weights));
        std::printf("  %8.1f %8.1f", warmBytes / warm.median / 1e9, warmBytes / warm.best / 1e9);
      }
      if (t == 2) std::printf("  %8.1f %8.1f", bytes / time.median / 1e9, bytes / time.best / 1e9);
      if (t > 2) std::printf("  %8.1f %8.1f", macs / time.median / 1e9, macs / time.best / 1e9);
      std::fflush(stdout);
    }
    std::printf("\n");
    std::free(x);
  }
  std::free(scratch);
  return sink == 42 ? 1 : 0;
}
