#include "addon/handles.h"

namespace dots {
namespace {

/// One run; everything that JavaScript owns is held until it is over.
struct RunWork final : AsyncWork {
  RunWork(napi_env where, std::shared_ptr<Model> of) : AsyncWork(where), model(std::move(of)) {
    model->isRunning = true;
  }
  ~RunWork() override {
    model->isRunning = false;
    model->report(env(), model->executable->heldBytes());
    releaseModel(env(), std::move(model));
  }
  bool execute(Error* error) override { return model->executable->run(inputs, outputs.data(), error); }
  napi_value finish(Call& call) override;

  std::shared_ptr<Model> model;
  Buffer<Buffer<int32_t>> inputData;
  Buffer<RunInput> inputs;
  Buffer<float*> outputs;
  Buffer<Reference> outputArrays;
};

napi_value RunWork::finish(Call& call) {
  napi_value result = nullptr;
  call.check(napi_create_array_with_length(call.env(), outputArrays.size(), &result), "make a list");
  for (uint32_t i = 0; i < outputArrays.size() && call.ok(); ++i) {
    const napi_value output = outputArrays[i].get(call);
    if (call.ok()) call.check(napi_set_element(call.env(), result, i, output), "fill a list");
  }
  return result;
}

bool readInputs(Call& call, RunWork& run) {
  const Argument list = call.argument(1, "inputs");
  const uint32_t numInputs = static_cast<uint32_t>(run.model->executable->program().numInputs);
  const uint32_t length = call.length(list, numInputs, numInputs);
  if (!run.inputData.resize(length) || !run.inputs.resize(length)) return call.outOfMemory("a list of inputs");
  for (uint32_t i = 0; i < length && call.ok(); ++i) {
    bool isFloat = false;
    const Span<int32_t> words = call.words(call.element(list, i), &isFloat);
    if (!run.inputData[i].assign(words.data(), words.size())) return call.outOfMemory("an input");
    run.inputs[i] = {run.inputData[i].data(), static_cast<int64_t>(words.size()), isFloat};
  }
  return call.ok();
}

bool prepareOutputs(Call& call, RunWork& run) {
  const Argument argument = call.argument(3, "outputs");
  const Span<int32_t> list = call.elements<int32_t>(argument);
  const Executable& executable = *run.model->executable;
  Buffer<int32_t> wanted;
  if (!wanted.assign(list.data(), list.size()) || !run.outputs.resize(executable.program().outputs.size()) ||
      !run.outputArrays.resize(wanted.size()))
    return call.outOfMemory("a list of outputs");
  for (uint32_t i = 0; i < wanted.size() && call.ok(); ++i) {
    const size_t output = static_cast<size_t>(wanted[i]);
    if (wanted[i] < 0 || output >= run.outputs.size() || run.outputs[output]) {
      const Argument element{nullptr, &argument, nullptr, i};
      return call.refuse(element, "the number of an output, each once");
    }
    void* data = nullptr;
    const napi_value array =
        call.newArray(napi_float32_array, static_cast<size_t>(executable.outputElements(output)), &data);
    run.outputs[output] = static_cast<float*>(data);
    run.outputArrays[i].hold(call, array);
  }
  return call.ok();
}

}  // namespace

napi_value run(napi_env env, napi_callback_info info) {
  Call call(env, info, "run");
  const ModelHandle* const handle = static_cast<ModelHandle*>(call.unwrap(call.argument(0, "handle"), kExecutable));
  if (handle && !handle->model) call.failWith("closed", "the model is closed");
  // Both would work in the same memory.
  if (call.ok() && handle->model->isRunning) call.failWith("internal", "run: another run is under way");
  if (!call.ok()) return call.finish(nullptr);
  std::unique_ptr<RunWork> work(new RunWork(env, handle->model));
  const Span<int32_t> bound = call.elements<int32_t>(call.argument(2, "bindings"));
  Buffer<int32_t> bindings;
  if (!bindings.assign(bound.data(), bound.size())) call.outOfMemory("symbols");
  if (!readInputs(call, *work)) return call.finish(nullptr);
  Error error;
  if (!work->model->executable->prepare(bindings, work->inputs, &error)) {
    call.fail(error);
    return call.finish(nullptr);
  }
  if (!prepareOutputs(call, *work)) return call.finish(nullptr);
  return AsyncWork::start(std::move(work), call, "run");
}

}  // namespace dots
