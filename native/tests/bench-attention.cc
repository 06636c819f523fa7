// Attention's speed: GB/s of cells read for one token at depth, GFLOPS for prefills, on each instruction set.
//
//   bench-attention [threads] [heads] [headWidth]
//
// Layers are walked in turn over more memory than any cache holds, as a model does. Limits are measured in the same
// run: reading the same bytes with plain vector loads, and dependent-free FMA chains.
#include <algorithm>
#include <chrono>
#include <cstdlib>
#include <vector>

#include "kernels/kernels.h"
#include "tests/check.h"
#include "threads.h"

namespace dots {
namespace {

double seconds() { return std::chrono::duration<double>(std::chrono::steady_clock::now().time_since_epoch()).count(); }

struct Model {
  int numLayers, numHeads, headWidth;
  KvType type;
  std::vector<std::vector<uint8_t>> keys, values;
  std::vector<int32_t> pages;

  Model(int layers, int heads, int width, KvType kvType, int length)
      : numLayers(layers), numHeads(heads), headWidth(width), type(kvType) {
    const int numPages = (length + kPageSize - 1) / kPageSize;
    const size_t bytes = numPages * heads * kernelsFor(Isa::kPortable).headPageBytes(type, width);
    for (int i = 0; i < layers; ++i) {
      keys.emplace_back(bytes, 0x11);  // small finite numbers in every type of cell
      values.emplace_back(bytes, 0x11);
    }
    for (int i = 0; i < numPages; ++i) pages.push_back(i);
  }
  KvLayer layer(int i) {
    KvLayer layer;
    layer.type = type;
    layer.numHeads = numHeads;
    layer.headWidth = headWidth;
    layer.numPages = static_cast<int32_t>(pages.size());
    layer.keys = keys[i].data();
    layer.values = values[i].data();
    return layer;
  }
};

// One step of all layers for the positions begin...end-1.
double timeStep(Model& model, const Kernels& kernels, ThreadPool& pool, int begin, int end) {
  const int64_t T = end - begin, G = model.numHeads, width = G * model.headWidth;
  std::vector<int32_t> positions, sequences(T, 0), starts(T + 1);
  for (int p = begin; p < end; ++p) positions.push_back(p);
  KvStep step;
  step.numTokens = T;
  step.positions_T = positions.data();
  step.sequences_T = sequences.data();
  step.pages_BP = model.pages.data();
  step.numSequences = 1;
  step.pagesPerSequence = static_cast<int64_t>(model.pages.size());
  std::vector<float> q(T * width), k(T * width), v(T * width), y(T * width);
  TestRandom random(3);
  for (float& x : q) x = random.normal();
  for (float& x : k) x = random.normal();
  for (float& x : v) x = random.normal();
  const size_t scratch = kernels.attendWorkspaceBytes(model.headWidth) / 4 + 1;
  std::vector<float> workspace(scratch * pool.numThreads());
  const double start = seconds();
  for (int i = 0; i < model.numLayers; ++i) {
    const KvLayer layer = model.layer(i);
    kernels.writeKv(layer, step, k.data(), v.data(), 0, T * G);
    const int64_t numTiles = kernels.planAttention(step, G, G, starts.data());
    pool.parallelFor(numTiles * G, [&](int64_t item, int thread) {
      kernels.attend(layer, step, G, starts.data(), numTiles, q.data(), y.data(), workspace.data() + thread * scratch,
                     item, item + 1);
    });
  }
  return seconds() - start;
}

double median(std::vector<double> times) {
  std::sort(times.begin(), times.end());
  return times[times.size() / 2];
}

// Reading the cells and nothing else: the limit for one token.
double timeRead(Model& model, ThreadPool& pool) {
  const double start = seconds();
  std::vector<uint64_t> sums(16 * pool.numThreads());
  for (int i = 0; i < model.numLayers; ++i)
    for (const auto* cells : {&model.keys[i], &model.values[i]}) {
      const int64_t chunks = 2 * model.numHeads, each = static_cast<int64_t>(cells->size()) / chunks / 64;
      pool.parallelFor(chunks, [&](int64_t chunk, int thread) {
        const uint64_t* p = reinterpret_cast<const uint64_t*>(cells->data() + chunk * each * 64);
        uint64_t a[8] = {};
        for (int64_t line = 0; line < each; ++line)
          for (int word = 0; word < 8; ++word) a[word] += p[8 * line + word];
        for (uint64_t word : a) sums[16 * thread] += word;
      });
    }
  volatile uint64_t keep = sums[0];
  (void)keep;
  return seconds() - start;
}

void benchDecode(int numThreads, int heads, int width) {
  ThreadPool pool(numThreads);
  for (KvType type : {KvType::kF16, KvType::kQ8_0}) {
    Model model(12, heads, width, type, 4096);
    double bytes = 0;
    for (int i = 0; i < model.numLayers; ++i) bytes += 2.0 * static_cast<double>(model.keys[i].size());
    std::vector<double> read, times[3];
    const Isa isas[] = {Isa::kAvx2, Isa::kAvx512, Isa::kNeon};
    for (int round = 0; round < 9; ++round) {
      read.push_back(timeRead(model, pool));
      for (int i = 0; i < 3; ++i)
        if (isaSupported(isas[i])) times[i].push_back(timeStep(model, kernelsFor(isas[i]), pool, 4095, 4096));
    }
    std::printf("decode at 4096, %d threads, %s: reading alone %.1f GB/s", numThreads,
                type == KvType::kF16 ? "f16" : "q8_0", bytes / median(read) / 1e9);
    for (int i = 0; i < 3; ++i)
      if (!times[i].empty())
        std::printf("; %s %.1f GB/s (%.0f %%), %.2f ms", isaName(isas[i]), bytes / median(times[i]) / 1e9,
                    100 * median(read) / median(times[i]), 1e3 * median(times[i]));
    std::printf("\n");
  }
}

void benchPrefill(int numThreads, int heads, int width, int tokens) {
  ThreadPool pool(numThreads);
  for (KvType type : {KvType::kF16, KvType::kQ8_0}) {
    Model model(1, heads, width, type, tokens);
    // Two multiply-adds for each visible pair and element: a causal half of T * T, and the diagonal.
    const double flops = 4.0 * heads * width * tokens * (tokens + 1) / 2;
    std::printf("prefill of %d, %d threads, %s:", tokens, numThreads, type == KvType::kF16 ? "f16" : "q8_0");
    for (Isa isa : {Isa::kAvx2, Isa::kAvx512, Isa::kNeon}) {
      if (!isaSupported(isa)) continue;
      std::vector<double> times;
      for (int round = 0; round < 9; ++round) times.push_back(timeStep(model, kernelsFor(isa), pool, 0, tokens));
      std::printf("  %s %.1f GFLOPS (best %.1f)", isaName(isa), flops / median(times) / 1e9,
                  flops / *std::min_element(times.begin(), times.end()) / 1e9);
    }
    std::printf("\n");
  }
}

}  // namespace
}  // namespace dots

int main(int argc, char** argv) {
  const int threads = argc > 1 ? std::atoi(argv[1]) : 2, heads = argc > 2 ? std::atoi(argv[2]) : 16;
  const int width = argc > 3 ? std::atoi(argv[3]) : 128;
  dots::benchDecode(1, heads, width);
  if (threads > 1) dots::benchDecode(threads, heads, width);
  for (int tokens : {512, 2048}) dots::benchPrefill(threads, heads, width, tokens);
  return 0;
}
