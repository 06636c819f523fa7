// The machine's limits on each instruction set: GB/s read, f32 and 8-bit multiply-adds in G/s.
//
//   bench-limits [threads]
#include <cstdio>
#include <cstdlib>

#include "machine-limits.h"

int main(int argc, char** argv) {
  using namespace dots;
  const int most = argc > 1 ? std::atoi(argv[1]) : 2;
  for (const Isa isa : kAllIsas) {
    if (!isaSupported(isa)) continue;
    for (int numThreads = 1; numThreads <= most; ++numThreads) {
      Limits limits;
      Error error;
      Device device(isa, numThreads);
      if (!measureLimits(device, &limits, &error)) return std::printf("%s\n", error.message()), 1;
      std::printf("%-8s %d threads: reads %5.1f GB/s, f32 %6.1f G/s, 8-bit %7.1f G/s\n", isaName(isa), numThreads,
                  limits.readBytesPerSecond / 1e9, limits.floatMultipliesPerSecond / 1e9,
                  limits.byteMultipliesPerSecond / 1e9);
    }
  }
  return 0;
}
