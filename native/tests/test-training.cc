// A whole step of training in small: the same bits on any number of threads and on every instruction set, refusals
// instead of crashes, and that what only changes states changes them.
#include "tests/each-isa.h"
#include "training-program.h"

namespace dots {
namespace {

struct Result {
  std::vector<std::vector<float>> outputs, stored;
  Error error;
};

Result runTraining(SmallModel& training, int numThreads, const std::vector<std::vector<int32_t>>& inputs,
                   Isa isa = bestIsa()) {
  Result result;
  training.resetStored(7);
  std::unique_ptr<Executable> executable =
      createExecutable(training.draft, training.weights, training.states, numThreads, &result.error, isa);
  if (!executable) return result;
  const std::vector<RunInput> views = viewsOf(inputs, training.isFloatInput);
  const std::vector<int32_t> bindings = {static_cast<int32_t>(inputs[0].size())};
  if (!executable->prepare(bindings, views, &result.error)) return result;
  std::vector<float*> pointers;
  for (size_t i = 0; i < executable->program().outputs.size(); ++i)
    result.outputs.emplace_back(static_cast<size_t>(executable->outputElements(i)));
  for (std::vector<float>& output : result.outputs) pointers.push_back(output.data());
  executable->run(views, pointers.data(), &result.error);
  for (const auto& tensor : training.stored) result.stored.push_back(*tensor);
  return result;
}

bool isSame(const Result& a, const Result& b) {
  if (a.outputs.size() != b.outputs.size() || a.stored.size() != b.stored.size()) return false;
  for (size_t i = 0; i < a.outputs.size(); ++i)
    if (!sameBits(a.outputs[i], b.outputs[i])) return std::printf("output %d\n", static_cast<int>(i)), false;
  for (size_t i = 0; i < a.stored.size(); ++i)
    if (!sameBits(a.stored[i], b.stored[i])) return std::printf("tensor %d\n", static_cast<int>(i)), false;
  return true;
}

void aStepHasTheSameBitsEverywhere() {
  SmallModel training = makeTrainingModel();
  Result first;
  onEachIsa([&](const Kernels& kernels) {
    for (int numThreads : {1, 2, 5}) {
      const Result result = runTraining(training, numThreads, training.inputs, kernels.isa);
      CHECK(!result.error, "%s", result.error.message());
      if (first.outputs.empty()) first = result;
      CHECK(isSame(result, first), "%s, %d threads", isaName(kernels.isa), numThreads);
    }
  });
  for (const std::vector<std::vector<float>>& lists : {first.outputs, first.stored})
    for (const std::vector<float>& list : lists)
      for (float value : list) CHECK(value - value == 0, "not finite: %g", value);
}

void aStepChangesItsStatesAndClearsTheGradient() {
  SmallModel training = makeTrainingModel();
  training.resetStored(7);
  std::vector<std::vector<float>> before;
  for (const auto& tensor : training.stored) before.push_back(*tensor);
  const Result after = runTraining(training, 2, training.inputs);
  for (size_t i = 0; i < before.size(); ++i)
    CHECK(!sameBits(before[i], after.stored[i]), "tensor %d is as it was", static_cast<int>(i));
  for (float value : after.stored[1]) CHECK(value == 0, "adamw left %g", value);
}

void numbersThatLeadOutsideAreRefused() {
  SmallModel training = makeTrainingModel();
  for (size_t input : {size_t{0}, size_t{2}}) {
    std::vector<std::vector<int32_t>> inputs = training.inputs;
    inputs[input][3] = kTrainingVocab;
    CHECK(runTraining(training, 1, inputs).error, "input %d", static_cast<int>(input));
  }
  training.isFloatInput[0] = true;
  CHECK(runTraining(training, 1, training.inputs).error, "%s", "floats where integers belong");
}

}  // namespace
}  // namespace dots

int main() {
  dots::aStepHasTheSameBitsEverywhere();
  dots::aStepChangesItsStatesAndClearsTheGradient();
  dots::numbersThatLeadOutsideAreRefused();
  return dots::finishTests("training");
}
