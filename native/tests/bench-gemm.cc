// Speed of the training products against the machine's peak of f32 multiply-adds, measured in the same run. Shapes are
// those of the two configurations that training is measured on: 16 experts of 192 with 4 chosen, 64 of 96 with 6
// chosen.
//
//   bench-gemm [isa] [threads]
#include <algorithm>
#include <chrono>
#include <cstdlib>
#include <ctime>
#include <vector>

#include "each-isa.h"
#include "kernels/gemm.h"

using namespace dots;

// With one thread, processor time: what a neighbour takes is not counted, so kernels can be compared on a busy machine.
static bool processorTime = false;
static double now() {
  if (processorTime) return static_cast<double>(std::clock()) / CLOCKS_PER_SEC;
  return std::chrono::duration<double>(std::chrono::steady_clock::now().time_since_epoch()).count();
}

template <class F>
static double bestSeconds(F f) {
  f();
  double best = 1e9;
  for (int i = 0; i < 7; ++i) {
    const double start = now();
    f();
    best = std::min(best, now() - start);
  }
  return best;
}

int main(int argc, char** argv) {
  Isa isa = bestIsa();
  if (argc > 1 && !findIsa(argv[1], &isa)) return std::printf("this machine cannot run %s\n", argv[1]), 1;
  const int numThreads = argc > 2 ? std::atoi(argv[2]) : 2;
  processorTime = numThreads == 1;
  Device device(isa, numThreads);
  const auto measurePeak = [&] {
    std::vector<float> sinks(static_cast<size_t>(numThreads) * 1024);
    double multiplies = 0;
    const double seconds = bestSeconds([&] {
      std::vector<int64_t> done(static_cast<size_t>(numThreads));
      device.pool.parallelFor(numThreads, [&](int64_t i, int) {
        done[static_cast<size_t>(i)] = device.kernels.multiplyFloats(1 << 19, sinks.data() + i * 1024);
      });
      multiplies = 0;
      for (int64_t count : done) multiplies += static_cast<double>(count);
    });
    return multiplies / seconds;
  };
  double peak = measurePeak();
  std::printf("%s, %d threads, peak %.1f G multiply-adds/s\n", isaName(isa), numThreads, peak / 1e9);
  std::printf("%-44s %20s %20s %20s\n", "", "y = x W'", "dW += dy' x", "dx = dy W");

  const struct {
    const char* name;
    int64_t numTokens, rows, cols;
    int numExperts;
  } shapes[] = {
      {"attention projection, D 256", 4096, 256, 256, 1},
      {"attention projection, D 512", 4096, 512, 512, 1},
      {"shared expert, F 384, D 512", 4096, 384, 512, 1},
      {"16 experts of 192, D 256, 4 of them", 16384, 192, 256, 16},
      {"16 experts of 192, D 512, 4 of them", 16384, 192, 512, 16},
      {"64 experts of 96, D 256, 6 of them", 24576, 96, 256, 64},
      {"64 experts of 96, D 512, 6 of them", 24576, 96, 512, 64},
      {"vocabulary 8192, D 256, 512 rows", 512, 8192, 256, 1},
      {"vocabulary 16384, D 384, 512 rows", 512, 16384, 384, 1},
  };
  GemmScratch scratch;
  TestRandom random(1);
  for (const auto& shape : shapes) {
    std::vector<float> x(static_cast<size_t>(shape.numTokens * shape.cols)),
        dy(static_cast<size_t>(shape.numTokens * shape.rows));
    std::vector<float> w(static_cast<size_t>(shape.numExperts * shape.rows * shape.cols)), dw(w.size());
    for (float& value : x) value = random.normal();
    for (float& value : dy) value = random.normal();
    for (float& value : w) value = random.normal();
    std::vector<int32_t> offsets{0}, rows;
    std::vector<std::vector<int32_t>> ofExpert(static_cast<size_t>(shape.numExperts));
    for (int64_t i = 0; i < shape.numTokens; ++i)
      ofExpert[static_cast<size_t>(random.below(shape.numExperts))].push_back(static_cast<int32_t>(i));
    for (const auto& list : ofExpert) {
      rows.insert(rows.end(), list.begin(), list.end());
      offsets.push_back(static_cast<int32_t>(rows.size()));
    }
    const bool isGrouped = shape.numExperts > 1;
    const int32_t* order = isGrouped ? rows.data() : nullptr;
    const int32_t* groups = isGrouped ? offsets.data() : nullptr;
    RowsProduct forward;
    forward.x = {x.data(), shape.cols, order};
    forward.numTokens = shape.numTokens;
    forward.offsets = groups;
    forward.numExperts = shape.numExperts;
    forward.weights = w.data();
    forward.rows = shape.rows;
    forward.cols = shape.cols;
    forward.out = {dy.data(), shape.rows, order};
    RowsProduct backward = forward;
    backward.x = {dy.data(), shape.rows, order};
    backward.isTransposed = true;
    backward.out = {x.data(), shape.cols, order};
    WeightProduct weights;
    weights.gradient = {dy.data(), shape.rows, order};
    weights.x = {x.data(), shape.cols, order};
    weights.numTokens = shape.numTokens;
    weights.offsets = groups;
    weights.numExperts = shape.numExperts;
    weights.rows = shape.rows;
    weights.cols = shape.cols;
    weights.out = dw.data();
    weights.isAdded = true;
    // Clocks change under load, so the peak is measured with every row.
    peak = measurePeak();
    const double macs = static_cast<double>(shape.numTokens * shape.rows * shape.cols);
    std::printf("%-44s", shape.name);
    const auto report = [&](double seconds) {
      std::printf("  %8.1f G (%3.0f %%)", macs / seconds / 1e9, 100 * macs / seconds / peak), std::fflush(stdout);
    };
    report(bestSeconds([&] { multiplyRows(forward, device, scratch); }));
    report(bestSeconds([&] { multiplyWeights(weights, device, scratch); }));
    report(bestSeconds([&] { multiplyRows(backward, device, scratch); }));
    std::printf("\n");
  }
  return 0;
}
