#include "executor.h"

#include <algorithm>
#include <cstring>

#include "expert-cache.h"
#include "kernels/decode-row.h"
#include "kernels/storage.h"
#include "op.h"

namespace dots {

using host::kLargePageBytes;

namespace {

/// Working memory that is cheaper to keep than to ask for again.
constexpr int64_t kWorthReturning = 16 << 20;

/// Whether the parts hold exactly what the shape says, experts in equal parts. Allocates nothing.
bool checkWeight(Weight& weight, Error* error) {
  const StorageInfo* storage = storageInfo(weight.type);
  if (weight.rank < 1 || weight.rank > 3) return fail(error, ErrorKind::kInternal, "a weight has an impossible shape");
  if (!storage) return fail(error, ErrorKind::kUnsupported, "a weight has a storage type without kernels");
  int64_t count = 1;
  for (int i = 0; i < weight.rank; ++i) {
    const int64_t dim = weight.dims[i];
    if (dim < 1 || dim > INT32_MAX || __builtin_mul_overflow(count, dim, &count))
      return fail(error, ErrorKind::kInternal, "a weight has an impossible shape");
  }
  const int64_t cols = weight.dims[weight.rank - 1];
  const int64_t numParts = static_cast<int64_t>(weight.parts.size());
  if (cols % storage->blockElements != 0 || numParts < 1 || (weight.rank == 3 ? weight.dims[0] : 1) % numParts != 0) {
    return fail(error, ErrorKind::kInternal, "a weight does not divide into its blocks or parts");
  }
  for (const WeightPart& part : weight.parts) {
    if (part.sizeBytes != storedBytes(*storage, count) / numParts)
      return fail(error, ErrorKind::kInternal, "a weight has too few or too many bytes");
  }
  weight.expertBytes = storedBytes(*storage, count / weight.dims[0]);
  for (int64_t i = 1; i < numParts; ++i) {
    const uint8_t* expected = weight.parts[0].data() + i * weight.parts[0].sizeBytes;
    if (weight.parts[static_cast<size_t>(i)].data() != expected) weight.expertBytes = -1;
  }
  // Parts that are not neighbours must be whole experts; matrices and vectors are contiguous.
  if (weight.expertBytes < 0 && (weight.rank != 3 || numParts != weight.dims[0]))
    return fail(error, ErrorKind::kInternal, "a weight is cut into pieces that cannot be used");
  return true;
}

/// Elements that are f32 are used where they lie; vectors of another type are decoded.
bool prepareFloats(Weight& weight, Error* error) {
  const StorageId type = storageInfo(weight.type)->id;
  const uint8_t* const first = weight.parts[0].data();
  if (type == StorageId::kF32 && weight.expertBytes >= 0 && reinterpret_cast<uintptr_t>(first) % alignof(float) == 0) {
    weight.floats = reinterpret_cast<const float*>(first);
  } else if (weight.rank == 1) {
    if (!weight.decoded.resize(static_cast<size_t>(weight.dims[0])))
      return fail(error, ErrorKind::kResource, "out of memory for a weight");
    if (!decodeRow(type, first, weight.dims[0], weight.decoded.data()))
      return fail(error, ErrorKind::kUnsupported, "a vector is stored in a type that vectors cannot have");
    weight.floats = weight.decoded.data();
  }
  return true;
}

/// Whether it is a stored tensor of its shape, or a KV cache, whose bytes are computed here. Allocates nothing.
bool checkState(State& state, const Kernels& kernels, Error* error) {
  int64_t count = 1;
  for (const int64_t dim : state.dims) {
    if (dim < 1 || dim > INT32_MAX || __builtin_mul_overflow(count, dim, &count))
      return fail(error, ErrorKind::kInternal, "a state has an impossible shape");
  }
  if (state.stored) {
    if (state.sizeBytes / static_cast<int64_t>(sizeof(float)) != count)
      return fail(error, ErrorKind::kInternal, "a stored tensor has too few or too many elements");
    return true;
  }
  if (state.rank != 4) return fail(error, ErrorKind::kInternal, "a state is not a KV cache");
  const int type = static_cast<int>(state.type);
  if (type < 0 || type > 2 || state.dims[2] != kPageSize || state.dims[3] > kMaxHeadWidth) {
    return fail(error, ErrorKind::kInternal, "a state is not a KV cache");
  }
  const size_t pageBytes = kernels.headPageBytes(state.type, static_cast<int>(state.dims[3]));
  if (__builtin_mul_overflow(state.dims[0] * state.dims[1], static_cast<int64_t>(pageBytes), &state.sizeBytes)) {
    return fail(error, ErrorKind::kInternal, "a state has an impossible shape");
  }
  return true;
}

bool allocateCells(State& state, Error* error) {
  if (state.stored) return true;
  // Pages of memory appear when they are first written, so a long context costs nothing until it is used.
  state.cells = isRefused(state.sizeBytes) ? nullptr : host::reserveMemory(state.sizeBytes, true);
  if (!state.cells) return fail(error, ErrorKind::kResource, "out of memory for the key/value cache");
  // Many cells are read faster from large pages. The first ones are left out: a short context would pay for finding and
  // clearing pages that it hardly uses.
  const int64_t first =
      kLargePageBytes - static_cast<int64_t>(reinterpret_cast<uintptr_t>(state.cells) % kLargePageBytes);
  if (state.sizeBytes > first) host::preferLargePages(state.cells + first, state.sizeBytes - first);
  return true;
}

}  // namespace

Executable::Executable(std::shared_ptr<Device> device, Program program, Buffer<Weight> weights, Buffer<State> states)
    : device_(std::move(device)),
      program_(std::move(program)),
      weights_(std::move(weights)),
      states_(std::move(states)) {}

Executable::~Executable() {
  for (State& state : states_) {
    if (state.cells) host::releaseMemory(state.cells, state.sizeBytes);
  }
}

std::unique_ptr<Executable> Executable::create(std::shared_ptr<Device> device, Program program, Buffer<Weight> weights,
                                               Buffer<State> states, Error* error,
                                               const ExpertCacheOptions* streaming) {
  std::unique_ptr<Executable> made(
      new Executable(std::move(device), std::move(program), std::move(weights), std::move(states)));
  const Program& p = made->program_;
  if (p.numWeights > static_cast<int32_t>(made->weights_.size()) ||
      p.numStates > static_cast<int32_t>(made->states_.size())) {
    fail(error, ErrorKind::kInternal, "the program names weights or states that were not given");
    return nullptr;
  }
  for (Weight& weight : made->weights_) {
    if (!checkWeight(weight, error)) return nullptr;
  }
  for (const Value& v : p.values) {
    if (v.kind != ValueKind::kWeight && v.kind != ValueKind::kState) continue;
    const bool isWeight = v.kind == ValueKind::kWeight;
    const int rank =
        isWeight ? made->weights_[static_cast<size_t>(v.index)].rank : made->states_[static_cast<size_t>(v.index)].rank;
    const int64_t* dims =
        isWeight ? made->weights_[static_cast<size_t>(v.index)].dims : made->states_[static_cast<size_t>(v.index)].dims;
    bool fits = rank == v.rank;
    for (int i = 0; fits && i < rank; ++i) fits = v.dims[i].symbol < 0 && v.dims[i].times == dims[i];
    if (fits) continue;
    fail(error, ErrorKind::kInternal, "a weight or state has another shape than the program expects");
    return nullptr;
  }
  for (State& state : made->states_) {
    if (!checkState(state, made->device_->kernels, error)) return nullptr;
  }
  if (!made->checkOperandCounts(error) || !made->checkConverted(error)) return nullptr;
  // Everything fits; from here on only memory can be missing.
  if (streaming && !made->streamExperts(*streaming, error)) return nullptr;
  for (Weight& weight : made->weights_) {
    if (!prepareFloats(weight, error)) return nullptr;
  }
  for (State& state : made->states_) {
    if (!allocateCells(state, error)) return nullptr;
  }
  for (const Weight& weight : made->weights_) {
    for (const WeightPart& part : weight.parts) {
      if (!made->remember(part.mapping.get())) {
        fail(error, ErrorKind::kResource, "out of memory for a list of files");
        return nullptr;
      }
    }
  }
  if (!made->seconds_.resize(p.instructions.size())) {
    fail(error, ErrorKind::kResource, "out of memory for the times of instructions");
    return nullptr;
  }
  return made;
}

/// Experts whose only readers are products that go expert by expert, and that lie one after the other in a file.
/// Those that one value chooses are a layer.
bool Executable::streamExperts(const ExpertCacheOptions& options, Error* error) {
  Buffer<bool> isReadWhole;
  if (!isChoice_.resize(program_.values.size()) || !isReadWhole.resize(weights_.size()))
    return fail(error, ErrorKind::kResource, "out of memory for an expert cache");
  for (const Instruction& instruction : program_.instructions) {
    for (size_t i = 0; i < instruction.inputs.size(); ++i) {
      const bool isProduct = instruction.op == Op::groupedLinear && i == 1;
      const Value& v = value(instruction.inputs[i]);
      if (v.kind == ValueKind::kWeight && !isProduct) isReadWhole[static_cast<size_t>(v.index)] = true;
    }
  }
  for (const Instruction& instruction : program_.instructions) {
    if (instruction.op != Op::groupedLinear) continue;
    const size_t index = static_cast<size_t>(value(instruction.inputs[1]).index);
    Weight& weight = weights_[index];
    if (isReadWhole[index] || weight.rank != 3 || weight.parts.size() != 1 || !weight.parts[0].mapping ||
        weight.streamed >= 0)
      continue;
    if (!experts_ && !(experts_ = ExpertCache::create(options, error))) return false;
    weight.streamed = experts_->add(&weight, instruction.inputs[2], error);
    if (weight.streamed < 0) return false;
    isChoice_[static_cast<size_t>(instruction.inputs[2])] = true;
  }
  return !experts_ || experts_->checkBudget(error);
}

bool Executable::expertStats(ExpertCacheStats* stats) const {
  if (experts_) *stats = experts_->stats();
  return experts_ != nullptr;
}

/// Thousands of experts lie in a few files, mostly one after the other.
bool Executable::remember(const Mapping* mapping) {
  for (size_t i = mappings_.size(); mapping && i > 0; --i) {
    if (mappings_[i - 1] == mapping) return true;
  }
  return !mapping || mappings_.push(mapping);
}

bool Executable::areBound(Span<int32_t> bindings) const {
  return bindings.size() == bindings_.size() && std::equal(bindings.begin(), bindings.end(), bindings_.begin());
}

bool Executable::prepare(Span<int32_t> bindings, Span<RunInput> inputs, Error* error, int64_t limitBytes) {
  isCancelled_.store(false, std::memory_order_relaxed);
  if (static_cast<int32_t>(bindings.size()) != program_.numSymbols ||
      static_cast<int32_t>(inputs.size()) < program_.numInputs) {
    return fail(error, ErrorKind::kInternal, "too few symbols or inputs");
  }
  for (const int32_t binding : bindings) {
    if (binding < 0) return fail(error, ErrorKind::kInternal, "a symbol is negative");
  }
  // First of all, so that what is computed from inputs' sizes below is bounded by memory that exists.
  for (const Value& v : program_.values) {
    if (v.kind != ValueKind::kInput) continue;
    const RunInput& input = inputs[static_cast<size_t>(v.index)];
    if (input.length != numElements(v, bindings.data()) || input.isFloat == v.isInt) {
      return fail(error, ErrorKind::kInternal, "an input has another length or type than the program expects");
    }
  }
  if (!isLaidOut_ || !areBound(bindings) || workingBytes_ > limitBytes) {
    // Nothing runs on a layout that was not checked.
    isLaidOut_ = false;
    workingBytes_ = layoutSlots(program_, bindings.data(), limitBytes, &offsets_, error);
    if (workingBytes_ < 0) return false;
    if (!bindings_.assign(bindings.data(), bindings.size()))
      return fail(error, ErrorKind::kResource, "out of memory for symbols");
    for (const Instruction& instruction : program_.instructions) {
      if (!checkInstruction(instruction, error)) return false;
    }
    isLaidOut_ = true;
  }
  // A prompt needs a hundred times the memory of a token; while an answer is written it goes back to the system.
  const int64_t held = memory_.sizeBytes();
  const bool isWasteful = held > kWorthReturning && workingBytes_ < held / 8;
  if ((workingBytes_ > held || isWasteful || !memory_.data()) && !memory_.allocate(workingBytes_)) {
    isLaidOut_ = false;
    return fail(error, ErrorKind::kResource, "out of memory for working memory");
  }
  return true;
}

int64_t Executable::heldBytes() const {
  int64_t sum = memory_.sizeBytes() + workspace_.scratch.sizeBytes();
  for (const Weight& weight : weights_) {
    sum += static_cast<int64_t>(weight.decoded.size() * sizeof(float));
    for (const WeightPart& part : weight.parts) sum += static_cast<int64_t>(part.owned.size());
  }
  for (const State& state : states_) sum += state.cells ? state.sizeBytes : 0;
  return sum;
}

int64_t Executable::outputElements(size_t i) const { return numElements(value(program_.outputs[i]), bindings_.data()); }

float* Executable::floats(int32_t id) {
  const Value& v = value(id);
  // Nothing writes to weights and inputs: an instruction's output is a slot, and only states are changed besides.
  if (v.kind == ValueKind::kWeight) return const_cast<float*>(weights_[static_cast<size_t>(v.index)].floats);
  if (v.kind == ValueKind::kState) return states_[static_cast<size_t>(v.index)].stored;
  if (v.kind == ValueKind::kInput)
    return const_cast<float*>(static_cast<const float*>(inputs_[static_cast<size_t>(v.index)].data));
  return reinterpret_cast<float*>(memory_.data() + offsets_[static_cast<size_t>(v.index)]);
}

bool Executable::run(Span<RunInput> inputs, float* const* outputs, Error* error) {
  const Buffer<Instruction>& instructions = program_.instructions;
  workspace_.routedRows.experts = -1;
  workspace_.ropeAngles.positions = -1;
  inputs_ = inputs;
  if (experts_) experts_->settle();
  for (size_t at = 0; at < instructions.size();) {
    if (isCancelled_.load(std::memory_order_relaxed)) return fail(error, ErrorKind::kCancelled, "cancelled");
    const double start = host::seconds();
    Call call(*this, at, error);
    if (!opInfo(instructions[at].op).run(call)) return false;
    seconds_[at] += host::seconds() - start;
    // The disk works while products that need no expert run.
    const int32_t output = instructions[at].output;
    if (experts_ && isChoice_[static_cast<size_t>(output)] && !call.requestExperts(kOut)) return false;
    for (size_t end = at + call.numDone; at < end; ++at) forget(instructions[at].output);
  }
  for (const Mapping* mapping : mappings_) {
    if (mapping->isDamaged()) return fail(error, ErrorKind::kFormat, "%s", mapping->path());
  }
  for (size_t i = 0; i < program_.outputs.size(); ++i) {
    const size_t sizeBytes = static_cast<size_t>(outputElements(i)) * sizeof(float);
    if (outputs[i] && sizeBytes > 0) std::memcpy(outputs[i], floats(program_.outputs[i]), sizeBytes);
  }
  return true;
}

/// What ops have derived from a value is stale once something else lies in its slot.
void Executable::forget(int32_t output) {
  const auto isIn = [&](int32_t id) {
    return id >= 0 && value(id).kind == ValueKind::kSlot && value(id).index == value(output).index;
  };
  if (isIn(workspace_.routedRows.experts)) workspace_.routedRows.experts = -1;
  if (isIn(workspace_.ropeAngles.positions) || isIn(workspace_.ropeAngles.factors))
    workspace_.ropeAngles.positions = -1;
}

}  // namespace dots
