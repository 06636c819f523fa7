// Attention against plain double-precision loops, and its promise of the same bits whatever shares the step.
#include <cmath>
#include <cstdlib>
#include <thread>
#include <vector>

#include "tests/each-isa.h"

namespace dots {
namespace {

const char* typeName(KvType type) { return type == KvType::kF32 ? "f32" : type == KvType::kF16 ? "f16" : "q8_0"; }

// Sequences with all their queries, keys and values known beforehand, and the outputs that some schedule gave.
struct World {
  int numHeads, numQueryHeads, headWidth;
  std::vector<int> lengths;
  std::vector<std::vector<float>> q, k, v;

  World(int G, int share, int H, std::vector<int> sequenceLengths, uint64_t seed)
      : numHeads(G), numQueryHeads(G * share), headWidth(H), lengths(sequenceLengths) {
    TestRandom random(seed);
    for (int length : lengths) {
      q.emplace_back(length * numQueryHeads * H);
      k.emplace_back(length * G * H);
      v.emplace_back(length * G * H);
      for (float& x : q.back()) x = random.normal() * 2;
      for (float& x : k.back()) x = random.normal();
      for (float& x : v.back()) x = random.normal();
    }
  }
};

using Outputs = std::vector<std::vector<float>>;

// A token range of one sequence that runs in one step.
struct Piece {
  int sequence, begin, end;
};

// Runs the steps given; pages are dealt in random order and cells start as garbage that is NaN in every type of float.
Outputs runSchedule(const Kernels& kernels, const World& world, KvType type,
                    const std::vector<std::vector<Piece>>& steps, int numThreads, uint64_t seed) {
  TestRandom random(seed);
  const int H = world.headWidth, G = world.numHeads, N = world.numQueryHeads;
  int pagesPerSequence = 1;
  for (int length : world.lengths) pagesPerSequence = std::max(pagesPerSequence, (length + kPageSize - 1) / kPageSize);
  const int numSequences = static_cast<int>(world.lengths.size()), numPages = numSequences * pagesPerSequence;
  std::vector<int32_t> pages(numPages);
  for (int i = 0; i < numPages; ++i) {
    const int j = random.below(i + 1);
    pages[i] = pages[j];
    pages[j] = i;
  }
  const size_t bytes = numPages * G * kernels.headPageBytes(type, H);
  std::vector<uint8_t> keys(bytes, 0xff), values(bytes, 0xff);
  KvLayer layer;
  layer.type = type;
  layer.numHeads = G;
  layer.headWidth = H;
  layer.numPages = numPages;
  layer.keys = keys.data();
  layer.values = values.data();

  Outputs outputs;
  for (int length : world.lengths) outputs.emplace_back(length * N * H);
  for (const auto& pieces : steps) {
    std::vector<int32_t> positions, sequences;
    std::vector<float> q, k, v;
    for (const Piece& piece : pieces) {
      for (int p = piece.begin; p < piece.end; ++p) {
        positions.push_back(p);
        sequences.push_back(piece.sequence);
      }
      const auto append = [&](std::vector<float>& to, const std::vector<float>& from, int width) {
        to.insert(to.end(), from.begin() + piece.begin * width, from.begin() + piece.end * width);
      };
      append(q, world.q[piece.sequence], N * H);
      append(k, world.k[piece.sequence], G * H);
      append(v, world.v[piece.sequence], G * H);
    }
    const int64_t T = static_cast<int64_t>(positions.size());
    KvStep step;
    step.numTokens = T;
    step.positions_T = positions.data();
    step.sequences_T = sequences.data();
    step.pages_BP = pages.data();
    step.numSequences = numSequences;
    step.pagesPerSequence = pagesPerSequence;
    const char* problem = kernels.checkKvStep(layer, step, N);
    CHECK(problem == nullptr, "%s", problem);
    std::vector<int32_t> starts(T + 1);
    const int64_t numTiles = kernels.planAttention(step, N, G, starts.data());
    std::vector<float> y(T * N * H);
    // Ranges of random sizes, dealt to threads; each thread has working memory full of the last user's leavings.
    const auto parallel = [&](int64_t numItems, auto&& work) {
      std::vector<int64_t> borders{0};
      while (borders.back() < numItems)
        borders.push_back(std::min<int64_t>(numItems, borders.back() + 1 + random.below(5)));
      std::vector<std::thread> threads;
      for (int thread = 0; thread < numThreads; ++thread)
        threads.emplace_back([&, thread] {
          for (size_t i = thread; i + 1 < borders.size(); i += numThreads) work(borders[i], borders[i + 1]);
        });
      for (std::thread& thread : threads) thread.join();
    };
    parallel(T * G, [&](int64_t begin, int64_t end) { kernels.writeKv(layer, step, k.data(), v.data(), begin, end); });
    parallel(numTiles * G, [&](int64_t begin, int64_t end) {
      std::vector<float> workspace(kernels.attendWorkspaceBytes(H) / 4 + 1, std::nanf(""));
      kernels.attend(layer, step, N, starts.data(), numTiles, q.data(), y.data(), workspace.data(), begin, end);
    });
    size_t from = 0;
    for (const Piece& piece : pieces) {
      const size_t count = static_cast<size_t>(piece.end - piece.begin) * N * H;
      memcpy(outputs[piece.sequence].data() + static_cast<size_t>(piece.begin) * N * H, y.data() + from, 4 * count);
      from += count;
    }
  }
  return outputs;
}

std::vector<std::vector<Piece>> oneAtATime(const World& world) {
  std::vector<std::vector<Piece>> steps;
  for (size_t s = 0; s < world.lengths.size(); ++s)
    for (int p = 0; p < world.lengths[s]; ++p) steps.push_back({{static_cast<int>(s), p, p + 1}});
  return steps;
}

std::vector<std::vector<Piece>> allAtOnce(const World& world) {
  std::vector<Piece> step;
  for (size_t s = 0; s < world.lengths.size(); ++s) step.push_back({static_cast<int>(s), 0, world.lengths[s]});
  return {step};
}

std::vector<std::vector<Piece>> randomSteps(const World& world, uint64_t seed) {
  TestRandom random(seed);
  std::vector<int> done(world.lengths.size(), 0);
  std::vector<std::vector<Piece>> steps;
  for (;;) {
    std::vector<Piece> step;
    bool any = false;
    for (size_t s = 0; s < done.size(); ++s) {
      const int left = world.lengths[s] - done[s];
      if (left == 0) continue;
      any = true;
      if (random.below(3) == 0) continue;
      const int limits[] = {1, 2, 3, 7, 100, 300};
      const int count = std::min(left, 1 + random.below(limits[random.below(6)]));
      step.push_back({static_cast<int>(s), done[s], done[s] + count});
      done[s] += count;
    }
    if (!any) return steps;
    if (!step.empty()) steps.push_back(step);
  }
}

double roundToF16(double x) {
  if (x == 0 || !std::isfinite(x)) return x;
  const int exponent = std::max(std::ilogb(x), -14);
  const double unit = std::ldexp(1.0, exponent - 10);
  return std::max(-65504.0, std::min(65504.0, std::nearbyint(x / unit) * unit));
}

// What is left of a key, a value or (for q8_0, whose queries are quantised as well) a query.
std::vector<double> stored(const float* x, int H, KvType type, bool isQuery = false) {
  std::vector<double> out(x, x + H);
  if (type == KvType::kF16 && !isQuery)
    for (double& value : out) value = roundToF16(value);
  if (type == KvType::kQ8_0)
    for (int begin = 0; begin < H; begin += 32) {
      double largest = 0;
      for (int h = begin; h < std::min(H, begin + 32); ++h) largest = std::max(largest, std::fabs(out[h]));
      const double scale = isQuery ? largest / 127 : roundToF16(largest / 127);
      for (int h = begin; h < std::min(H, begin + 32) && scale > 0; ++h)
        out[h] = scale * std::max(-127.0, std::min(127.0, std::nearbyint(out[h] / scale)));
    }
  return out;
}

double worstError(const World& world, KvType type, const Outputs& outputs) {
  const int H = world.headWidth, G = world.numHeads, N = world.numQueryHeads;
  double worst = 0;
  for (size_t s = 0; s < world.lengths.size(); ++s)
    for (int head = 0; head < N; ++head) {
      const int g = head / (N / G), length = world.lengths[s];
      std::vector<std::vector<double>> k, v;
      for (int p = 0; p < length; ++p) {
        k.push_back(stored(&world.k[s][(p * G + g) * H], H, type));
        v.push_back(stored(&world.v[s][(p * G + g) * H], H, type));
      }
      for (int p = 0; p < length; ++p) {
        const std::vector<double> q = stored(&world.q[s][(p * N + head) * H], H, type, true);
        std::vector<double> score(p + 1), y(H, 0.0);
        double highest = -1e300, sum = 0;
        for (int j = 0; j <= p; ++j) {
          double dot = 0;
          for (int h = 0; h < H; ++h) dot += q[h] * k[j][h];
          score[j] = dot / std::sqrt(static_cast<double>(H));
          highest = std::max(highest, score[j]);
        }
        for (int j = 0; j <= p; ++j) {
          const double w = std::exp(score[j] - highest);
          sum += w;
          for (int h = 0; h < H; ++h) y[h] += w * v[j][h];
        }
        for (int h = 0; h < H; ++h) worst = std::max(worst, std::fabs(y[h] / sum - outputs[s][(p * N + head) * H + h]));
      }
    }
  return worst;
}

bool areSame(const Outputs& a, const Outputs& b) {
  for (size_t s = 0; s < a.size(); ++s)
    if (memcmp(a[s].data(), b[s].data(), a[s].size() * 4) != 0) return false;
  return true;
}

uint64_t fingerprint(const Outputs& outputs) {
  uint64_t hash = 14695981039346656037ull;
  for (const auto& sequence : outputs)
    for (float x : sequence) {
      uint32_t bits;
      memcpy(&bits, &x, 4);
      hash = (hash ^ bits) * 1099511628211ull;
    }
  return hash;
}

// attend() equals the textbook formula for odd widths, grouped heads and several sequences in a step.
void testAgainstDoubles(const Kernels& kernels) {
  struct Case {
    int G, share, H;
    std::vector<int> lengths;
  };
  const Case cases[] = {{2, 1, 128, {200, 3}}, {1, 2, 64, {1, 65, 64, 63}},
                        {2, 4, 32, {130}},     {1, 3, 16, {70, 10}},
                        {1, 1, 8, {66}},       {2, 1, 80, {90}},
                        {1, 2, 36, {75}},      {1, 1, 7, {129}},
                        {1, 1, 256, {100}},    {1, 100, 16, {5}},
                        {1, 1, 1, {3}}};
  for (const Case& c : cases)
    for (KvType type : {KvType::kF32, KvType::kF16, KvType::kQ8_0}) {
      const World world(c.G, c.share, c.H, c.lengths, 7);
      const double error = worstError(world, type, runSchedule(kernels, world, type, allAtOnce(world), 1, 1));
      // A value at the border between two codes may fall to either side: one step of q8_0 times its small weight.
      const double limit = type == KvType::kQ8_0 ? 2e-4 : 4e-6;
      CHECK(error < limit, "%s %s G=%d share=%d H=%d: error %g", isaName(kernels.isa), typeName(type), c.G, c.share,
            c.H, error);
    }
}

// attend() gives a token the same bits alone, in any batch, in any chunk, on any number of threads.
void testSameBits(const Kernels& kernels) {
  const World worlds[] = {World(2, 1, 128, {150, 66, 20}, 1), World(1, 3, 40, {140, 33}, 2),
                          World(3, 2, 16, {64, 65, 1, 128}, 3)};
  uint64_t seed = 10;
  for (const World& world : worlds)
    for (KvType type : {KvType::kF16, KvType::kQ8_0, KvType::kF32}) {
      const Outputs expected = runSchedule(kernels, world, type, oneAtATime(world), 1, seed);
      CHECK(areSame(expected, runSchedule(kernels, world, type, allAtOnce(world), 1, 5)), "%s %s H=%d: all at once",
            isaName(kernels.isa), typeName(type), world.headWidth);
      for (int round = 0; round < 6; ++round) {
        ++seed;
        const Outputs found = runSchedule(kernels, world, type, randomSteps(world, seed), 1 + round % 4, seed);
        CHECK(areSame(expected, found), "%s %s H=%d: schedule %d", isaName(kernels.isa), typeName(type),
              world.headWidth, static_cast<int>(seed));
      }
    }
}

// A later token that is not a number, or too large for f16, leaves the earlier tokens of its chunk alone.
void testNotANumberStaysBehind(const Kernels& kernels) {
  World world(1, 1, 64, {40}, 9);
  for (KvType type : {KvType::kF32, KvType::kF16, KvType::kQ8_0}) {
    const Outputs clean = runSchedule(kernels, world, type, oneAtATime(world), 1, 1);
    World bad = world;
    bad.k[0][30 * 64 + 5] = std::nanf("");
    bad.v[0][31 * 64 + 6] = INFINITY;
    bad.v[0][32 * 64 + 7] = 1e20f;
    const Outputs found = runSchedule(kernels, bad, type, allAtOnce(bad), 1, 1);
    CHECK(memcmp(clean[0].data(), found[0].data(), 30 * 64 * 4) == 0, "%s %s", isaName(kernels.isa), typeName(type));
  }
}

// Sharp scores: one key takes all the weight, and shifted scores far below it count exactly nothing.
void testSharpScores(const Kernels& kernels) {
  World world(1, 1, 32, {200}, 11);
  for (float& x : world.q[0]) x *= 40;
  const Outputs found = runSchedule(kernels, world, KvType::kF32, allAtOnce(world), 1, 1);
  CHECK(worstError(world, KvType::kF32, found) < 2e-4, "%s", isaName(kernels.isa));
  CHECK(areSame(found, runSchedule(kernels, world, KvType::kF32, oneAtATime(world), 1, 2)), "%s", isaName(kernels.isa));
}

// All instruction sets give the same bits; the numbers were recorded on AVX2.
void testSameBitsOnAllIsas(const Kernels& kernels) {
  const World world(2, 2, 72, {130, 5}, 21);
  const uint64_t recorded[] = {0xdfd35607f3a26f2b, 0x46fde85d8c96b794, 0x2dee8faf8cbc247e};
  int i = 0;
  for (KvType type : {KvType::kF32, KvType::kF16, KvType::kQ8_0}) {
    const uint64_t found = fingerprint(runSchedule(kernels, world, type, allAtOnce(world), 1, 1));
    CHECK(found == recorded[i], "%s %s: 0x%016llx", isaName(kernels.isa), typeName(type),
          static_cast<unsigned long long>(found));
    ++i;
  }
}

// checkKvStep() names each way in which a step could reach outside the cells.
void testRefusals(const Kernels& kernels) {
  uint8_t cells[1] = {};
  const int32_t pages[] = {0, 1, 2, 3};
  const auto check = [&](KvLayer layer, std::vector<int32_t> positions, std::vector<int32_t> sequences, int N = 4) {
    KvStep step;
    step.numTokens = static_cast<int64_t>(positions.size());
    step.positions_T = positions.data();
    step.sequences_T = sequences.data();
    step.pages_BP = pages;
    step.numSequences = step.pagesPerSequence = 2;
    return kernels.checkKvStep(layer, step, N);
  };
  KvLayer layer;
  layer.type = KvType::kF16;
  layer.numHeads = 2;
  layer.headWidth = 64;
  layer.numPages = 4;
  layer.keys = layer.values = cells;
  CHECK(check(layer, {0, 1, 127}, {0, 0, 1}) == nullptr, "a good step");
  CHECK(check(layer, {128}, {0}) != nullptr, "a position after the table");
  CHECK(check(layer, {-1}, {0}) != nullptr, "a negative position");
  CHECK(check(layer, {0}, {2}) != nullptr, "an unknown sequence");
  CHECK(check(layer, {0}, {-1}) != nullptr, "a negative sequence");
  CHECK(check(layer, {1, 1}, {0, 0}) != nullptr, "a position twice");
  CHECK(check(layer, {0}, {0}, 3) != nullptr, "heads that do not divide");
  KvLayer small = layer;
  small.numPages = 3;
  CHECK(check(small, {63}, {1}) == nullptr, "page 2 of 3");
  CHECK(check(small, {64}, {1}) != nullptr, "page 3 of 3");
  KvLayer wide = layer;
  wide.headWidth = kMaxHeadWidth + 1;
  CHECK(check(wide, {0}, {0}) != nullptr, "a head too wide");
}

}  // namespace
}  // namespace dots

int main() {
  dots::onEachIsa([](const dots::Kernels& kernels) {
    dots::testAgainstDoubles(kernels);
    dots::testSameBits(kernels);
    dots::testNotANumberStaysBehind(kernels);
    dots::testSharpScores(kernels);
    dots::testSameBitsOnAllIsas(kernels);
    dots::testRefusals(kernels);
  });
  return dots::finishTests("attention");
}
