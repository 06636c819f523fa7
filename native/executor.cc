#include "executor.h"

#include <chrono>
#include <cstdlib>
#include <cstring>
#include <sys/mman.h>

#include "kernels/decode-row.h"
#include "kernels/embedding.h"
#include "kernels/router.h"
#include "kernels/storage.h"

namespace dots {
namespace {

/// Working memory that is cheaper to keep than to ask for again.
constexpr int64_t kWorthReturning = 16 << 20;
/// Keys or values of a layer, up to so many bytes of them, that stay in small pages: one huge page.
constexpr int64_t kSmallPagesBytes = 2 << 20;
/// Rows for each matrix from which products of f32 run on packed panels.
constexpr int64_t kWorthPacking = 32;

bool isAligned(const uint8_t* floats) { return reinterpret_cast<uintptr_t>(floats) % alignof(float) == 0; }

/// Whether the parts hold exactly what the shape says, experts in equal parts; vectors are decoded to f32 here.
bool settleWeight(Weight& weight, std::string* error) {
  const StorageInfo* storage = storageInfo(weight.type);
  if (weight.rank < 1 || weight.rank > 3) return *error = "a weight has an impossible shape", false;
  if (!storage) return *error = "a weight has a storage type without kernels", false;
  int64_t count = 1;
  for (int i = 0; i < weight.rank; ++i) {
    const int64_t dim = weight.dims[i];
    if (dim < 1 || dim > INT32_MAX || __builtin_mul_overflow(count, dim, &count))
      return *error = "a weight has an impossible shape", false;
  }
  const int64_t cols = weight.dims[weight.rank - 1];
  const int64_t numParts = static_cast<int64_t>(weight.parts.size());
  if (cols % storage->blockElements != 0 || numParts < 1 || (weight.rank == 3 ? weight.dims[0] : 1) % numParts != 0) {
    return *error = "a weight does not divide into its blocks or parts", false;
  }
  for (const WeightPart& part : weight.parts) {
    if (part.sizeBytes != storedBytes(*storage, count) / numParts)
      return *error = "a weight has too few or too many bytes", false;
  }
  weight.expertBytes = storedBytes(*storage, count / weight.dims[0]);
  for (int64_t i = 1; i < numParts; ++i) {
    const uint8_t* expected = weight.parts[0].data() + i * weight.parts[0].sizeBytes;
    if (weight.parts[static_cast<size_t>(i)].data() != expected) weight.expertBytes = -1;
  }
  // Parts that are not neighbours must be whole experts; matrices and vectors are in one piece.
  if (weight.expertBytes < 0 && (weight.rank != 3 || numParts != weight.dims[0]))
    return *error = "a weight is cut into pieces that cannot be used", false;
  const uint8_t* const first = weight.parts[0].data();
  if (storage->id == StorageId::kF32 && weight.expertBytes >= 0 &&
      reinterpret_cast<uintptr_t>(first) % alignof(float) == 0) {
    weight.floats = reinterpret_cast<const float*>(first);
  } else if (weight.rank == 1) {
    weight.decoded.resize(static_cast<size_t>(count));
    if (!decodeRow(storage->id, weight.parts[0].data(), count, weight.decoded.data())) {
      return *error = "a vector is stored in a type that vectors cannot have", false;
    }
    weight.floats = weight.decoded.data();
  }
  return true;
}

bool allocateCells(State& state, std::string* error) {
  int64_t count = 1;
  for (const int64_t dim : state.dims) {
    if (dim < 1 || dim > INT32_MAX || __builtin_mul_overflow(count, dim, &count))
      return *error = "a state has an impossible shape", false;
  }
  if (state.stored) {
    if (state.sizeBytes / static_cast<int64_t>(sizeof(float)) != count)
      return *error = "a stored tensor has too few or too many elements", false;
    return true;
  }
  if (state.rank != 4) return *error = "a state is no key/value cache", false;
  const int type = static_cast<int>(state.type);
  if (type < 0 || type > 2 || state.dims[2] != kPageSize || state.dims[3] > kMaxHeadWidth) {
    return *error = "a state is no key/value cache", false;
  }
  const size_t pageBytes = DOTS_KERNEL(headPageBytes)(state.type, static_cast<int>(state.dims[3]));
  if (__builtin_mul_overflow(state.dims[0] * state.dims[1], static_cast<int64_t>(pageBytes), &state.sizeBytes)) {
    return *error = "a state has an impossible shape", false;
  }
  // Pages of memory appear when they are first written, so a long context costs nothing until it is used.
  void* cells = mmap(nullptr, static_cast<size_t>(state.sizeBytes), PROT_READ | PROT_WRITE,
                     MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
  if (cells == MAP_FAILED) return *error = "out of memory for the key/value cache", false;
#if defined(MADV_HUGEPAGE)
  // Many cells are read faster from huge pages. The first ones are left out: a short context would pay for finding and
  // clearing pages that it hardly uses.
  const int64_t first = kSmallPagesBytes - static_cast<int64_t>(reinterpret_cast<uintptr_t>(cells) % kSmallPagesBytes);
  if (state.sizeBytes > first)
    madvise(static_cast<uint8_t*>(cells) + first, static_cast<size_t>(state.sizeBytes - first), MADV_HUGEPAGE);
#endif
  state.cells = static_cast<uint8_t*>(cells);
  return true;
}

}  // namespace

Executable::Executable(Program program, std::vector<Weight> weights, std::vector<State> states, int numThreads)
    : program_(std::move(program)), weights_(std::move(weights)), states_(std::move(states)), pool_(numThreads) {}

Executable::~Executable() {
  for (State& state : states_) {
    if (state.cells) munmap(state.cells, static_cast<size_t>(state.sizeBytes));
  }
}

std::unique_ptr<Executable> Executable::create(Program program, std::vector<Weight> weights, std::vector<State> states,
                                               int numThreads, std::string* error) {
  std::unique_ptr<Executable> made(
      new Executable(std::move(program), std::move(weights), std::move(states), numThreads));
  const Program& p = made->program_;
  if (p.numWeights > static_cast<int32_t>(made->weights_.size()) ||
      p.numStates > static_cast<int32_t>(made->states_.size())) {
    *error = "the program names weights or states that were not given";
    return nullptr;
  }
  for (Weight& weight : made->weights_) {
    if (!settleWeight(weight, error)) return nullptr;
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
    *error = "a weight or state has another shape than the program expects";
    return nullptr;
  }
  for (State& state : made->states_) {
    if (!allocateCells(state, error)) return nullptr;
  }
  made->matmulScratch_.resize(static_cast<size_t>(linearScratchBytes(made->pool_.numThreads())) + 64);
  // What a thread needs depends on widths that are known now.
  made->threadScratchFloats_ = 0;
  const auto need = [&made](int64_t numFloats) {
    if (numFloats > made->threadScratchFloats_) made->threadScratchFloats_ = (numFloats + 15) / 16 * 16;
  };
  for (const State& state : made->states_) {
    if (state.stored)
      need(2 * state.dims[state.rank - 1] * (state.rank == 1));
    else
      need(static_cast<int64_t>(DOTS_KERNEL(attendWorkspaceBytes)(static_cast<int>(state.dims[3])) / sizeof(float)) +
           1);
  }
  for (const Value& v : p.values) {
    // chooseExperts takes the number of experts and of groups, both at most the width of a row.
    if (v.kind == ValueKind::kWeight && v.rank == 1) need(2 * int64_t{v.dims[0].times});
  }
  made->threadScratch_.resize(static_cast<size_t>(made->threadScratchFloats_ * made->pool_.numThreads()) + 16);
  if (!made->checkOperandCounts(error) || !made->checkConverted(error)) return nullptr;
  return made;
}

bool Executable::prepare(const std::vector<int32_t>& bindings, const std::vector<RunInput>& inputs, std::string* error,
                         int64_t limitBytes) {
  isCancelled_.store(false, std::memory_order_relaxed);
  if (static_cast<int32_t>(bindings.size()) != program_.numSymbols ||
      static_cast<int32_t>(inputs.size()) < program_.numInputs) {
    return *error = "too few symbols or inputs", false;
  }
  for (const int32_t binding : bindings) {
    if (binding < 0) return *error = "a symbol is negative", false;
  }
  // First of all, so that what is computed from inputs' sizes below is bounded by memory that exists.
  for (const Value& v : program_.values) {
    if (v.kind != ValueKind::kInput) continue;
    const RunInput& input = inputs[static_cast<size_t>(v.index)];
    if (input.length != numElements(v, bindings.data()) || input.isFloat == v.isInt) {
      return *error = "an input has another length or type than the program expects", false;
    }
  }
  if (!isLaidOut_ || bindings != bindings_ || workingBytes_ > limitBytes) {
    // Nothing runs on a layout that was not checked.
    isLaidOut_ = false;
    workingBytes_ = layoutSlots(program_, bindings.data(), limitBytes, &offsets_);
    if (workingBytes_ < 0) return *error = "the step needs more working memory than is sensible", false;
    bindings_ = bindings;
    for (const Instruction& instruction : program_.instructions) {
      if (!checkInstruction(instruction, error)) return false;
    }
    isLaidOut_ = true;
  }
  // A prompt needs a hundred times the memory of a token; while an answer is written it goes back to the system.
  const int64_t held = memory_.sizeBytes();
  const bool isWasteful = held > kWorthReturning && workingBytes_ < held / 8;
  if ((workingBytes_ > held || isWasteful || !memory_.data()) && !memory_.allocate(workingBytes_)) {
    return isLaidOut_ = false, *error = "out of memory for working memory", false;
  }
  return true;
}

int64_t Executable::heldBytes() const {
  int64_t sum = memory_.sizeBytes() + trainScratch_.sizeBytes();
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
    return const_cast<float*>(static_cast<const float*>((*inputs_)[static_cast<size_t>(v.index)].data));
  return reinterpret_cast<float*>(memory_.data() + offsets_[static_cast<size_t>(v.index)]);
}

const int32_t* Executable::integers(int32_t id, const std::vector<RunInput>& inputs) {
  const Value& v = value(id);
  if (v.kind == ValueKind::kInput) return static_cast<const int32_t*>(inputs[static_cast<size_t>(v.index)].data);
  return reinterpret_cast<const int32_t*>(memory_.data() + offsets_[static_cast<size_t>(v.index)]);
}

bool Executable::run(const std::vector<RunInput>& inputs, float* const* outputs, std::string* error) {
  const std::vector<Instruction>& instructions = program_.instructions;
  anglesFor_ = nullptr;
  groupedBy_ = -1;
  inputs_ = &inputs;
  seconds_.resize(instructions.size());
  for (size_t at = 0; at < instructions.size();) {
    if (isCancelled_.load(std::memory_order_relaxed)) return *error = "cancelled", false;
    const size_t numMatmuls = countMatmuls(at);
    const size_t count = numMatmuls > 0 ? numMatmuls : 1;
    const auto start = std::chrono::steady_clock::now();
    const bool isDone =
        numMatmuls > 0 ? runMatmuls(at, count, inputs, error) : runInstruction(instructions[at], inputs, error);
    if (!isDone) return false;
    seconds_[at] += std::chrono::duration<double>(std::chrono::steady_clock::now() - start).count();
    at += count;
  }
  for (const Weight& w : weights_) {
    for (const WeightPart& part : w.parts) {
      if (part.mapping && part.mapping->isDamaged()) return *error = "damaged: " + part.mapping->path(), false;
    }
  }
  for (size_t i = 0; i < program_.outputs.size(); ++i) {
    const size_t sizeBytes = static_cast<size_t>(outputElements(i)) * sizeof(float);
    if (outputs[i] && sizeBytes > 0) std::memcpy(outputs[i], floats(program_.outputs[i]), sizeBytes);
  }
  return true;
}

/// How many matrix products from here on can run as one loop: none reads what another writes, and none writes where
/// another reads.
size_t Executable::countMatmuls(size_t at) const {
  const std::vector<Instruction>& instructions = program_.instructions;
  const auto slotOf = [this](int32_t id) { return value(id).kind == ValueKind::kSlot ? value(id).index : -1; };
  size_t count = 0;
  for (; at + count < instructions.size() && count < static_cast<size_t>(kMaxLinearJobs); ++count) {
    const Instruction& next = instructions[at + count];
    if (next.op != Op::kLinear && next.op != Op::kGroupedLinear) return count;
    // The lists of routed rows are made for one choice of experts at a time.
    for (size_t i = at; i < at + count; ++i) {
      const Instruction& before = instructions[i];
      const int32_t written = slotOf(before.output);
      if (slotOf(next.output) == written) return count;
      for (int32_t input : next.inputs) {
        if (slotOf(input) == written) return count;
      }
      for (int32_t input : before.inputs) {
        if (slotOf(input) == slotOf(next.output)) return count;
      }
      if (next.op != Op::kGroupedLinear || before.op != Op::kGroupedLinear) continue;
      const bool isSameChoice =
          next.inputs[2] == before.inputs[2] && weight(next.inputs[1]).dims[0] == weight(before.inputs[1]).dims[0];
      if (!isSameChoice) return count;
    }
  }
  return count;
}

/// Routed rows sorted by expert, and the token of each; kept while products use the same choice.
bool Executable::groupRows(int32_t id, int64_t numExperts, const std::vector<RunInput>& inputs, std::string* error) {
  if (groupedBy_ == id && groupedExperts_ == numExperts) return true;
  const int32_t* experts_R = integers(id, inputs);
  const int64_t numRows = elements(id);
  const int64_t k = lastAxis(id);
  if (DOTS_KERNEL(findOutside)(experts_R, numRows, numExperts) >= 0)
    return *error = "an expert that does not exist was chosen", false;
  offsets_E_.resize(static_cast<size_t>(numExperts) + 1);
  rows_R_.resize(static_cast<size_t>(numRows));
  tokens_R_.resize(static_cast<size_t>(numRows));
  DOTS_KERNEL(groupByExpert)(experts_R, numRows, numExperts, offsets_E_.data(), rows_R_.data());
  for (size_t i = 0; i < rows_R_.size(); ++i) tokens_R_[i] = static_cast<int32_t>(rows_R_[i] / k);
  groupedBy_ = id;
  groupedExperts_ = numExperts;
  return true;
}

bool Executable::runMatmuls(size_t at, size_t count, const std::vector<RunInput>& inputs, std::string* error) {
  LinearJob jobs[kMaxLinearJobs];
  int numJobs = 0;
  uint8_t* scratch = matmulScratch_.data() + (64 - reinterpret_cast<uintptr_t>(matmulScratch_.data()) % 64) % 64;
  // Rows that meet several matrices one after the other are packed once for all.
  RowsProduct pending{};
  bool isPacked = true;
  const auto multiplyPending = [&] {
    if (pending.numTokens > 0) isPacked = multiply(pending, error) && isPacked;
    pending.numTokens = 0;
  };
  const auto add = [&](const LinearJob& job) {
    if (job.numTokens == 0) return;
    // The same bits as `linear` gives; packing pays from some dozens of rows for each matrix.
    if (job.weights.type == StorageId::kF32 && job.numTokens >= kWorthPacking * job.numExperts &&
        isAligned(job.weights.data)) {
      const float* const matrices = reinterpret_cast<const float*>(job.weights.data);
      const bool isBeside = pending.numTokens > 0 && pending.numBeside < kMaxBeside && pending.x == job.x &&
                            pending.xRows == job.xRows && pending.numTokens == job.numTokens &&
                            pending.cols == job.weights.cols && pending.offsets == job.offsets &&
                            pending.outRows == job.outRows;
      if (isBeside) {
        pending.beside[pending.numBeside++] = {matrices, job.weights.rows, job.out, job.ldOut};
        return;
      }
      multiplyPending();
      pending = {static_cast<const float*>(job.x),
                 job.xRowBytes / 4,
                 job.xRows,
                 job.numTokens,
                 job.offsets,
                 job.numExperts,
                 matrices,
                 job.weights.rows,
                 job.weights.cols,
                 false,
                 job.out,
                 job.ldOut,
                 job.outRows,
                 false};
      return;
    }
    if (numJobs == kMaxLinearJobs) linear(jobs, numJobs, pool_, scratch), numJobs = 0;
    jobs[numJobs++] = job;
  };
  for (size_t i = at; i < at + count; ++i) {
    const Instruction& instruction = program_.instructions[i];
    const Weight& w = weight(instruction.inputs[1]);
    const bool isGrouped = instruction.op == Op::kGroupedLinear;
    LinearJob job{};
    job.weights.data = w.parts[0].data();
    job.weights.type = static_cast<StorageId>(w.type);
    job.weights.rows = w.dims[w.rank - 2];
    job.weights.cols = w.dims[w.rank - 1];
    job.weights.expertBytes = w.expertBytes;
    job.x = floats(instruction.inputs[0]);
    job.xRowBytes = lastAxis(instruction.inputs[0]) * 4;
    job.numTokens = axis(instruction.output, 0);
    job.numExperts = 1;
    job.out = floats(instruction.output);
    job.ldOut = lastAxis(instruction.output);
    if (!isGrouped) {
      add(job);
      continue;
    }
    if (!groupRows(instruction.inputs[2], w.dims[0], inputs, error)) return false;
    const bool isPerToken = axis(instruction.inputs[0], 0) != elements(instruction.inputs[2]);
    const int32_t* xRows = (isPerToken ? tokens_R_ : rows_R_).data();
    if (w.expertBytes >= 0) {
      job.offsets = offsets_E_.data();
      job.numExperts = static_cast<int32_t>(w.dims[0]);
      job.xRows = xRows;
      job.outRows = rows_R_.data();
      add(job);
      continue;
    }
    // Experts that lie here and there, as in a Hugging Face folder: a product for each that was chosen.
    for (size_t e = 0; e + 1 < offsets_E_.size(); ++e) {
      job.weights.data = w.parts[e].data();
      job.numTokens = offsets_E_[e + 1] - offsets_E_[e];
      job.xRows = xRows + offsets_E_[e];
      job.outRows = rows_R_.data() + offsets_E_[e];
      add(job);
    }
  }
  if (numJobs > 0) linear(jobs, numJobs, pool_, scratch);
  multiplyPending();
  for (size_t i = at; i < at + count; ++i) forgetGroups(program_.instructions[i].output);
  return isPacked;
}

/// Whoever writes over the experts' list makes the sorted rows stale.
void Executable::forgetGroups(int32_t output) {
  if (groupedBy_ < 0 || value(groupedBy_).kind != ValueKind::kSlot) return;
  if (value(groupedBy_).index == value(output).index) groupedBy_ = -1;
}

}  // namespace dots
