// The only file that knows Node: JavaScript values in, C++ structures out, and back. Every call returns a status;
// nothing here throws or aborts across the boundary.
#include <node_api.h>

#include <cstring>
#include <map>
#include <memory>
#include <string>
#include <sys/mman.h>
#include <vector>

#include "executor.h"
#include "kernels/isa-dispatch.h"
#include "kernels/quantize-rows.h"
#include "kernels/storage.h"
#include "machine-limits.h"

namespace {

using dots::Executable;

napi_value fail(napi_env env, const std::string& message) {
  napi_throw_error(env, nullptr, message.c_str());
  return nullptr;
}

/// Reads arguments and properties; after the first mismatch everything is zero and `failed` says so.
class Arguments {
 public:
  Arguments(napi_env env, napi_callback_info info) : env_(env) {
    size_t count = kMax;
    failed_ = napi_get_cb_info(env, info, &count, values_, nullptr, nullptr) != napi_ok;
    count_ = count;
  }
  explicit Arguments(napi_env env) : env_(env) {}

  bool failed() const { return failed_; }
  napi_value at(size_t i) {
    if (i >= count_) failed_ = true;
    return i < count_ ? values_[i] : nullptr;
  }

  double number(napi_value v) {
    double result = 0;
    if (failed_ || napi_get_value_double(env_, v, &result) != napi_ok) failed_ = true;
    return result;
  }
  std::string text(napi_value v) {
    size_t length = 0;
    if (failed_ || napi_get_value_string_utf8(env_, v, nullptr, 0, &length) != napi_ok) {
      failed_ = true;
      return "";
    }
    std::string result(length, '\0');
    napi_get_value_string_utf8(env_, v, &result[0], length + 1, &length);
    return result;
  }
  napi_value property(napi_value object, const char* name) {
    napi_value result = nullptr;
    if (failed_ || napi_get_named_property(env_, object, name, &result) != napi_ok) failed_ = true;
    return result;
  }
  bool has(napi_value object, const char* name) {
    bool result = false;
    if (failed_ || napi_has_named_property(env_, object, name, &result) != napi_ok) failed_ = true;
    return result;
  }
  uint32_t length(napi_value array) {
    uint32_t result = 0;
    if (failed_ || napi_get_array_length(env_, array, &result) != napi_ok) failed_ = true;
    return result;
  }
  napi_value element(napi_value array, uint32_t i) {
    napi_value result = nullptr;
    if (failed_ || napi_get_element(env_, array, i, &result) != napi_ok) failed_ = true;
    return result;
  }
  /// Elements of a typed array of the given kind; valid while the array is.
  void* typed(napi_value v, napi_typedarray_type expected, size_t* length) {
    napi_typedarray_type type;
    void* data = nullptr;
    *length = 0;
    const bool ok = !failed_ && napi_get_typedarray_info(env_, v, &type, length, &data, nullptr, nullptr) == napi_ok;
    if (!ok || type != expected) {
      failed_ = true;
      *length = 0;
      return nullptr;
    }
    return data;
  }
  template <class T>
  T* external(napi_value v) {
    void* data = nullptr;
    if (failed_ || napi_get_value_external(env_, v, &data) != napi_ok) failed_ = true;
    return static_cast<T*>(data);
  }

 private:
  static constexpr size_t kMax = 8;
  napi_env env_;
  napi_value values_[kMax] = {};
  size_t count_ = 0;
  bool failed_ = false;
};

/// `isRunning` is looked at on the JavaScript thread only.
struct Model {
  std::unique_ptr<Executable> executable;
  bool isRunning = false;
};

/// A model in JavaScript's hands. `close` may come while a run is under way; the last owner frees it.
struct Handle {
  std::shared_ptr<Model> model;
};

/// Weights of one file share its mapping.
class Mappings {
 public:
  std::shared_ptr<dots::Mapping> open(const std::string& path, std::string* error) {
    std::shared_ptr<dots::Mapping>& known = byPath_[path];
    if (!known) known = dots::Mapping::open(path, error);
    return known;
  }

 private:
  std::map<std::string, std::shared_ptr<dots::Mapping>> byPath_;
};

bool readPart(Arguments& arguments, napi_value object, Mappings& mappings, dots::WeightPart* part, std::string* error) {
  part->sizeBytes = static_cast<int64_t>(arguments.number(arguments.property(object, "sizeBytes")));
  if (arguments.has(object, "bytes")) {
    size_t length = 0;
    const void* bytes = arguments.typed(arguments.property(object, "bytes"), napi_uint8_array, &length);
    if (arguments.failed() || static_cast<int64_t>(length) != part->sizeBytes) return false;
    part->owned.assign(static_cast<const uint8_t*>(bytes), static_cast<const uint8_t*>(bytes) + length);
    return true;
  }
  if (arguments.has(object, "floats")) {
    size_t length = 0;
    part->stored =
        static_cast<const uint8_t*>(arguments.typed(arguments.property(object, "floats"), napi_float32_array, &length));
    return !arguments.failed() && static_cast<int64_t>(length * sizeof(float)) == part->sizeBytes;
  }
  const std::string path = arguments.text(arguments.property(object, "path"));
  part->offset = static_cast<int64_t>(arguments.number(arguments.property(object, "offset")));
  if (arguments.failed()) return false;
  part->mapping = mappings.open(path, error);
  if (!part->mapping) {
    *error = "cannot map " + path + ": " + *error;
    return false;
  }
  if (part->offset < 0 || part->sizeBytes < 0 || part->offset > part->mapping->size() - part->sizeBytes) {
    *error = "a weight lies outside of " + path;
    return false;
  }
  return true;
}

bool readWeight(Arguments& arguments, napi_value object, Mappings& mappings, dots::Weight* weight, std::string* error) {
  weight->type = static_cast<int32_t>(arguments.number(arguments.property(object, "type")));
  napi_value shape = arguments.property(object, "shape");
  const uint32_t rank = arguments.length(shape);
  if (arguments.failed() || rank < 1 || rank > 3) return false;
  weight->rank = static_cast<int32_t>(rank);
  for (uint32_t i = 0; i < rank; ++i)
    weight->dims[i] = static_cast<int64_t>(arguments.number(arguments.element(shape, i)));
  napi_value parts = arguments.property(object, "parts");
  const uint32_t numParts = arguments.length(parts);
  for (uint32_t i = 0; i < numParts && !arguments.failed(); ++i) {
    weight->parts.emplace_back();
    if (!readPart(arguments, arguments.element(parts, i), mappings, &weight->parts.back(), error)) return false;
  }
  return !arguments.failed();
}

/// load(words, constants, weights, states, numThreads) -> handle
napi_value load(napi_env env, napi_callback_info info) {
  Arguments arguments(env, info);
  size_t numWords = 0;
  size_t numConstants = 0;
  const void* words = arguments.typed(arguments.at(0), napi_int32_array, &numWords);
  const void* constants = arguments.typed(arguments.at(1), napi_float64_array, &numConstants);
  if (arguments.failed()) return fail(env, "load: expected words and constants");
  std::string error;
  dots::Program program;
  if (!dots::parseProgram(static_cast<const int32_t*>(words), static_cast<int64_t>(numWords),
                          static_cast<const double*>(constants), static_cast<int64_t>(numConstants), &program,
                          &error)) {
    return fail(env, "bad program: " + error);
  }
  Mappings mappings;
  std::vector<dots::Weight> weights(arguments.length(arguments.at(2)));
  for (uint32_t i = 0; i < weights.size(); ++i) {
    if (readWeight(arguments, arguments.element(arguments.at(2), i), mappings, &weights[i], &error)) continue;
    return fail(env, error.empty() ? "load: a weight is not described as expected" : error);
  }
  std::vector<dots::State> states(arguments.length(arguments.at(3)));
  for (uint32_t i = 0; i < states.size(); ++i) {
    napi_value object = arguments.element(arguments.at(3), i);
    states[i].type =
        static_cast<dots::KvType>(static_cast<int32_t>(arguments.number(arguments.property(object, "type"))));
    napi_value shape = arguments.property(object, "shape");
    const uint32_t rank = arguments.length(shape);
    if (arguments.failed() || rank < 1 || rank > 4) return fail(env, "load: the states are not described as expected");
    states[i].rank = static_cast<int32_t>(rank);
    for (uint32_t d = 0; d < rank; ++d)
      states[i].dims[d] = static_cast<int64_t>(arguments.number(arguments.element(shape, d)));
    if (!arguments.has(object, "floats")) continue;
    size_t length = 0;
    states[i].stored =
        static_cast<float*>(arguments.typed(arguments.property(object, "floats"), napi_float32_array, &length));
    states[i].sizeBytes = static_cast<int64_t>(length * sizeof(float));
  }
  const int numThreads = static_cast<int>(arguments.number(arguments.at(4)));
  if (arguments.failed()) return fail(env, "load: the states are not described as expected");
  std::unique_ptr<Executable> executable =
      Executable::create(std::move(program), std::move(weights), std::move(states), numThreads, &error);
  if (!executable) return fail(env, error);
  Handle* handle = new Handle{std::make_shared<Model>()};
  handle->model->executable = std::move(executable);
  napi_value result;
  const auto finalize = [](napi_env, void* data, void*) { delete static_cast<Handle*>(data); };
  if (napi_create_external(env, handle, finalize, nullptr, &result) != napi_ok)
    return fail(env, "load: out of handles");
  return result;
}

/// One run on the thread pool of libuv; everything JavaScript owns is referenced until it is over.
struct RunWork {
  napi_async_work work = nullptr;
  napi_deferred deferred = nullptr;
  std::shared_ptr<Model> model;
  std::vector<std::vector<int32_t>> inputData;
  std::vector<dots::RunInput> inputs;
  std::vector<float*> outputs;
  std::vector<napi_ref> outputRefs;
  bool isDone = false;
  std::string error;
};

void finishRun(napi_env env, napi_status, void* data) {
  std::unique_ptr<RunWork> run(static_cast<RunWork*>(data));
  run->model->isRunning = false;
  napi_value result = nullptr;
  napi_create_array_with_length(env, run->outputRefs.size(), &result);
  for (uint32_t i = 0; i < run->outputRefs.size(); ++i) {
    napi_value output = nullptr;
    napi_get_reference_value(env, run->outputRefs[i], &output);
    napi_set_element(env, result, i, output);
    napi_delete_reference(env, run->outputRefs[i]);
  }
  if (run->isDone) {
    napi_resolve_deferred(env, run->deferred, result);
  } else {
    napi_value message = nullptr;
    napi_value error = nullptr;
    napi_create_string_utf8(env, run->error.c_str(), NAPI_AUTO_LENGTH, &message);
    napi_create_error(env, nullptr, message, &error);
    napi_reject_deferred(env, run->deferred, error);
  }
  napi_delete_async_work(env, run->work);
}

/// run(handle, inputs, bindings, wanted) -> Promise of the outputs whose numbers are wanted, in their order
napi_value run(napi_env env, napi_callback_info info) {
  Arguments arguments(env, info);
  Handle* handle = arguments.external<Handle>(arguments.at(0));
  if (arguments.failed() || !handle->model) return fail(env, "run: the model is closed");
  // Both would work in the same memory.
  if (handle->model->isRunning) return fail(env, "run: another run is under way");
  std::unique_ptr<RunWork> work(new RunWork);
  work->model = handle->model;
  Executable& executable = *work->model->executable;
  const uint32_t numInputs = arguments.length(arguments.at(1));
  work->inputData.resize(numInputs);
  for (uint32_t i = 0; i < numInputs; ++i) {
    size_t length = 0;
    napi_typedarray_type type = napi_int8_array;
    void* data = nullptr;
    napi_value array = arguments.element(arguments.at(1), i);
    const bool isArray =
        !arguments.failed() && napi_get_typedarray_info(env, array, &type, &length, &data, nullptr, nullptr) == napi_ok;
    if (!isArray || (type != napi_int32_array && type != napi_float32_array))
      return fail(env, "run: inputs must be Int32Arrays or Float32Arrays");
    static_assert(sizeof(float) == sizeof(int32_t), "both are copied as words");
    work->inputData[i].resize(length);
    if (length > 0) std::memcpy(work->inputData[i].data(), data, length * sizeof(int32_t));
    work->inputs.push_back({work->inputData[i].data(), static_cast<int64_t>(length), type == napi_float32_array});
  }
  size_t numBindings = 0;
  const int32_t* bindings =
      static_cast<const int32_t*>(arguments.typed(arguments.at(2), napi_int32_array, &numBindings));
  if (arguments.failed()) return fail(env, "run: bindings must be an Int32Array");
  if (!executable.prepare(std::vector<int32_t>(bindings, bindings + numBindings), work->inputs, &work->error)) {
    return fail(env, work->error);
  }
  size_t numWanted = 0;
  const int32_t* wanted = static_cast<const int32_t*>(arguments.typed(arguments.at(3), napi_int32_array, &numWanted));
  if (arguments.failed()) return fail(env, "run: the wanted outputs must be an Int32Array");
  work->outputs.assign(executable.program().outputs.size(), nullptr);
  for (size_t i = 0; i < numWanted; ++i) {
    const size_t output = static_cast<size_t>(wanted[i]);
    if (wanted[i] < 0 || output >= work->outputs.size())
      return fail(env, "run: an output is wanted that does not exist");
    const int64_t length = executable.outputElements(output);
    void* data = nullptr;
    napi_value buffer = nullptr;
    napi_value array = nullptr;
    napi_ref reference = nullptr;
    if (napi_create_arraybuffer(env, static_cast<size_t>(length) * 4, &data, &buffer) != napi_ok ||
        napi_create_typedarray(env, napi_float32_array, static_cast<size_t>(length), buffer, 0, &array) != napi_ok ||
        napi_create_reference(env, array, 1, &reference) != napi_ok) {
      return fail(env, "run: out of memory for outputs");
    }
    work->outputs[output] = static_cast<float*>(data);
    work->outputRefs.push_back(reference);
  }
  const auto execute = [](napi_env, void* data) {
    RunWork* current = static_cast<RunWork*>(data);
    current->isDone = current->model->executable->run(current->inputs, current->outputs.data(), &current->error);
  };
  napi_value name = nullptr;
  napi_value promise = nullptr;
  napi_create_string_utf8(env, "dots.run", NAPI_AUTO_LENGTH, &name);
  napi_create_promise(env, &work->deferred, &promise);
  napi_create_async_work(env, nullptr, name, execute, finishRun, work.get(), &work->work);
  napi_queue_async_work(env, work->work);
  work->model->isRunning = true;
  work.release();
  return promise;
}

/// cancel(handle): the run under way ends before its next instruction.
napi_value cancel(napi_env env, napi_callback_info info) {
  Arguments arguments(env, info);
  Handle* handle = arguments.external<Handle>(arguments.at(0));
  if (!arguments.failed() && handle->model) handle->model->executable->cancel();
  return nullptr;
}

/// allocate(sizeBytes) -> ArrayBuffer of zeros, 64-byte aligned and on huge pages where the system has them
napi_value allocate(napi_env env, napi_callback_info info) {
  Arguments arguments(env, info);
  const double sizeBytes = arguments.number(arguments.at(0));
  if (arguments.failed() || !(sizeBytes >= 0 && sizeBytes < 9e15))
    return fail(env, "allocate: expected a number of bytes");
  std::unique_ptr<dots::LargeMemory> memory(new dots::LargeMemory);
  if (!memory->allocate(static_cast<int64_t>(sizeBytes))) return fail(env, "allocate: out of memory");
  const auto finalize = [](napi_env, void*, void* hint) { delete static_cast<dots::LargeMemory*>(hint); };
  napi_value result = nullptr;
  // Some hosts forbid memory that is not V8's own; then it is V8's.
  if (napi_create_external_arraybuffer(env, memory->data(), static_cast<size_t>(sizeBytes), finalize, memory.get(),
                                       &result) == napi_ok) {
    memory.release();
    return result;
  }
  void* data = nullptr;
  if (napi_create_arraybuffer(env, static_cast<size_t>(sizeBytes), &data, &result) != napi_ok)
    return fail(env, "allocate: out of memory");
  return result;
}

/// seconds(handle) -> Float64Array: how long each instruction of the program took, all runs together
napi_value seconds(napi_env env, napi_callback_info info) {
  Arguments arguments(env, info);
  Handle* handle = arguments.external<Handle>(arguments.at(0));
  if (arguments.failed() || !handle->model || handle->model->isRunning)
    return fail(env, "seconds: the model is closed or runs");
  const std::vector<double>& values = handle->model->executable->instructionSeconds();
  void* data = nullptr;
  napi_value buffer = nullptr;
  napi_value result = nullptr;
  if (napi_create_arraybuffer(env, values.size() * sizeof(double), &data, &buffer) != napi_ok)
    return fail(env, "seconds: out of memory");
  if (!values.empty()) std::memcpy(data, values.data(), values.size() * sizeof(double));
  napi_create_typedarray(env, napi_float64_array, values.size(), buffer, 0, &result);
  return result;
}

/// close(handle): frees memory and mappings once no run uses them.
napi_value closeHandle(napi_env env, napi_callback_info info) {
  Arguments arguments(env, info);
  Handle* handle = arguments.external<Handle>(arguments.at(0));
  if (!arguments.failed()) handle->model.reset();
  return nullptr;
}

/// activationKind(type) -> 0, 1, 2 or -1 for a type without kernels
napi_value activationKind(napi_env env, napi_callback_info info) {
  Arguments arguments(env, info);
  const dots::StorageInfo* storage = dots::storageInfo(static_cast<int32_t>(arguments.number(arguments.at(0))));
  napi_value result = nullptr;
  napi_create_int32(env, storage ? static_cast<int32_t>(storage->activation) : -1, &result);
  return result;
}

/// activationRowBytes(kind, numCols)
napi_value activationRowBytes(napi_env env, napi_callback_info info) {
  Arguments arguments(env, info);
  const auto kind = static_cast<dots::Activation>(static_cast<int32_t>(arguments.number(arguments.at(0))));
  const int64_t numCols = static_cast<int64_t>(arguments.number(arguments.at(1)));
  napi_value result = nullptr;
  napi_create_int64(env, dots::activationRowBytes(kind, numCols), &result);
  return result;
}

/// limits(numThreads) -> [bytes read, f32 multiply-adds, 8-bit multiply-adds], each per second
napi_value limits(napi_env env, napi_callback_info info) {
  Arguments arguments(env, info);
  const int numThreads = static_cast<int>(arguments.number(arguments.at(0)));
  dots::Limits measured;
  std::string error;
  if (arguments.failed() || !dots::measureLimits(numThreads, &measured, &error)) {
    return fail(env, error.empty() ? "limits: expected a number of threads" : error);
  }
  const double values[] = {measured.readBytesPerSecond, measured.floatMultipliesPerSecond,
                           measured.byteMultipliesPerSecond};
  napi_value result = nullptr;
  napi_create_array_with_length(env, 3, &result);
  for (uint32_t i = 0; i < 3; ++i) {
    napi_value item = nullptr;
    napi_create_double(env, values[i], &item);
    napi_set_element(env, result, i, item);
  }
  return result;
}

/// isa() -> its name; isa(name) chooses another and throws where the machine lacks it.
napi_value isa(napi_env env, napi_callback_info info) {
  size_t count = 1;
  napi_value wanted = nullptr;
  napi_get_cb_info(env, info, &count, &wanted, nullptr, nullptr);
  if (count == 1) {
    char name[16] = "";
    size_t length = 0;
    napi_get_value_string_utf8(env, wanted, name, sizeof name, &length);
    bool isSet = false;
    for (dots::Isa candidate : {dots::Isa::kPortable, dots::Isa::kAvx2, dots::Isa::kAvx512, dots::Isa::kNeon}) {
      if (std::strcmp(name, dots::isaName(candidate)) == 0) isSet = dots::setIsa(candidate);
    }
    if (!isSet) return fail(env, std::string("this machine cannot run ") + name);
  }
  napi_value result = nullptr;
  napi_create_string_utf8(env, dots::isaName(dots::currentIsa()), NAPI_AUTO_LENGTH, &result);
  return result;
}

}  // namespace

NAPI_MODULE_INIT() {
  const struct {
    const char* name;
    napi_callback function;
  } exported[] = {
      {"load", load},
      {"run", run},
      {"seconds", seconds},
      {"allocate", allocate},
      {"cancel", cancel},
      {"close", closeHandle},
      {"isa", isa},
      {"activationKind", activationKind},
      {"activationRowBytes", activationRowBytes},
      {"limits", limits},
  };
  for (const auto& entry : exported) {
    napi_value function = nullptr;
    napi_create_function(env, entry.name, NAPI_AUTO_LENGTH, entry.function, nullptr, &function);
    napi_set_named_property(env, exports, entry.name, function);
  }
  return exports;
}
