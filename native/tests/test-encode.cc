// Encoders: what they write decodes to nearly what they read, and is the same everywhere.
#include <cmath>
#include <string>
#include <vector>

#include "device.h"
#include "encode/encode-rows.h"
#include "kernels/decode-row.h"
#include "tests/each-isa.h"

using namespace dots;

namespace {

struct Bound {
  StorageId type;
  float error;  // of normal values, relative to their squares: what is measured and a twentieth
};

const Bound kBounds[] = {
    {StorageId::kQ4_0, 6.2e-3f},   {StorageId::kQ4_1, 5.5e-3f},    {StorageId::kQ5_0, 1.5e-3f},
    {StorageId::kQ5_1, 1.3e-3f},   {StorageId::kQ8_0, 2.1e-5f},    {StorageId::kQ2K, 6.7e-2f},
    {StorageId::kQ3K, 2.0e-2f},    {StorageId::kQ4K, 4.7e-3f},     {StorageId::kQ5K, 1.15e-3f},
    {StorageId::kQ6K, 2.7e-4f},    {StorageId::kIq4Nl, 5.3e-03f},  {StorageId::kIq4Xs, 5.3e-03f},
    {StorageId::kMxfp4, 1.3e-02f}, {StorageId::kNvfp4, 8.3e-03f},  {StorageId::kTq1_0, 1.8e-01f},
    {StorageId::kTq2_0, 1.8e-01f}, {StorageId::kIq2Xxs, 1.1e-01f}, {StorageId::kIq2Xs, 8.3e-02f},
    {StorageId::kIq2S, 5.7e-02f},  {StorageId::kIq3Xxs, 3.2e-02f}, {StorageId::kIq3S, 1.7e-02f},
    {StorageId::kIq1S, 2.0e-01f},  {StorageId::kIq1M, 1.7e-01f},
};

std::vector<uint8_t> encode(StorageId type, const std::vector<float>& values, int64_t numCols, Device& device,
                            const std::vector<float>& importance = {}) {
  int32_t blockElements = 1, blockBytes = 0;
  CHECK(encodedBlock(type, &blockElements, &blockBytes), "type %d has no encoder", static_cast<int>(type));
  std::vector<uint8_t> out(values.size() / static_cast<size_t>(blockElements) * static_cast<size_t>(blockBytes), 0xee);
  EncodeRows rows;
  rows.type = type;
  rows.values = values.data();
  rows.importance = importance.empty() ? nullptr : importance.data();
  rows.numCols = numCols;
  rows.numRows = static_cast<int64_t>(values.size()) / numCols;
  rows.out = out.data();
  Error error;
  CHECK(encodeRows(rows, device, &error), "%s: %s", storageInfo(type)->name, error.message());
  return out;
}

std::vector<float> decode(StorageId type, const std::vector<uint8_t>& bytes, size_t count) {
  std::vector<float> values(count);
  CHECK(decodeRow(type, bytes.data(), static_cast<int64_t>(count), values.data()), "type %d", static_cast<int>(type));
  return values;
}

double errorOf(const std::vector<float>& a, const std::vector<float>& b, const std::vector<float>& weights) {
  double sum = 0;
  for (size_t i = 0; i < a.size(); ++i) {
    const double e = static_cast<double>(a[i]) - static_cast<double>(b[i]);
    sum += e * e * (weights.empty() ? 1.0 : static_cast<double>(weights[i % weights.size()]));
  }
  return sum;
}

std::vector<float> unevenWeights(TestRandom& random, int64_t count) {
  std::vector<float> w = randomFloats(random, count);
  for (float& value : w) value = value * value * value * value;
  w[3] = 0;
  return w;
}

void errorStaysWithinItsBound(const Bound& bound) {
  TestRandom random(5);
  const char* const name = storageInfo(bound.type)->name;
  const std::vector<float> x = randomFloats(random, 64 * 768, 0.02f), w = unevenWeights(random, 768);
  Device device(bestIsa(), 1);
  const std::vector<float> y = decode(bound.type, encode(bound.type, x, 768, device), x.size());
  const double squares = errorOf(x, std::vector<float>(x.size()), {}), error = errorOf(x, y, {}) / squares;
  CHECK(error < static_cast<double>(bound.error), "%s: %.3e", name, error);
  const std::vector<float> weighted = decode(bound.type, encode(bound.type, x, 768, device, w), x.size());
  CHECK(errorOf(x, weighted, w) < errorOf(x, y, w), "%s: weights do not lower the weighted error", name);
}

void bytesAreTheSameEverywhere(StorageId type) {
  TestRandom random(6);
  const std::vector<float> x = randomFloats(random, 21 * 768, 3), w = unevenWeights(random, 768);
  for (const std::vector<float>& weights : {std::vector<float>(), w}) {
    Device plain(Isa::kPortable, 1);
    const std::vector<uint8_t> want = encode(type, x, 768, plain, weights);
    for (const Isa isa : kAllIsas)
      for (const int threads : {1, 2, 4}) {
        if (!isaSupported(isa)) continue;
        Device device(isa, threads);
        CHECK(encode(type, x, 768, device, weights) == want, "%s on %s with %d threads", storageInfo(type)->name,
              isaName(isa), threads);
        // One row after the other.
        std::vector<uint8_t> rows;
        for (int64_t row = 0; row < 21; ++row) {
          const std::vector<float> one(x.begin() + row * 768, x.begin() + (row + 1) * 768);
          const std::vector<uint8_t> bytes = encode(type, one, 768, device, weights);
          rows.insert(rows.end(), bytes.begin(), bytes.end());
        }
        CHECK(rows == want, "%s on %s: a row depends on the rows around it", storageInfo(type)->name, isaName(isa));
      }
  }
}

void oddRowsDecodeToFiniteValues(StorageId type) {
  Device device(bestIsa(), 1);
  const char* const name = storageInfo(type)->name;
  const std::vector<float> none(256, 0.0f);
  CHECK(errorOf(decode(type, encode(type, none, 256, device), 256), none, {}) == 0, "%s: zeros are not zeros", name);
  std::vector<float> denormals(256, 1e-41f), huge(256, 0.01f), constant(256, -0.25f), one(256, 0.0f);
  huge[77] = 65504;
  one[100] = -0.5f;
  for (const std::vector<float>* row : {&denormals, &huge, &constant, &one}) {
    const std::vector<float> y = decode(type, encode(type, *row, 256, device), 256);
    for (const float value : y) CHECK(std::isfinite(value), "%s: %g", name, static_cast<double>(value));
    CHECK(errorOf(*row, y, {}) <= errorOf(*row, none, {}), "%s: row of %g is worse than zeros", name,
          static_cast<double>((*row)[0]));
  }
  // Without any importance all columns count the same.
  TestRandom random(9);
  const std::vector<float> x = randomFloats(random, 256);
  CHECK(encode(type, x, 256, device, none) == encode(type, x, 256, device), "%s: importance of zero", name);
}

void refuse(EncodeRows rows, const char* expected) {
  Device device(bestIsa(), 2);
  std::vector<uint8_t> out(4096);
  rows.out = out.data();
  Error error;
  CHECK(!encodeRows(rows, device, &error), "accepted: %s", expected);
  CHECK(std::string(error.message()) == expected, "\"%s\" instead of \"%s\"", error.message(), expected);
}

void saysWhatIsWrong() {
  std::vector<float> x(3 * 512, 1.0f), w(512, 1.0f);
  EncodeRows rows;
  rows.type = StorageId::kQ4K;
  rows.values = x.data();
  rows.numRows = 3;
  rows.numCols = 512;
  x[2 * 512 + 7] = INFINITY;
  refuse(rows, "row 2, column 7 holds inf");
  x[512 + 300] = NAN;
  refuse(rows, "row 1, column 300 holds nan");
  x[5] = 1e6f;
  refuse(rows, "row 0, column 5 holds 1e+06");
  rows.importance = w.data();
  w[9] = -1;
  refuse(rows, "the importance of column 9 is -1");
  rows.importance = nullptr;
  rows.numCols = 1408;
  rows.numRows = 1;
  refuse(rows, "rows of 1408 values do not divide into blocks of 256");
  rows.type = StorageId::kF16;
  refuse(rows, "type 1 has no encoder");
}

}  // namespace

int main() {
  for (const Bound& bound : kBounds) {
    errorStaysWithinItsBound(bound);
    bytesAreTheSameEverywhere(bound.type);
    oddRowsDecodeToFiniteValues(bound.type);
  }
  saysWhatIsWrong();
  return finishTests("encode");
}
