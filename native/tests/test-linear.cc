#include <cstdlib>
#include <vector>

#include "check.h"
#include "kernels/linear.h"
#include "oracle.h"
#include "random-weights.h"

using namespace dots;

struct Aligned {
  uint8_t* p;
  explicit Aligned(int64_t bytes)
      : p(static_cast<uint8_t*>(std::aligned_alloc(64, static_cast<size_t>(bytes + 127) / 64 * 64))) {}
  ~Aligned() { std::free(p); }
  Aligned(const Aligned&) = delete;
};

static std::vector<Isa> isas() {
  std::vector<Isa> found;
  for (const Isa isa : kAllIsas)
    if (isaSupported(isa)) found.push_back(isa);
  return found;
}

// Every element equals the canonical sum, bit for bit, whatever the number of tokens, rows or threads.
static void equalsOracle(StorageId type, int64_t rows, int64_t cols, int64_t tokens, int threads) {
  const StorageInfo* info = storageInfo(type);
  TestRandom random(static_cast<uint64_t>(static_cast<int>(type) * 1000003 + rows * 10007 + cols * 101 + tokens));
  const std::vector<uint8_t> w = randomWeights(type, rows, cols, random);
  const int64_t rowBytes = static_cast<int64_t>(w.size()) / rows;
  std::vector<float> x(static_cast<size_t>(tokens * cols));
  for (float& v : x) v = random.normal();
  if (tokens > 1 && cols >= 32)
    for (int i = 0; i < 32; ++i) x[static_cast<size_t>(cols + i)] = 0;  // an empty block

  std::vector<float> want(static_cast<size_t>(tokens * rows));
  for (int64_t t = 0; t < tokens; ++t) {
    const float* xt = &x[static_cast<size_t>(t * cols)];
    const OracleRow quantised =
        info->activation == Activation::kF32 ? OracleRow() : oracleQuantize(info->activation, xt, cols);
    for (int64_t r = 0; r < rows; ++r)
      want[static_cast<size_t>(t * rows + r)] =
          oracleDot(type, &w[static_cast<size_t>(r * rowBytes)], xt, quantised, cols);
  }

  Aligned scratch(linearScratchBytes(threads));
  const int64_t xBytes = activationRowBytes(info->activation, cols);
  for (Isa isa : isas()) {
    Device device(isa, threads);
    Aligned quantised(xBytes * tokens);
    if (info->activation == Activation::kF32)
      memcpy(quantised.p, x.data(), x.size() * 4);
    else
      quantizeActivations(info->activation, x.data(), cols, tokens, cols, quantised.p, device);
    std::vector<float> got(want.size(), -1.0f);
    LinearJob job;
    job.weights.data = w.data();
    job.weights.type = type;
    job.weights.rows = job.ldOut = rows;
    job.weights.cols = cols;
    job.x = quantised.p;
    job.xRowBytes = xBytes;
    job.numTokens = tokens;
    job.out = got.data();
    linear(&job, 1, device, scratch.p);
    for (size_t i = 0; i < want.size(); ++i)
      CHECK(memcmp(&got[i], &want[i], 4) == 0, "%s on %s, %d x %d, %d tokens: element %d is %.9g, not %.9g", info->name,
            isaName(isa), static_cast<int>(rows), static_cast<int>(cols), static_cast<int>(tokens), static_cast<int>(i),
            static_cast<double>(got[i]), static_cast<double>(want[i]));
  }
}

// Routed rows: each expert sees its own tokens, through tables, and an expert without tokens costs nothing.
static void groupedEqualsSingle(StorageId type) {
  const StorageInfo* info = storageInfo(type);
  const int experts = 7, tokens = 19, perToken = 3;
  const int64_t rows = 96, cols = 512, routed = tokens * perToken;
  TestRandom random(99);
  const std::vector<uint8_t> w = randomWeights(type, rows * experts, cols, random);
  const int64_t expertBytes = static_cast<int64_t>(w.size()) / experts,
                xBytes = activationRowBytes(info->activation, cols);
  std::vector<float> x(static_cast<size_t>(tokens * cols));
  for (float& v : x) v = random.normal();
  std::vector<int32_t> offsets(experts + 1, 0), xRows, outRows;
  for (int e = 0; e < experts; ++e) {
    for (int t = 0; t < tokens; ++t)
      for (int slot = 0; slot < perToken; ++slot)
        if ((t * 5 + slot * 2) % (experts - 1) == e) {  // the last expert gets nothing
          xRows.push_back(t);
          outRows.push_back(t * perToken + slot);
        }
    offsets[static_cast<size_t>(e) + 1] = static_cast<int32_t>(xRows.size());
  }
  CHECK(static_cast<int64_t>(xRows.size()) == routed, "routed %d", static_cast<int>(xRows.size()));
  Aligned scratch(linearScratchBytes(2)), quantised(xBytes * tokens);
  for (Isa isa : isas()) {
    Device device(isa, 2);
    if (info->activation == Activation::kF32)
      memcpy(quantised.p, x.data(), x.size() * 4);
    else
      quantizeActivations(info->activation, x.data(), cols, tokens, cols, quantised.p, device);
    std::vector<float> got(static_cast<size_t>(routed * rows), -1.0f), one(static_cast<size_t>(rows));
    LinearJob single;
    single.weights.type = type;
    single.weights.rows = single.ldOut = rows;
    single.weights.cols = cols;
    single.xRowBytes = xBytes;
    single.numTokens = 1;
    single.out = one.data();
    LinearJob job = single;
    job.weights.data = w.data();
    job.weights.expertBytes = expertBytes;
    job.x = quantised.p;
    job.numTokens = routed;
    job.offsets = offsets.data();
    job.numExperts = experts;
    job.xRows = xRows.data();
    job.outRows = outRows.data();
    job.out = got.data();
    linear(&job, 1, device, scratch.p);
    for (int e = 0; e < experts; ++e)
      for (int32_t i = offsets[static_cast<size_t>(e)]; i < offsets[static_cast<size_t>(e) + 1]; ++i) {
        single.weights.data = w.data() + e * expertBytes;
        single.x = quantised.p + xRows[static_cast<size_t>(i)] * xBytes;
        linear(&single, 1, device, scratch.p);
        CHECK(memcmp(one.data(), &got[static_cast<size_t>(outRows[static_cast<size_t>(i)] * rows)],
                     static_cast<size_t>(rows) * 4) == 0,
              "%s on %s: routed row %d of expert %d differs from the same token alone", info->name, isaName(isa), i, e);
      }
  }
}

// A block whose activations are not finite shows in every output that uses it, and in no other.
static void poisonShows() {
  for (Isa isa : isas()) {
    Device device(isa, 1);
    float x[64] = {};
    x[3] = INFINITY;
    x[40] = NAN;
    x[41] = 5;
    Aligned q(activationRowBytes(Activation::kQ32, 64));
    quantizeActivations(Activation::kQ32, x, 64, 1, 64, q.p, device);
    const ActivationRow row = activationRow(q.p, activationLayout(Activation::kQ32, 64));
    CHECK(std::isnan(row.d[0]) && std::isnan(row.d[1]), "%s: d = %g, %g", isaName(isa), static_cast<double>(row.d[0]),
          static_cast<double>(row.d[1]));
  }
}

int main() {
  for (const StorageInfo* info = allStorageTypes(); info->name; ++info) {
    const bool wide = info->blockElements == 256;
    for (int64_t tokens : {1, 2, 3, 5, 8, 13, 131}) {
      const bool many = tokens > 100;
      equalsOracle(info->id, many ? 16 : 80, wide ? 512 : 704, tokens, 1);
    }
    equalsOracle(info->id, 1, wide ? 256 : 64, 1, 1);
    equalsOracle(info->id, 3, wide ? 256 : 64, 2, 1);
    equalsOracle(info->id, 37, wide ? 768 : 320, 4, 3);
    equalsOracle(info->id, 139, wide ? 256 : 192, 9, 4);
    equalsOracle(info->id, 19, wide ? 256 : 64, 1, 1);
    groupedEqualsSingle(info->id);
  }
  // Four of these rows further on lies the same place of a cache.
  equalsOracle(StorageId::kQ8_0, 64, 16384, 1, 1);
  // Rows that end in the middle of a vector.
  for (StorageId type : {StorageId::kF32, StorageId::kF16, StorageId::kBf16})
    for (int64_t cols : {1, 3, 30, 71, 129})
      for (int64_t tokens : {1, 2, 7}) equalsOracle(type, 70, cols, tokens, 2);
  poisonShows();
  return finishTests("linear");
}
