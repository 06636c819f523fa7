#include <cstring>

#include "addon/handles.h"
#include "expert-cache.h"
#include "program.h"

namespace dots {
namespace {

constexpr int64_t kMaxSafeInteger = 9007199254740991;
/// Of a weight: its experts, at most.
constexpr uint32_t kMaxParts = 1 << 16;

/// Weights of one file share its mapping, and those of one store its memory.
class Sources {
 public:
  explicit Sources(Model& model) : model_(model) {}

  /// Thousands of experts lie in a few files, mostly one after the other. Null with the failure recorded.
  std::shared_ptr<Mapping> map(Call& call, const char* path) {
    for (size_t i = mappings_.size(); i > 0; --i) {
      if (std::strcmp(mappings_[i - 1]->path(), path) == 0) return mappings_[i - 1];
    }
    Error error;
    std::shared_ptr<Mapping> mapping = Mapping::open(path, &error);
    if (!mapping) return call.fail(error), nullptr;
    if (!mappings_.push(mapping)) return call.outOfMemory("a list of files"), nullptr;
    return mapping;
  }

  /// The elements of a Float32Array that lies in memory of allocate(): C++ works there as long as the model is open.
  float* floats(Call& call, const Argument& array, int64_t* sizeBytes) {
    napi_value buffer = nullptr;
    size_t length = 0, offset = 0;
    napi_typedarray_type type = napi_int8_array;
    if (!call.ok()) return nullptr;
    if (napi_get_typedarray_info(call.env(), array.value, &type, &length, nullptr, &buffer, &offset) != napi_ok ||
        type != napi_float32_array)
      return call.refuse(array, "a Float32Array"), nullptr;
    const Argument owner{buffer, &array, "buffer", 0};
    const SharedMemory* const shared = static_cast<SharedMemory*>(call.unwrap(owner, kSharedMemory));
    if (!shared) return nullptr;
    const size_t total = shared->memory ? static_cast<size_t>(shared->memory->sizeBytes()) : 0;
    if (!shared->memory || offset > total || length > (total - offset) / sizeof(float))
      return call.refuse(owner, kSharedMemory.name), nullptr;
    const bool isKnown = !model_.memories.empty() && model_.memories.back() == shared->memory;
    if (!isKnown && !model_.memories.push(shared->memory)) return call.outOfMemory("a list of memories"), nullptr;
    *sizeBytes = static_cast<int64_t>(length * sizeof(float));
    return reinterpret_cast<float*>(shared->memory->data() + offset);
  }

 private:
  Model& model_;
  Buffer<std::shared_ptr<Mapping>> mappings_;
};

template <size_t kMaxRank>
int32_t readShape(Call& call, const Argument& object, int64_t (&dims)[kMaxRank]) {
  const Argument shape = call.property(object, "shape");
  const uint32_t rank = call.length(shape, 1, kMaxRank);
  for (uint32_t i = 0; i < rank; ++i) dims[i] = call.integer(call.element(shape, i), 1, INT32_MAX);
  return static_cast<int32_t>(rank);
}

void readPart(Call& call, const Argument& object, Sources& sources, WeightPart* part) {
  part->sizeBytes = call.integer(call.property(object, "sizeBytes"), 0, kMaxSafeInteger);
  if (call.has(object, "bytes")) {
    const Argument source = call.property(object, "bytes");
    const Span<uint8_t> bytes = call.elements<uint8_t>(source);
    if (static_cast<int64_t>(bytes.size()) != part->sizeBytes) call.refuse(source, "of sizeBytes bytes");
    if (call.ok() && !part->owned.assign(bytes.data(), bytes.size())) call.outOfMemory("a copy of a weight");
    return;
  }
  if (call.has(object, "floats")) {
    const Argument source = call.property(object, "floats");
    int64_t sizeBytes = 0;
    part->stored = reinterpret_cast<const uint8_t*>(sources.floats(call, source, &sizeBytes));
    if (sizeBytes != part->sizeBytes) call.refuse(source, "of sizeBytes bytes");
    return;
  }
  Buffer<char> path;
  call.text(call.property(object, "path"), &path);
  part->offset = call.integer(call.property(object, "offset"), 0, kMaxSafeInteger);
  if (!call.ok() || !(part->mapping = sources.map(call, path.data()))) return;
  if (part->offset > part->mapping->size() - part->sizeBytes)
    call.failWith(errorKindName(ErrorKind::kFormat), "%s", path.data());
}

void readWeight(Call& call, const Argument& object, Sources& sources, Weight* weight) {
  weight->type = static_cast<int32_t>(call.integer(call.property(object, "type"), 0, INT32_MAX));
  weight->rank = readShape(call, object, weight->dims);
  const Argument parts = call.property(object, "parts");
  const uint32_t numParts = call.length(parts, 1, kMaxParts);
  if (!weight->parts.resize(numParts)) call.outOfMemory("the parts of a weight");
  for (uint32_t i = 0; i < numParts && call.ok(); ++i) {
    readPart(call, call.element(parts, i), sources, &weight->parts[i]);
  }
}

void readState(Call& call, const Argument& object, Sources& sources, State* state) {
  state->type = static_cast<KvType>(call.integer(call.property(object, "type"), 0, 2));
  state->rank = readShape(call, object, state->dims);
  if (call.has(object, "floats"))
    state->stored = sources.floats(call, call.property(object, "floats"), &state->sizeBytes);
}

/// Copies first: JavaScript may change what a check has already looked at.
bool readProgram(Call& call, Program* program) {
  const Span<int32_t> words = call.elements<int32_t>(call.argument(0, "words"));
  Buffer<int32_t> ownWords;
  Buffer<double> ownConstants;
  if (!ownWords.assign(words.data(), words.size())) return call.outOfMemory("a program");
  const Span<double> constants = call.elements<double>(call.argument(1, "constants"));
  if (!ownConstants.assign(constants.data(), constants.size())) return call.outOfMemory("a program");
  Error error;
  if (!call.ok()) return false;
  return parseProgram(ownWords.data(), static_cast<int64_t>(ownWords.size()), ownConstants.data(),
                      static_cast<int64_t>(ownConstants.size()), program, &error) ||
         call.fail(error);
}

/// { cacheBytes, direct, readers }, or undefined.
bool readStreaming(Call& call, const Argument& object, ExpertCacheOptions* options) {
  if (call.isUndefined(object)) return false;
  options->budgetBytes = call.integer(call.property(object, "cacheBytes"), 0, kMaxSafeInteger);
  options->isDirect = call.integer(call.property(object, "direct"), 0, 1) != 0;
  options->numReaders = static_cast<int>(call.integer(call.property(object, "readers"), 1, 64));
  return true;
}

}  // namespace

napi_value load(napi_env env, napi_callback_info info) {
  Call call(env, info, "load");
  Program program;
  if (!readProgram(call, &program)) return call.finish(nullptr);
  std::shared_ptr<Model> model = std::make_shared<Model>();
  Sources sources(*model);
  const Argument weightList = call.argument(2, "weights"), stateList = call.argument(3, "states");
  const uint32_t numWeights = static_cast<uint32_t>(program.numWeights);
  const uint32_t numStates = static_cast<uint32_t>(program.numStates);
  Buffer<Weight> weights;
  Buffer<State> states;
  if (!weights.resize(call.length(weightList, numWeights, numWeights))) call.outOfMemory("a list of weights");
  for (uint32_t i = 0; i < weights.size() && call.ok(); ++i)
    readWeight(call, call.element(weightList, i), sources, &weights[i]);
  if (!states.resize(call.length(stateList, numStates, numStates))) call.outOfMemory("a list of states");
  for (uint32_t i = 0; i < states.size() && call.ok(); ++i)
    readState(call, call.element(stateList, i), sources, &states[i]);
  const DeviceHandle* const device = static_cast<DeviceHandle*>(call.unwrap(call.argument(4, "device"), kDevice));
  ExpertCacheOptions streaming;
  const bool isStreamed = readStreaming(call, call.argument(5, "streaming"), &streaming);
  if (!call.ok()) return call.finish(nullptr);
  Error error;
  model->executable = Executable::create(device->device, std::move(program), std::move(weights), std::move(states),
                                         &error, isStreamed ? &streaming : nullptr);
  if (!model->executable) {
    call.fail(error);
    return call.finish(nullptr);
  }
  napi_value result = nullptr;
  if (call.check(napi_create_object(env, &result), "make a handle"))
    call.wrap(result, std::unique_ptr<ModelHandle>(new ModelHandle{model}), kExecutable);
  if (call.ok()) model->report(env, model->executable->heldBytes());
  return call.finish(result);
}

}  // namespace dots
