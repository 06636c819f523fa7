// Whole programs: right numbers, the same bits however they are run, and refusal of what does not fit together.
#include <atomic>
#include <chrono>
#include <thread>

#include "each-isa.h"
#include "small-program.h"

using namespace dots;

static std::vector<float> logitsOf(Executable& executable, SmallModel& model, const std::vector<int>& lengths,
                                   int done = 0) {
  bindSmallModel(model, lengths, done);
  Error error;
  const std::vector<float> logits = runExecutable(executable, model.bindings, model.inputs, &error);
  CHECK(!logits.empty(), "%s", error.message());
  return logits;
}

static std::unique_ptr<Executable> create(const SmallModel& model, int numThreads = 1, Isa isa = bestIsa()) {
  Error error;
  std::unique_ptr<Executable> executable =
      createExecutable(model.draft, model.weights, model.states, numThreads, &error, isa);
  CHECK(executable != nullptr, "%s", error.message());
  return executable;
}

// x = table[token] / 2, logits = W x, all of it small enough to do by hand.
static void computesByHand() {
  ProgramDraft draft;
  draft.numSymbols = 1;
  const int32_t tokens = draft.source(ValueKind::kInput, 0, true, {Dim{1, 0}});
  const int32_t table = draft.source(ValueKind::kWeight, 0, false, {Dim{3, -1}, Dim{2, -1}}),
                matrix = draft.source(ValueKind::kWeight, 1, false, {Dim{1, -1}, Dim{2, -1}});
  const int32_t x = draft.slot(false, {Dim{1, 0}, Dim{2, -1}}), y = draft.slot(false, {Dim{1, 0}, Dim{1, -1}});
  draft.add(Op::embedding, {table, tokens}, x);
  draft.add(Op::scale, {x}, x, {0.5});
  draft.add(Op::linear, {x, matrix}, y);
  draft.outputs = {y};
  const auto floats = [](std::vector<int64_t> dims, std::vector<float> values) {
    TestRandom random(0);
    WeightDraft weight = smallWeight(random, StorageId::kF32, dims);
    memcpy(weight.parts[0].owned.data(), values.data(), values.size() * 4);
    return weight;
  };
  Error error;
  std::unique_ptr<Executable> executable =
      createExecutable(draft, {floats({3, 2}, {1, 2, 3, 4, 5, 6}), floats({1, 2}, {10, 100})}, {}, 2, &error);
  CHECK(executable != nullptr, "%s", error.message());
  if (!executable) return;
  CHECK((runExecutable(*executable, {2}, {{2, 0}}, &error) == std::vector<float>{325, 105}), "%s", error.message());
  CHECK(runExecutable(*executable, {1}, {{3}}, &error).empty() &&
            std::strcmp(error.message(), "a token id is outside of the table") == 0,
        "%s", error.message());
  CHECK(runExecutable(*executable, {1}, {{-1}}, &error).empty() &&
            std::strcmp(error.message(), "a token id is outside of the table") == 0,
        "%s", error.message());
  CHECK((runExecutable(*executable, {1}, {{1}}, &error) == std::vector<float>{215}), "the run after an error: %s",
        error.message());
}

// The promise of docs/numerics.md at the level of programs: threads, cuts of a prompt and neighbours leave no trace.
static void givesTheSameBits(StorageId type, KvType kv) {
  onEachIsa([&](const Kernels& kernels) {
    const Isa isa = kernels.isa;
    SmallModel model = makeSmallModel(7, type, false, kv);
    const std::vector<float> whole = logitsOf(*create(model, 1, isa), model, {70});
    for (float value : whole) CHECK(std::isfinite(value), "%s: a logit is not finite", isaName(isa));
    for (int threads = 1; threads <= 4; ++threads) {
      std::unique_ptr<Executable> executable = create(model, threads, isa);
      if (!executable) return;
      CHECK(sameBits(logitsOf(*executable, model, {70}), whole), "%s, %d threads", isaName(isa), threads);
      std::vector<float> pieces;
      int done = 0;
      for (int length : {1, 2, 13, 31, 22, 1}) {
        const std::vector<float> piece = logitsOf(*executable, model, {length}, done);
        pieces.insert(pieces.end(), piece.begin(), piece.end());
        done += length;
      }
      CHECK(sameBits(pieces, whole), "%s, %d threads: a prompt in pieces", isaName(isa), threads);
      std::vector<float> first = logitsOf(*executable, model, {70, 33});
      first.resize(whole.size());
      CHECK(sameBits(first, whole), "%s, %d threads: with another sequence", isaName(isa), threads);
    }
    // Experts in a part each, as in a Hugging Face folder.
    SmallModel scattered = makeSmallModel(7, type, true, kv);
    CHECK(sameBits(logitsOf(*create(scattered, 2, isa), scattered, {70}), whole), "%s: scattered experts",
          isaName(isa));
  });
}

static void refuses(const char* what, const SmallModel& model) {
  Error error;
  std::unique_ptr<Executable> executable = createExecutable(model.draft, model.weights, model.states, 1, &error);
  if (executable) CHECK(runExecutable(*executable, model.bindings, model.inputs, &error).empty(), "accepted: %s", what);
  CHECK(error, "no message: %s", what);
}

static InstructionDraft& find(SmallModel& model, Op op) {
  for (InstructionDraft& instruction : model.draft.instructions) {
    if (instruction.op == op) return instruction;
  }
  return model.draft.instructions[0];
}

static void refusesWhatDoesNotFit() {
  const SmallModel good = makeSmallModel();
  SmallModel model = good;
  model.weights.pop_back();
  refuses("a weight too few", model);
  model = good;
  model.weights[0].parts[0].owned.pop_back();
  --model.weights[0].parts[0].sizeBytes;
  refuses("a weight with a byte too few", model);
  model = good;
  model.weights[0].type = 4;
  refuses("a storage type that does not exist", model);
  model = good;
  std::swap(model.weights[0].dims[0], model.weights[0].dims[1]);
  refuses("a weight of another shape", model);
  model = good;
  model.states[0].dims[3] = 2048;
  refuses("heads wider than the kernels' scratch", model);
  model = good;
  for (int64_t& dim : model.states[0].dims) dim = INT32_MAX;
  model.states[0].dims[2] = kPageSize;
  refuses("a cache beyond all memory", model);
  model = good;
  find(model, Op::quantizeRows).constants[0] = 2;
  refuses("rows converted for another type", model);
  model = good;
  find(model, Op::cachedAttention).inputs[6] = find(model, Op::cachedAttention).inputs[0];
  refuses("attention without a cache", model);
  model = good;
  find(model, Op::chooseExperts).constants = {kSmallChosen, 3, 1};
  refuses("groups that do not divide the experts", model);
  model = good;
  find(model, Op::chooseExperts).constants = {kSmallChosen, NAN, 1};
  refuses("a number of groups that is none", model);
  model = good;
  find(model, Op::linear).inputs.pop_back();
  refuses("a product of one operand", model);
  model = good;
  model.inputs[0].pop_back();
  refuses("an input that is too short", model);
  model = good;
  model.bindings[0] = -1;
  refuses("a negative number of tokens", model);
  model = good;
  model.bindings[0] = INT32_MAX;
  refuses("two billion tokens", model);
  for (int32_t page : {-1, kSmallPages, INT32_MAX}) {
    model = good;
    model.inputs[3][0] = page;
    refuses("a page that does not exist", model);
  }
  for (int32_t position : {-1, kSmallPagesEach * kPageSize, INT32_MAX}) {
    model = good;
    model.inputs[1][4] = position;
    refuses("a position without a page", model);
  }
  for (int32_t sequence : {-1, 2, INT32_MIN}) {
    model = good;
    model.inputs[2][7] = sequence;
    refuses("a sequence that does not exist", model);
  }
  model = good;
  model.inputs[4][0] = 8;
  refuses("the logits of a token that is not there", model);
}

// Lists of numbers that a kernel has checked must stay as they were while it reads them.
static void refusesToWriteOverItsOperands() {
  for (Op op : {Op::gather, Op::weightedSum, Op::takeRows, Op::groupedLinear, Op::linear, Op::cachedAttention,
                Op::quantizeRows}) {
    for (size_t operand = 0; operand < 8; ++operand) {
      SmallModel model = makeSmallModel();
      ProgramDraft& draft = model.draft;
      InstructionDraft& instruction = find(model, op);
      if (operand >= instruction.inputs.size()) break;
      const Value& input = draft.values[static_cast<size_t>(instruction.inputs[operand])];
      if (input.kind != ValueKind::kSlot) continue;
      Value& output = draft.values[static_cast<size_t>(instruction.output)];
      std::vector<Dim>& room = draft.slots[static_cast<size_t>(input.index)];
      for (const Dim& dim : draft.slots[static_cast<size_t>(output.index)]) room.push_back(dim);
      output.index = input.index;
      refuses("an output over an operand", model);
    }
  }
}

// A list of experts for eight matrices is not valid for four.
static void refusesExpertsThatDoNotExist() {
  SmallModel model = makeSmallModel();
  for (InstructionDraft& instruction : model.draft.instructions) {
    if (instruction.op != Op::groupedLinear) continue;
    // The second product of the same choice: half as many experts, twice as high.
    Value& value = model.draft.values[static_cast<size_t>(instruction.inputs[1])];
    WeightDraft& weight = model.weights[static_cast<size_t>(value.index)];
    if (&instruction == &find(model, Op::groupedLinear)) continue;
    value.dims[0].times = 4;
    weight.dims[0] = 4;
    weight.parts[0].owned.resize(weight.parts[0].owned.size() / 2);
    weight.parts[0].sizeBytes /= 2;
    break;
  }
  bindSmallModel(model, {60});
  refuses("experts that do not exist", model);
}

static void keepsToItsBudget() {
  SmallModel model = makeSmallModel();
  std::unique_ptr<Executable> executable = create(model);
  Error error;
  CHECK(runExecutable(*executable, model.bindings, model.inputs, &error, 1000).empty(), "%s", "a step in 1000 bytes");
  CHECK(!runExecutable(*executable, model.bindings, model.inputs, &error).empty(), "%s", error.message());
  CHECK(runExecutable(*executable, model.bindings, model.inputs, &error, 1000).empty(), "%s",
        "the same step again in 1000 bytes");
}

// A piece of a prompt wants no logits, and a step may have no tokens at all.
static void runsEmptySteps() {
  SmallModel model = makeSmallModel();
  std::unique_ptr<Executable> whole = create(model), executable = create(model);
  const std::vector<float> expected = logitsOf(*whole, model, {40});
  for (int length : {0, 39}) {
    bindSmallModel(model, {length});
    model.bindings[1] = 0;
    model.inputs[4].clear();
    Error error;
    CHECK(runExecutable(*executable, model.bindings, model.inputs, &error).empty() && !error, "%d tokens: %s", length,
          error.message());
  }
  const std::vector<float> last = logitsOf(*executable, model, {1}, 39);
  CHECK(sameBits(last, {expected.end() - kSmallVocab, expected.end()}), "%s", "the token after an empty step");
}

// Positions and choices that the program computes lie in slots, which the next ones take over.
static void forgetsWhatWasDerivedFromAnOverwrittenSlot() {
  SmallModel model;
  ProgramDraft& p = model.draft;
  p.numSymbols = 1;
  const Dim T{1, 0}, one{1, -1}, width{8, -1};
  const int32_t first = p.source(ValueKind::kInput, 0, true, {T}), second = p.source(ValueKind::kInput, 1, true, {T}),
                expected = p.source(ValueKind::kInput, 2, true, {T});
  const int32_t table = p.source(ValueKind::kWeight, 0, false, {Dim{2, -1}, width});
  TestRandom random(5);
  model.weights.push_back(smallWeight(random, StorageId::kF32, {2, 8}));
  // The largest of row 0 is its column 3, of row 1 its column 6.
  const float large = 100;
  memcpy(model.weights[0].parts[0].owned.data() + 3 * 4, &large, 4);
  memcpy(model.weights[0].parts[0].owned.data() + 14 * 4, &large, 4);
  const int32_t row = p.slot(false, {T, width}), chosen = p.slot(true, {T, one}),
                positions = p.slot(true, {T}, p.values[static_cast<size_t>(chosen)].index);
  const int32_t x = p.slot(false, {T, width}),
                heads = p.slot(false, {T, one, width}, p.values[static_cast<size_t>(x)].index);
  const int32_t turned = p.slot(false, {T, one, width}), reference = p.slot(false, {T, one, width});
  p.add(Op::embedding, {table, first}, x);
  for (int32_t tokens : {first, second}) {
    p.add(Op::embedding, {table, tokens}, row);
    p.add(Op::topK, {row}, chosen, {1});
    p.add(Op::rope, {heads, positions}, turned, {1e4, 0});
  }
  p.add(Op::rope, {heads, expected}, reference, {1e4, 0});
  p.add(Op::scale, {reference}, reference, {-1});
  p.add(Op::add, {turned, reference}, turned);
  p.outputs = {turned};
  std::unique_ptr<Executable> executable = create(model);
  Error error;
  const std::vector<float> difference = runExecutable(*executable, {2}, {{0, 1}, {1, 0}, {6, 3}}, &error);
  CHECK(difference.size() == 16, "%s", error.message());
  for (float value : difference) CHECK(value == 0, "heads turned by positions that were overwritten: %g", value);
}

static void endsWhenCancelled() {
  SmallModel model = makeSmallModel();
  std::unique_ptr<Executable> executable = create(model, 2);
  const std::vector<float> expected = logitsOf(*executable, model, {100});
  int numCancelled = 0;
  for (int i = 0; i < 200; ++i) {
    std::atomic<bool> isOver{false};
    std::thread other([&] {
      std::this_thread::sleep_for(std::chrono::microseconds(10 * (i % 50)));
      executable->cancel();
      isOver.store(true);
    });
    Error error;
    const std::vector<float> logits = runExecutable(*executable, model.bindings, model.inputs, &error);
    other.join();
    if (logits.empty()) {
      ++numCancelled;
      CHECK(error.kind() == ErrorKind::kCancelled, "%s", error.message());
    } else {
      CHECK(sameBits(logits, expected), "a run that was not cancelled in time, %d", i);
    }
  }
  CHECK(numCancelled > 0, "%s", "no run was cancelled");
  CHECK(sameBits(logitsOf(*executable, model, {100}), expected), "%s", "the run after a cancelled one");
}

int main() {
  computesByHand();
  givesTheSameBits(StorageId::kQ8_0, KvType::kF16);
  givesTheSameBits(StorageId::kF32, KvType::kF32);
  givesTheSameBits(StorageId::kQ4_0, KvType::kQ8_0);
  refusesWhatDoesNotFit();
  refusesToWriteOverItsOperands();
  refusesExpertsThatDoNotExist();
  keepsToItsBudget();
  runsEmptySteps();
  forgetsWhatWasDerivedFromAnOverwrittenSlot();
  endsWhenCancelled();
  return finishTests("executor");
}
