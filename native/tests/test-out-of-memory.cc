// Memory that runs out at any allocation of parse, create, prepare or run: the call ends with an error of kind
// resource, nothing is left over (the sanitizer looks for leaks), and the same executable, given memory, computes the
// same bits.
#include <algorithm>
#include <climits>

#include "memory.h"
#include "op.h"
#include "seed-programs.h"
#include "tests/each-isa.h"

namespace dots {
namespace {

int allowed;         // allocations until one is refused
int numAllocations;  // so far

/// One allocation fails, and the ones after it succeed: code that ignores the failure then works on missing memory.
bool refuseOne(int64_t) { return numAllocations++ != allowed; }
bool refuseAllFrom(int64_t) { return numAllocations++ < allowed; }

using MayAllocate = bool (*)(int64_t);

/// Runs `attempt` once for each of its allocations, which fails, and checks that it says so. The number of them.
template <class Attempt>
int failsAtEachAllocation(const char* what, MayAllocate mayOne, Attempt attempt) {
  for (allowed = 0;; ++allowed) {
    Error error;
    numAllocations = 0;
    mayAllocate = mayOne;
    const bool isDone = attempt(&error);
    mayAllocate = nullptr;
    if (numAllocations <= allowed) {
      CHECK(isDone, "%s with memory: %s", what, error.message());
      return allowed;
    }
    CHECK(
        !isDone && error.kind() == ErrorKind::kResource && std::strncmp(error.message(), "out of memory for ", 18) == 0,
        "%s without allocation %d: %s (%s)", what, allowed, error.message(), errorKindName(error.kind()));
  }
}

struct Result {
  std::vector<std::vector<float>> outputs, stored;
};

bool parse(const SmallModel& model, Program* program, Error* error) {
  std::vector<int32_t> words;
  std::vector<double> constants;
  model.draft.encode(&words, &constants);
  return parseProgram(words.data(), static_cast<int64_t>(words.size()), constants.data(),
                      static_cast<int64_t>(constants.size()), program, error);
}

/// An executable of the model, or null with the error set.
std::unique_ptr<Executable> make(const SmallModel& model, const std::shared_ptr<Device>& device, Error* error) {
  Program program;
  if (!parse(model, &program, error)) return nullptr;
  // What the caller hands over is the caller's to allocate.
  Buffer<Weight> weights;
  Buffer<State> states;
  const MayAllocate asked = std::exchange(mayAllocate, nullptr);
  CHECK(copyWeights(model.weights, &weights) && states.assign(model.states.data(), model.states.size()), "%s",
        "out of memory for a small model");
  mayAllocate = asked;
  return Executable::create(device, std::move(program), std::move(weights), std::move(states), error);
}

/// prepare and run from the same stored tensors; outputs of an earlier run do not shine through.
bool runOnce(Executable& executable, SmallModel& model, Result* result, Error* error) {
  model.resetStored(7);
  const std::vector<RunInput> views = viewsOf(model.inputs, model.isFloatInput);
  if (!executable.prepare(model.bindings, views, error)) return false;
  result->outputs.clear();
  std::vector<float*> pointers;
  for (size_t i = 0; i < executable.program().outputs.size(); ++i)
    result->outputs.emplace_back(static_cast<size_t>(executable.outputElements(i)), NAN);
  for (std::vector<float>& output : result->outputs) pointers.push_back(output.data());
  if (!executable.run(views, pointers.data(), error)) return false;
  result->stored.clear();
  for (const auto& tensor : model.stored)
    if (tensor) result->stored.push_back(*tensor);
  return true;
}

bool isSame(const Result& a, const Result& b) {
  if (a.outputs.size() != b.outputs.size() || a.stored.size() != b.stored.size()) return false;
  for (size_t i = 0; i < a.outputs.size(); ++i)
    if (!sameBits(a.outputs[i], b.outputs[i])) return false;
  for (size_t i = 0; i < a.stored.size(); ++i)
    if (!sameBits(a.stored[i], b.stored[i])) return false;
  return true;
}

/// The numbers of refused allocations: of parse and create, and of the first prepare and run.
struct Tally {
  int made = 0, ran = 0;
};

Tally survives(const char* what, SmallModel model, int numThreads, MayAllocate mayOne) {
  const auto device = std::make_shared<Device>(bestIsa(), numThreads);
  Tally tally;
  Error error;
  Result expected, found;
  {
    const std::unique_ptr<Executable> executable = make(model, device, &error);
    CHECK(executable && runOnce(*executable, model, &expected, &error), "%s: %s", what, error.message());
    if (!executable || error) return tally;
  }
  std::unique_ptr<Executable> executable;
  tally.made = failsAtEachAllocation(what, mayOne, [&](Error* why) {
    executable = make(model, device, why);
    return executable != nullptr;
  });
  // Each time on an executable that has kept nothing yet; the run after it has memory.
  tally.ran = failsAtEachAllocation(what, mayOne, [&](Error* why) {
    const MayAllocate asked = std::exchange(mayAllocate, nullptr);
    executable = make(model, device, why);
    mayAllocate = asked;
    const bool isDone = runOnce(*executable, model, &found, why);
    mayAllocate = nullptr;
    Error later;
    for (int i = 0; i < 2; ++i) {
      CHECK(runOnce(*executable, model, &found, &later), "%s after allocation %d: %s", what, allowed, later.message());
      CHECK(isSame(found, expected), "%s after allocation %d: other bits", what, allowed);
    }
    return isDone;
  });
  return tally;
}

void wholeModelsSurvive() {
  const char* const names[] = {"q8_0", "f32, experts in parts", "q4_0", "training"};
  for (size_t i = 0; i < wholeSeeds().size(); ++i) {
    for (MayAllocate mayOne : {refuseOne, refuseAllFrom}) {
      const Tally tally = survives(names[i], wholeSeeds()[i], 2, mayOne);
      CHECK(tally.made >= 50 && tally.ran >= 5, "%s: only %d and %d allocations", names[i], tally.made, tally.ran);
    }
  }
}

SmallModel withVectorsOfF16() {
  SmallModel model = makeSmallModel();
  TestRandom random(1);
  for (WeightDraft& weight : model.weights)
    if (weight.rank == 1) weight = smallWeight(random, StorageId::kF16, {weight.dims[0]});
  return model;
}

/// Vectors of another type than f32 are decoded when an executable is made.
void decodedVectorsSurvive() {
  const int numMade = survives("vectors of f16", withVectorsOfF16(), 1, refuseOne).made;
  const int numOthers = survives("vectors of f32", makeSmallModel(), 1, refuseOne).made;
  CHECK(numMade >= numOthers + 3, "%d allocations instead of %d", numMade, numOthers);
}

/// Weights, caches and programs that do not fit each other are refused before a vector is decoded or a cache reserved:
/// create allocates one list, of what each slot holds.
void createChecksBeforeItAllocates() {
  const SmallModel good = withVectorsOfF16();
  const auto device = std::make_shared<Device>(bestIsa(), 1);
  const auto find = [](SmallModel& model, Op op) {
    return std::find_if(model.draft.instructions.begin(), model.draft.instructions.end(),
                        [op](const InstructionDraft& instruction) { return instruction.op == op; });
  };
  const auto numAllocatedByCreate = [&](const SmallModel& model, Error* error) {
    Program program;
    allowed = INT_MAX;
    mayAllocate = refuseOne;
    numAllocations = 0;
    CHECK(parse(model, &program, error), "%s", error->message());
    const int numParsed = std::exchange(numAllocations, 0);
    const std::unique_ptr<Executable> executable = make(model, device, error);
    mayAllocate = nullptr;
    return numAllocations - numParsed;
  };
  const auto check = [&](const char* what, const SmallModel& model) {
    Error error;
    const int numAllocated = numAllocatedByCreate(model, &error);
    CHECK(error.kind() == ErrorKind::kInternal && numAllocated <= 1, "%s: %d allocations, %s", what, numAllocated,
          error.message());
  };
  Error error;
  CHECK(numAllocatedByCreate(good, &error) >= 5 && !error, "%s", error.message());
  SmallModel model = good;
  ++model.weights.back().dims[0];
  check("a last weight with too few bytes", model);
  model = good;
  for (Value& value : model.draft.values)
    if (value.kind == ValueKind::kWeight) ++value.dims[0].times;
  check("weights of another shape", model);
  model = good;
  model.states.back().dims[0] = kSmallPages + 1;
  check("a last cache of another shape", model);
  model = good;
  model.states.back().type = static_cast<KvType>(9);
  check("a last cache of no type", model);
  model = good;
  find(model, Op::linear)->inputs.pop_back();
  check("a product of one operand", model);
  model = good;
  find(model, Op::quantizeRows)->constants[0] = 2;
  check("rows converted for another type", model);
}

/// Any file with enough bytes: this program.
void mappedModelsSurvive(const char* path) {
  std::shared_ptr<Mapping> mapping;
  const int numOpened = failsAtEachAllocation("a mapping", refuseOne, [&](Error* error) {
    mapping = Mapping::open(path, error);
    return mapping != nullptr;
  });
  CHECK(numOpened == 1, "%d allocations", numOpened);
  SmallModel model = makeSmallModel();
  for (WeightDraft& weight : model.weights) {
    if (weight.rank == 1 || !mapping || weight.parts[0].sizeBytes > mapping->size()) continue;
    weight.parts[0].mapping = mapping;
    weight.parts[0].owned.clear();
  }
  survives("a mapped model", model, 1, refuseOne);
}

/// Alone, an op has nothing that another one has allocated before it.
void everyOpSurvives() {
  int numRun = 0;
  for (const SmallModel& seed : singleSeeds()) {
    Error error;
    SmallModel model = seed;
    const std::unique_ptr<Executable> executable = make(model, std::make_shared<Device>(bestIsa(), 1), &error);
    Result result;
    // Some refuse to run where a weight became an input.
    if (!executable || !runOnce(*executable, model, &result, &error)) continue;
    survives(opInfo(model.draft.instructions[0].op).name, model, 1, refuseOne);
    ++numRun;
  }
  CHECK(numRun >= kNumOps, "only %d programs ran", numRun);
}

/// An executable that has run short steps, and fails at a long one, still does both.
void aLongerStepFailsAndAShorterOneRuns() {
  SmallModel model = makeSmallModel();
  const auto device = std::make_shared<Device>(bestIsa(), 2);
  Error error;
  Result shortStep, longStep, found;
  const auto bindShort = [&] { bindSmallModel(model, {3}); };
  const auto bindLong = [&] { bindSmallModel(model, {100}); };
  {
    const std::unique_ptr<Executable> executable = make(model, device, &error);
    bindShort();
    CHECK(runOnce(*executable, model, &shortStep, &error), "%s", error.message());
    bindLong();
    CHECK(runOnce(*executable, model, &longStep, &error), "%s", error.message());
  }
  const int numRefused = failsAtEachAllocation("a longer step", refuseOne, [&](Error* why) {
    const MayAllocate asked = std::exchange(mayAllocate, nullptr);
    const std::unique_ptr<Executable> executable = make(model, device, why);
    bindShort();
    CHECK(runOnce(*executable, model, &found, why), "%s", why->message());
    bindLong();
    mayAllocate = asked;
    const bool isDone = runOnce(*executable, model, &found, why);
    mayAllocate = nullptr;
    Error later;
    bindShort();
    CHECK(runOnce(*executable, model, &found, &later) && isSame(found, shortStep), "a short step: %s", later.message());
    bindLong();
    CHECK(runOnce(*executable, model, &found, &later) && isSame(found, longStep), "a long step: %s", later.message());
    return isDone;
  });
  CHECK(numRefused >= 5, "only %d allocations", numRefused);
}

}  // namespace
}  // namespace dots

int main(int, char** argv) {
  dots::wholeModelsSurvive();
  dots::decodedVectorsSurvive();
  dots::createChecksBeforeItAllocates();
  dots::mappedModelsSurvive(argv[0]);
  dots::everyOpSurvives();
  dots::aLongerStepFailsAndAShorterOneRuns();
  return dots::finishTests("out-of-memory");
}
