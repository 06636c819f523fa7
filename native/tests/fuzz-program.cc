// Programs that no compiler of ours would write: whatever the bytes are, parse, create, prepare and run end with a
// message or a result. Run under sanitizers, a read outside of anything ends the process.
//
// The bytes are decisions, not words: most random words end at the first count, so a valid program is taken and smashed
// at places that the bytes choose. `make test` runs a fixed number of inputs from a fixed seed, `make fuzz` lets
// libFuzzer (clang) look for new paths.
#include <cstdio>
#include <cstdlib>

#include "op.h"
#include "seed-programs.h"

using namespace dots;

namespace {

constexpr int64_t kBudgetBytes = 4 << 20;

/// The input as a stream of decisions; zeros after its end.
class Choices {
 public:
  Choices(const uint8_t* data, size_t size) : data_(data), size_(size) {}
  bool areLeft() const { return at_ < size_; }
  uint32_t byte() { return at_ < size_ ? data_[at_++] : 0; }
  uint32_t below(size_t bound) { return bound == 0 ? 0 : (byte() << 8 | byte()) % static_cast<uint32_t>(bound); }
  /// Borders of every check, small numbers that are often ids, and anything.
  int32_t number() {
    constexpr int32_t kBorders[] = {
        0, 1, -1, 2, 16, 31, 32, 33, 64, 255, 256, 1 << 15, 1 << 20, 1 << 30, INT32_MAX, INT32_MIN, INT32_MAX - 63};
    const uint32_t kind = byte();
    if (kind < 100) return kBorders[kind % (sizeof kBorders / sizeof kBorders[0])];
    if (kind < 220) return static_cast<int32_t>(byte() % 80);
    return static_cast<int32_t>(byte() << 24 | byte() << 16 | byte() << 8 | byte());
  }

 private:
  const uint8_t* data_;
  size_t size_;
  size_t at_ = 0;
};

struct Tally {
  int parsed = 0, created = 0, prepared = 0, ran = 0;
  int ranOf[kNumOps] = {};
};
Tally tally;

/// Half the inputs begin with a whole model, the others with one instruction. What one program writes must not reach
/// the next: an input has to mean the same alone.
SmallModel seedModel(Choices& choices, uint32_t kind) {
  const std::vector<SmallModel>& seeds = kind % 2 == 0 ? wholeSeeds() : singleSeeds();
  SmallModel model = seeds[choices.below(seeds.size())];
  for (size_t i = 0; i < model.stored.size(); ++i) {
    if (!model.stored[i]) continue;
    model.stored[i] = std::make_shared<std::vector<float>>(*model.stored[i]);
    model.states[i].stored = model.stored[i]->data();
  }
  return model;
}

void smashValue(Choices& choices, Value& value) {
  switch (choices.below(8)) {
    case 0: value.kind = static_cast<ValueKind>(choices.below(5)); break;
    case 1: value.index = choices.number(); break;
    case 2: value.isInt = !value.isInt; break;
    case 3: value.rank = static_cast<int32_t>(choices.below(6)); break;
    case 4: value.dims[choices.below(kMaxRank)].symbol = static_cast<int32_t>(choices.below(5)) - 1; break;
    default: value.dims[choices.below(kMaxRank)].times = choices.number();
  }
  if (value.rank > kMaxRank) value.rank = kMaxRank;  // the draft has no room for more; raw words say it
}

/// One axis, here or wherever it appears, with all memory made to fit: this gets past every check of sizes.
void resizeAxis(Choices& choices, SmallModel& model) {
  ProgramDraft& draft = model.draft;
  Value& chosen = draft.values[choices.below(draft.values.size())];
  if (chosen.rank < 1 || chosen.rank > kMaxRank) return;
  Dim& axis = chosen.dims[choices.below(static_cast<size_t>(chosen.rank))];
  const Dim from = axis;
  axis.times = static_cast<int32_t>(choices.below(4) == 0 ? choices.below(300) : choices.below(5));
  const int32_t times = axis.times;
  if (choices.below(2) == 0) {
    for (Value& value : draft.values) {
      for (Dim& dim : value.dims) {
        if (dim.times == from.times && dim.symbol == from.symbol) dim.times = times;
      }
    }
  }
  settle(model);
}

void smashInstruction(Choices& choices, InstructionDraft& instruction, size_t numValues) {
  const size_t numInputs = instruction.inputs.size();
  switch (choices.below(8)) {
    case 0: instruction.op = static_cast<Op>(choices.below(static_cast<size_t>(kNumOps) + 1)); break;
    case 1: instruction.output = static_cast<int32_t>(choices.below(numValues)); break;
    case 2: instruction.inputs.push_back(static_cast<int32_t>(choices.below(numValues))); break;
    case 3:
      if (numInputs > 0) instruction.inputs.pop_back();
      break;
    case 4:
      if (!instruction.constants.empty()) {
        constexpr double kNumbers[] = {0, -1, 1, 1.5, 2, 3, 1e300, -1e300, NAN, INFINITY};
        instruction.constants[choices.below(instruction.constants.size())] = kNumbers[choices.below(10)];
      }
      break;
    default:
      if (numInputs > 0) instruction.inputs[choices.below(numInputs)] = static_cast<int32_t>(choices.below(numValues));
  }
}

void smashWeight(Choices& choices, WeightDraft& weight) {
  switch (choices.below(6)) {
    case 0: weight.type = static_cast<int32_t>(choices.below(42)); break;
    case 1: weight.rank = static_cast<int32_t>(choices.below(5)); break;
    case 2:
      weight.parts[0].owned.resize(weight.parts[0].owned.size() / 2);
      weight.parts[0].sizeBytes /= 2;
      break;
    case 3:
      // Any codes and scales: infinities and NaN travel, indices must not.
      for (WeightDraft::Part& part : weight.parts) {
        for (int i = 0; i < 64; ++i)
          if (!part.owned.empty()) part.owned[choices.below(part.owned.size())] = static_cast<uint8_t>(choices.byte());
      }
      break;
    default: weight.dims[choices.below(3)] = choices.number();
  }
}

/// Never terabytes: an emulator keeps books on every page.
void smashState(Choices& choices, State& state) {
  const int32_t number = choices.number();
  if (number <= 1 << 10) state.dims[choices.below(4)] = number;
}

void smash(Choices& choices, SmallModel& model) {
  ProgramDraft& draft = model.draft;
  switch (choices.below(12)) {
    case 0: smashValue(choices, draft.values[choices.below(draft.values.size())]); break;
    case 1: {
      std::vector<Dim>& slot = draft.slots[choices.below(draft.slots.size())];
      slot.push_back({choices.number() & INT32_MAX, static_cast<int32_t>(choices.below(4)) - 1});
      break;
    }
    case 2:
    case 3:
      smashInstruction(choices, draft.instructions[choices.below(draft.instructions.size())], draft.values.size());
      break;
    case 4:
      if (!model.weights.empty()) smashWeight(choices, model.weights[choices.below(model.weights.size())]);
      break;
    case 5:
      if (!model.states.empty()) smashState(choices, model.states[choices.below(model.states.size())]);
      break;
    case 6:
    case 7:
    case 8: resizeAxis(choices, model); break;
    case 9: {
      if (model.inputs.empty()) break;
      std::vector<int32_t>& input = model.inputs[choices.below(model.inputs.size())];
      if (choices.below(4) == 0)
        input.resize(choices.below(200), choices.number());
      else if (!input.empty())
        input[choices.below(input.size())] = choices.number();
      break;
    }
    default:
      if (choices.below(2) == 0)
        model.bindings[choices.below(model.bindings.size())] = choices.number();
      else if (model.isFloatInput.empty())
        bindSmallModel(model, {static_cast<int>(choices.below(90)), static_cast<int>(choices.below(20))},
                       static_cast<int>(choices.below(60)));
  }
}

void runOne(const uint8_t* data, size_t size) {
  Choices choices(data, size);
  const uint32_t kind = choices.byte();
  SmallModel model = seedModel(choices, kind);
  const int numThreads = kind % 16 == 15 ? 2 : 1;
  // An eighth of the inputs smashes words after encoding; the others smash the program and the things around it.
  const bool isRaw = kind >= 224;
  while (!isRaw && choices.areLeft()) smash(choices, model);
  std::vector<int32_t> words;
  std::vector<double> constants;
  model.draft.encode(&words, &constants);
  while (isRaw && choices.areLeft()) {
    const uint32_t at = choices.below(words.size());
    words[at] = choices.number();
  }

  Error error;
  Program program;
  if (!parseProgram(words.data(), static_cast<int64_t>(words.size()), constants.data(),
                    static_cast<int64_t>(constants.size()), &program, &error)) {
    CHECK(error, "%s", "refused without a message");
    return;
  }
  ++tally.parsed;
  Buffer<Weight> weights;
  Buffer<State> states;
  CHECK(copyWeights(model.weights, &weights) && states.assign(model.states.data(), model.states.size()), "%s",
        "out of memory for a small model");
  std::unique_ptr<Executable> executable =
      Executable::create(std::make_shared<Device>(bestIsa(), numThreads), std::move(program), std::move(weights),
                         std::move(states), &error);
  if (!executable) {
    CHECK(error, "%s", "not created, without a message");
    return;
  }
  ++tally.created;
  // Twice: what the first run leaves must not harm the second.
  for (int i = 0; i < 2; ++i) {
    error.clear();
    std::vector<bool> isFloat = model.isFloatInput;
    if (kind == 131 && !isFloat.empty()) isFloat[0] = true;
    const std::vector<RunInput> views = viewsOf(model.inputs, isFloat);
    if (!executable->prepare(model.bindings, views, &error, kBudgetBytes)) {
      CHECK(error, "%s", "not prepared, without a message");
      return;
    }
    ++tally.prepared;
    std::vector<std::vector<float>> outputs;
    std::vector<float*> pointers;
    for (size_t o = 0; o < executable->program().outputs.size(); ++o)
      outputs.emplace_back(static_cast<size_t>(executable->outputElements(o)));
    for (std::vector<float>& output : outputs) pointers.push_back(output.data());
    if (executable->run(views, pointers.data(), &error)) {
      ++tally.ran;
      for (const Instruction& instruction : executable->program().instructions)
        ++tally.ranOf[static_cast<size_t>(instruction.op)];
    } else
      CHECK(error, "%s", "ended without a message");
  }
}

}  // namespace

#if defined(DOTS_LIBFUZZER)
extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  runOne(data, size);
  if (failures() > 0) std::abort();
  return 0;
}
#else
int main(int argc, char** argv) {
  const int numInputs = argc > 1 ? std::atoi(argv[1]) : 4000;
  TestRandom random(argc > 2 ? static_cast<uint64_t>(std::atoll(argv[2])) : 1);
  for (int i = 0; i < numInputs; ++i) {
    // Short inputs change one thing and get far; long ones change many.
    std::vector<uint8_t> bytes(static_cast<size_t>(1 + (i % 4 == 0 ? random.below(200) : random.below(16))));
    random.fillBytes(bytes.data(), static_cast<int64_t>(bytes.size()));
    runOne(bytes.data(), bytes.size());
  }
  std::printf("%d programs: %d parsed, %d created, %d prepared, %d ran (two runs each)\n", numInputs, tally.parsed,
              tally.created, tally.prepared, tally.ran);
  for (int op = 0; op < kNumOps; ++op) {
    const char* name = opInfo(static_cast<Op>(op)).name;
    std::printf("%s %d%s", name, tally.ranOf[op], op + 1 < kNumOps ? ", " : "\n");
    CHECK(tally.ranOf[op] > 0, "%s never ran", name);
  }
  CHECK(tally.ran * 20 > numInputs, "%s", "hardly any program ran: the inputs test nothing");
  CHECK(tally.parsed < numInputs && tally.created < tally.parsed && tally.ran < tally.prepared, "%s",
        "some check never refused anything");
  return finishTests("fuzz-program");
}
#endif
