// Programs that parse and name real ops, with axes that no compiler would give them: they are refused or they run, and
// never end the process. fuzz-program.cc looks for more of them.
#include <algorithm>

#include "op.h"
#include "seed-programs.h"

namespace dots {
namespace {

/// Whether it ran; a refusal without a message is a failed check.
bool runs(const SmallModel& model) {
  Error error;
  std::unique_ptr<Executable> executable = createExecutable(model.draft, model.weights, model.states, 1, &error);
  const std::vector<RunInput> views = viewsOf(model.inputs, model.isFloatInput);
  if (executable && executable->prepare(model.bindings, views, &error, 16 << 20)) {
    std::vector<std::vector<float>> outputs;
    std::vector<float*> pointers;
    for (size_t i = 0; i < executable->program().outputs.size(); ++i)
      outputs.emplace_back(static_cast<size_t>(executable->outputElements(i)));
    for (std::vector<float>& output : outputs) pointers.push_back(output.data());
    if (executable->run(views, pointers.data(), &error)) return true;
  }
  CHECK(error, "%s refused without a message", opInfo(model.draft.instructions[0].op).name);
  return false;
}

void everyOpIsInASeed() {
  int numRuns[kNumOps] = {};
  for (const SmallModel& seed : singleSeeds()) numRuns[static_cast<int>(seed.draft.instructions[0].op)] += runs(seed);
  for (int op = 0; op < kNumOps; ++op)
    CHECK(numRuns[op] > 0, "no seed program runs %s", opInfo(static_cast<Op>(op)).name);
}

void runsWithAnyNumbers(SmallModel model) {
  settle(model);
  runs(model);
  // Rows that do not exist, or targets that do not count; then what every list of rows has.
  for (int32_t number : {-1, 0}) {
    for (size_t i = 0; i < model.inputs.size(); ++i) {
      if (!model.isFloatInput[i]) std::fill(model.inputs[i].begin(), model.inputs[i].end(), number);
    }
    runs(model);
  }
}

// Each axis of each operand of each op, alone and wherever the same axis appears.
void axesOfAnyLengthDoNoHarm() {
  for (const SmallModel& seed : singleSeeds()) {
    for (size_t v = 0; v < seed.draft.values.size(); ++v) {
      for (int axis = 0; axis < seed.draft.values[v].rank; ++axis) {
        const Dim from = seed.draft.values[v].dims[axis];
        for (int32_t times : {0, 1, 3, 65}) {
          SmallModel one = seed, all = seed;
          one.draft.values[v].dims[axis].times = times;
          runsWithAnyNumbers(one);
          for (Value& value : all.draft.values) {
            for (int i = 0; i < value.rank; ++i) {
              if (value.dims[i].times == from.times && value.dims[i].symbol == from.symbol) value.dims[i].times = times;
            }
          }
          runsWithAnyNumbers(all);
        }
      }
    }
    SmallModel empty = seed;
    for (int32_t& binding : empty.bindings) binding = 0;
    runsWithAnyNumbers(empty);
  }
}

SmallModel* seedOf(Op op) {
  static std::vector<SmallModel> seeds = singleSeeds();
  for (SmallModel& seed : seeds) {
    if (seed.draft.instructions[0].op == op) return &seed;
  }
  return nullptr;
}

Value& operandOf(SmallModel& model, size_t i) {
  return model.draft.values[static_cast<size_t>(model.draft.instructions[0].inputs[i])];
}

// Rows each were divided by the number of its words.
void aMatrixWithoutRowsIsRefused() {
  SmallModel model = *seedOf(Op::linearCrossEntropy);
  // A weight has rows; what a slot or an input holds may be anything.
  Value& matrix = operandOf(model, 1);
  matrix.kind = ValueKind::kInput;
  matrix.index = static_cast<int32_t>(model.inputs.size());
  matrix.dims[0].times = 0;
  model.inputs.emplace_back();
  model.isFloatInput.push_back(true);
  model.weights.clear();
  for (int32_t& target : model.inputs[static_cast<size_t>(operandOf(model, 2).index)]) target = -1;
  settle(model);
  CHECK(!runs(model), "%s", "a loss against no words");
}

// The shape of the choice was divided by its width.
void aChoiceOfNoExpertsIsRefused() {
  SmallModel model = *seedOf(Op::chooseExperts);
  Value& out = model.draft.values[static_cast<size_t>(model.draft.instructions[0].output)];
  out.rank = 1;
  out.dims[0] = {0, -1};
  model.draft.instructions[0].constants[0] = 0;
  settle(model);
  CHECK(!runs(model), "%s", "no experts for no tokens");
}

}  // namespace
}  // namespace dots

int main() {
  dots::everyOpIsInASeed();
  dots::axesOfAnyLengthDoNoHarm();
  dots::aMatrixWithoutRowsIsRefused();
  dots::aChoiceOfNoExpertsIsRefused();
  return dots::finishTests("hostile");
}
