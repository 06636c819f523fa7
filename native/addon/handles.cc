#include "addon/handles.h"

#include "expert-cache.h"

#include <cstring>

namespace dots {

const HandleType kSharedMemory{"memory of allocate() that is not freed"};
const HandleType kDevice{"a device of this addon"};
const HandleType kExecutable{"an executable of this addon"};

void Model::report(napi_env env, int64_t sizeBytes) {
  int64_t total = 0;
  // Advice for the collector; without it everything is right all the same.
  if (sizeBytes != reportedBytes && napi_adjust_external_memory(env, sizeBytes - reportedBytes, &total) == napi_ok)
    reportedBytes = sizeBytes;
}

void releaseModel(napi_env env, std::shared_ptr<Model> model) {
  if (model && model.use_count() == 1) model->report(env, 0);
}

void ModelHandle::release(napi_env env) { releaseModel(env, std::move(model)); }

napi_value openDevice(napi_env env, napi_callback_info info) {
  Call call(env, info, "openDevice");
  Buffer<char> name;
  call.text(call.argument(0, "isa"), &name);
  const int64_t numThreads = call.integer(call.argument(1, "numThreads"), 1, INT32_MAX);
  Isa isa = Isa::kPortable;
  if (call.ok() && !findIsa(name.data(), &isa))
    call.failWith(errorKindName(ErrorKind::kUnsupported), "this machine cannot run %s", name.data());
  napi_value result = nullptr;
  if (call.ok() && call.check(napi_create_object(env, &result), "make a handle")) {
    std::shared_ptr<Device> device = std::make_shared<Device>(isa, static_cast<int>(numThreads));
    call.wrap(result, std::unique_ptr<DeviceHandle>(new DeviceHandle{std::move(device)}), kDevice);
  }
  return call.finish(result);
}

napi_value allocate(napi_env env, napi_callback_info info) {
  Call call(env, info, "allocate");
  const int64_t sizeBytes = call.integer(call.argument(0, "sizeBytes"), 0, INT64_MAX);
  if (!call.ok()) return call.finish(nullptr);
  std::shared_ptr<LargeMemory> memory(new LargeMemory);
  if (!memory->allocate(sizeBytes)) {
    call.failWith(errorKindName(ErrorKind::kResource), "out of memory for %lld bytes",
                  static_cast<long long>(sizeBytes));
    return call.finish(nullptr);
  }
  // Two owners: the object that is in JavaScript's hands, and the memory it owns, which outlives the object where a
  // buffer is transferred.
  SharedMemory* const behind = new SharedMemory{memory};
  const auto finalize = [](napi_env, void*, void* hint) { delete static_cast<SharedMemory*>(hint); };
  napi_value buffer = nullptr;
  if (napi_create_external_arraybuffer(env, memory->data(), static_cast<size_t>(sizeBytes), finalize, behind,
                                       &buffer) != napi_ok) {
    // Where the size was the reason (Node.js 20: more than 4 GiB) it has been finalized already.
    if (memory.use_count() > 1) delete behind;
    napi_value exception = nullptr;
    napi_get_and_clear_last_exception(env, &exception);
    call.failWith(errorKindName(ErrorKind::kResource), "Node.js has no buffers of %lld bytes",
                  static_cast<long long>(sizeBytes));
    return call.finish(nullptr);
  }
  call.wrap(buffer, std::unique_ptr<SharedMemory>(new SharedMemory{memory}), kSharedMemory);
  return call.finish(buffer);
}

napi_value freeBuffer(napi_env env, napi_callback_info info) {
  Call call(env, info, "free");
  const Argument buffer = call.argument(0, "buffer");
  SharedMemory* const shared = static_cast<SharedMemory*>(call.unwrap(buffer, kSharedMemory));
  if (shared && call.check(napi_detach_arraybuffer(env, buffer.value), "detach a buffer")) shared->memory.reset();
  return call.finish(nullptr);
}

napi_value cancel(napi_env env, napi_callback_info info) {
  Call call(env, info, "cancel");
  const ModelHandle* const handle = static_cast<ModelHandle*>(call.unwrap(call.argument(0, "handle"), kExecutable));
  if (handle && handle->model) handle->model->executable->cancel();
  return call.finish(nullptr);
}

namespace {

/// Doubles that `read` finds in an executable which is not running: `read` returns a span of what it wrote to or owns.
template <class Read>
napi_value idleNumbers(Call& call, Read&& read) {
  const ModelHandle* const handle = static_cast<ModelHandle*>(call.unwrap(call.argument(0, "handle"), kExecutable));
  // Held, and looked at again after the array is made: in its constructor's place JavaScript may have put a function
  // that closes the model or runs it.
  const std::shared_ptr<Model> model = handle ? handle->model : nullptr;
  const auto isIdle = [&] { return model && !model->isRunning; };
  if (call.ok() && !isIdle()) call.failWith("closed", "the model is closed or runs");
  if (!call.ok()) return call.finish(nullptr);
  const Span<double> values = read(*model->executable);
  void* data = nullptr;
  const napi_value result = call.newArray(napi_float64_array, values.size(), &data);
  if (result && !isIdle()) call.failWith("closed", "the model is closed or runs");
  if (call.ok() && !values.empty()) std::memcpy(data, values.data(), values.size() * sizeof(double));
  return call.finish(result);
}

}  // namespace

napi_value seconds(napi_env env, napi_callback_info info) {
  Call call(env, info, "seconds");
  return idleNumbers(call, [](const Executable& executable) { return executable.instructionSeconds(); });
}

napi_value expertStats(napi_env env, napi_callback_info info) {
  Call call(env, info, "expertStats");
  double values[6];
  return idleNumbers(call, [&](const Executable& executable) {
    ExpertCacheStats stats;
    if (!executable.expertStats(&stats)) return Span<double>();
    values[0] = static_cast<double>(stats.numChosen);
    values[1] = static_cast<double>(stats.numHeld);
    values[2] = static_cast<double>(stats.bytesRead);
    values[3] = stats.waitSeconds;
    values[4] = static_cast<double>(stats.heldBytes);
    values[5] = static_cast<double>(stats.budgetBytes);
    return Span<double>(values, 6);
  });
}

napi_value closeHandle(napi_env env, napi_callback_info info) {
  Call call(env, info, "close");
  ModelHandle* const handle = static_cast<ModelHandle*>(call.unwrap(call.argument(0, "handle"), kExecutable));
  if (handle) handle->release(env);
  return call.finish(nullptr);
}

}  // namespace dots
