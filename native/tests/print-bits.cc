// Prints the bits of whole programs' results, a hash of each output, for every instruction set of the machine: what two
// builds print can be compared. Inference of the small models and a training step (seed-programs.h), and every storage
// type decoded and multiplied, and encoded with importance and without.
//
// A line is "<instruction set> <program>: <output>: <number of values> <FNV-1a of their bits>".
#include <cstdio>
#include <string>

#include "device.h"
#include "each-isa.h"
#include "encode/encode-rows.h"
#include "random-weights.h"
#include "seed-programs.h"

namespace dots {
namespace {

// More than one, so that loops run as they do where there are threads, also where none can be started.
constexpr int kNumThreads = 3;

constexpr uint64_t kFirstHash = 0xcbf29ce484222325u;

uint64_t hashByte(uint64_t hash, uint32_t byte) { return (hash ^ byte) * 0x100000001b3u; }

void printLine(Isa isa, const std::string& program, const std::string& output, size_t count, uint64_t hash) {
  std::printf("%s %s: %s: %llu %016llx\n", isaName(isa), program.c_str(), output.c_str(),
              static_cast<unsigned long long>(count), static_cast<unsigned long long>(hash));
}

void printBits(Isa isa, const std::string& program, const std::string& output, const float* values, size_t count) {
  uint64_t hash = kFirstHash;
  for (size_t i = 0; i < count; ++i) {
    uint32_t bits;
    memcpy(&bits, &values[i], 4);
    // What the bits of a NaN are is the processor's choice; here none may come up.
    CHECK(values[i] - values[i] == 0, "%s: %s: %g", program.c_str(), output.c_str(), static_cast<double>(values[i]));
    for (int shift = 0; shift < 32; shift += 8) hash = hashByte(hash, (bits >> shift) & 255);
  }
  printLine(isa, program, output, count, hash);
}

/// Runs what is bound and prints all outputs.
void runAndPrint(Isa isa, const std::string& name, Executable& executable, const SmallModel& model) {
  Error error;
  const std::vector<RunInput> views = viewsOf(model.inputs, model.isFloatInput);
  const bool isReady = executable.prepare(model.bindings, views, &error);
  CHECK(isReady, "%s: %s", name.c_str(), error.message());
  if (!isReady) return;
  std::vector<std::vector<float>> outputs;
  std::vector<float*> pointers;
  for (size_t i = 0; i < executable.program().outputs.size(); ++i)
    outputs.emplace_back(static_cast<size_t>(executable.outputElements(i)));
  for (std::vector<float>& output : outputs) pointers.push_back(output.data());
  const bool isDone = executable.run(views, pointers.data(), &error);
  CHECK(isDone, "%s: %s", name.c_str(), error.message());
  for (size_t i = 0; i < outputs.size(); ++i)
    printBits(isa, name, "output " + std::to_string(i), outputs[i].data(), outputs[i].size());
}

std::unique_ptr<Executable> create(Isa isa, const std::string& name, const SmallModel& model) {
  Error error;
  std::unique_ptr<Executable> executable =
      createExecutable(model.draft, model.weights, model.states, kNumThreads, &error, isa);
  CHECK(executable != nullptr, "%s: %s", name.c_str(), error.message());
  return executable;
}

/// Two sequences are prefilled, then each is continued by one token from the cache.
void infer(Isa isa, const std::string& name, SmallModel model) {
  const std::unique_ptr<Executable> executable = create(isa, name, model);
  if (!executable) return;
  bindSmallModel(model, {70, 70});
  runAndPrint(isa, name + ", prefill", *executable, model);
  bindSmallModel(model, {1, 1}, 70);
  runAndPrint(isa, name + ", decode", *executable, model);
}

void train(Isa isa, const std::string& name, SmallModel model) {
  model.resetStored(7);
  const std::unique_ptr<Executable> executable = create(isa, name, model);
  if (!executable) return;
  runAndPrint(isa, name, *executable, model);
  for (size_t i = 0; i < model.stored.size(); ++i)
    printBits(isa, name, "stored tensor " + std::to_string(i), model.stored[i]->data(), model.stored[i]->size());
}

/// Rows of a table of this storage type, looked up and as a product with activations.
void multiply(Isa isa, const StorageInfo& storage) {
  constexpr int kRows = 40, kCols = 512, kTokens = 9;
  SmallModel model;
  ProgramDraft& p = model.draft;
  TestRandom random(static_cast<uint64_t>(static_cast<int>(storage.id)) + 1);
  WeightDraft weight;
  weight.type = static_cast<int32_t>(storage.id);
  weight.rank = 2;
  weight.dims[0] = kRows;
  weight.dims[1] = kCols;
  weight.parts.emplace_back();
  weight.parts[0].owned = randomWeights(storage.id, kRows, kCols, random);
  weight.parts[0].sizeBytes = static_cast<int64_t>(weight.parts[0].owned.size());
  model.weights.push_back(weight);

  p.numSymbols = 1;
  const auto fixed = [](int times) { return Dim{times, -1}; };
  const Dim tokens{1, 0};
  const int32_t table = p.source(ValueKind::kWeight, 0, false, {fixed(kRows), fixed(kCols)}),
                ids = p.source(ValueKind::kInput, 0, true, {tokens}),
                x = p.source(ValueKind::kInput, 1, false, {tokens, fixed(kCols)});
  const int32_t decoded = p.slot(false, {tokens, fixed(kCols)}), products = p.slot(false, {tokens, fixed(kRows)});
  int32_t rows = x;
  if (storage.activation != Activation::kF32) {
    rows = p.slot(false, {tokens, fixed(static_cast<int>(activationRowBytes(storage.activation, kCols) / 4))});
    p.add(Op::quantizeRows, {x}, rows, {static_cast<double>(static_cast<int>(storage.activation))});
  }
  p.add(Op::embedding, {table, ids}, decoded);
  p.add(Op::linear, {rows, table}, products);
  p.outputs = {decoded, products};

  model.bindings = {kTokens};
  model.inputs.resize(2);
  model.isFloatInput = {false, true};
  for (int t = 0; t < kTokens; ++t) model.inputs[0].push_back(t * 7 % kRows);
  const std::vector<float> activations = randomFloats(random, kTokens * kCols);
  model.inputs[1].resize(activations.size());
  memcpy(model.inputs[1].data(), activations.data(), activations.size() * 4);

  const std::string name = std::string("product with ") + storage.name;
  const std::unique_ptr<Executable> executable = create(isa, name, model);
  if (executable) runAndPrint(isa, name, *executable, model);
}

/// Rows encoded as this type: random ones of three sizes, whose blocks do not fill the lanes evenly.
void encode(Isa isa, StorageId type, const std::string& name) {
  constexpr int kRows = 21, kCols = 768;
  TestRandom random(static_cast<uint64_t>(static_cast<int>(type)) + 100);
  std::vector<float> values = randomFloats(random, kRows * kCols, 3), weights = randomFloats(random, kCols);
  for (int i = 0; i < kRows * kCols; ++i) values[static_cast<size_t>(i)] *= i / kCols % 3 == 0 ? 1e-6f : 0.02f;
  for (float& weight : weights) weight = weight * weight * weight * weight;
  int32_t blockElements = 1, blockBytes = 0;
  if (!encodedBlock(type, &blockElements, &blockBytes)) return;
  std::vector<uint8_t> bytes(static_cast<size_t>(kRows * kCols / blockElements * blockBytes));
  Device device(isa, kNumThreads);
  for (const bool isWeighted : {false, true}) {
    EncodeRows rows;
    rows.type = type;
    rows.values = values.data();
    rows.importance = isWeighted ? weights.data() : nullptr;
    rows.numRows = kRows;
    rows.numCols = kCols;
    rows.out = bytes.data();
    Error error;
    CHECK(encodeRows(rows, device, &error), "%s: %s", name.c_str(), error.message());
    uint64_t hash = kFirstHash;
    for (const uint8_t byte : bytes) hash = hashByte(hash, byte);
    printLine(isa, "encoded as " + name, isWeighted ? "with importance" : "without", bytes.size(), hash);
  }
}

}  // namespace
}  // namespace dots

int main() {
  using namespace dots;
  onEachIsa([](const Kernels& kernels) {
    const Isa isa = kernels.isa;
    for (const StorageId type : {StorageId::kF32, StorageId::kF16, StorageId::kQ4_0, StorageId::kQ8_0})
      for (const KvType kv : {KvType::kF32, KvType::kF16, KvType::kQ8_0})
        infer(isa, std::string(storageInfo(type)->name) + " model, cache type " + std::to_string(static_cast<int>(kv)),
              makeSmallModel(1, type, false, kv));
    train(isa, "training step", makeTrainingModel());
    for (const StorageInfo* storage = allStorageTypes(); storage->name; ++storage) {
      multiply(isa, *storage);
      encode(isa, storage->id, storage->name);
    }
    // Has no product.
    encode(isa, StorageId::kQ1_0, "q1_0");
  });
  return failures() == 0 ? 0 : 1;
}
