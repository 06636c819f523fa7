#include "executor.h"

#include <cstdlib>
#include <cstring>
#include <sys/mman.h>

#include "kernels/combine.h"
#include "kernels/decode-row.h"
#include "kernels/elementwise.h"
#include "kernels/embedding.h"
#include "kernels/quantize-rows.h"
#include "kernels/rms-norm.h"
#include "kernels/rope.h"
#include "kernels/router.h"
#include "kernels/storage.h"
#include "kernels/swiglu.h"

namespace dots {
namespace {

/// Working memory that is cheaper to keep than to ask for again.
constexpr int64_t kWorthReturning = 16 << 20;
/// A loop over fewer elements is over sooner than another thread is awake.
constexpr int64_t kWorthSharing = 1 << 15;

struct Arity {
  int numInputs;
  int numConstants;
  bool isInPlace;  // the output may lie where the first input lies, if both have the same size
};

constexpr Arity kArities[] = {
    {2, 0, true},  // add
    {8, 0, false},  // cachedAttention
    {2, 3, false},  // chooseExperts
    {2, 0, false},  // embedding
    {2, 0, false},  // gather
    {3, 0, false},  // groupedLinear
    {2, 0, false},  // linear
    {2, 0, true},  // mul
    {1, 1, true},  // normalizeRows
    {1, 1, false},  // quantizeRows
    {2, 1, true},  // rmsNorm
    {2, 1, true},  // rope
    {1, 1, true},  // scale
    {1, 0, true},  // sigmoid
    {1, 0, true},  // silu
    {2, 0, true},  // swiglu
    {2, 0, false},  // takeRows
    {2, 0, false},  // weightedSum
};
static_assert(sizeof kArities / sizeof kArities[0] == static_cast<size_t>(Op::kCount), "one entry for each op");

int64_t bytesOf(const StorageInfo& storage, int64_t count) { return count / storage.blockElements * storage.blockBytes; }

/// Whether the parts hold exactly what the shape says, experts in equal parts; vectors are decoded to f32 here.
bool settleWeight(Weight& weight, std::string* error) {
  const StorageInfo* storage = storageInfo(weight.type);
  if (weight.rank < 1 || weight.rank > 3) return *error = "a weight has an impossible shape", false;
  if (!storage) return *error = "a weight has a storage type without kernels", false;
  int64_t count = 1;
  for (int i = 0; i < weight.rank; ++i) {
    const int64_t dim = weight.dims[i];
    if (dim < 1 || dim > INT32_MAX || __builtin_mul_overflow(count, dim, &count)) return *error = "a weight has an impossible shape", false;
  }
  const int64_t cols = weight.dims[weight.rank - 1];
  const int64_t numParts = static_cast<int64_t>(weight.parts.size());
  if (cols % storage->blockElements != 0 || numParts < 1 || (weight.rank == 3 ? weight.dims[0] : 1) % numParts != 0) {
    return *error = "a weight does not divide into its blocks or parts", false;
  }
  for (const WeightPart& part : weight.parts) {
    if (part.sizeBytes != bytesOf(*storage, count) / numParts) return *error = "a weight has too few or too many bytes", false;
  }
  weight.expertBytes = bytesOf(*storage, count / weight.dims[0]);
  for (int64_t i = 1; i < numParts; ++i) {
    const uint8_t* expected = weight.parts[0].data() + i * weight.parts[0].sizeBytes;
    if (weight.parts[static_cast<size_t>(i)].data() != expected) weight.expertBytes = -1;
  }
  // Parts that are not neighbours must be whole experts; matrices and vectors are in one piece.
  if (weight.expertBytes < 0 && (weight.rank != 3 || numParts != weight.dims[0])) return *error = "a weight is cut into pieces that cannot be used", false;
  if (weight.rank == 1) {
    weight.decoded.resize(static_cast<size_t>(count));
    if (!decodeRow(storage->id, weight.parts[0].data(), count, weight.decoded.data())) {
      return *error = "a vector is stored in a type that vectors cannot have", false;
    }
  }
  return true;
}

bool allocateCells(State& state, std::string* error) {
  int64_t count = 1;
  for (const int64_t dim : state.dims) {
    if (dim < 1 || dim > INT32_MAX || __builtin_mul_overflow(count, dim, &count)) return *error = "a state has an impossible shape", false;
  }
  const int type = static_cast<int>(state.type);
  if (type < 0 || type > 2 || state.dims[2] != kPageSize || state.dims[3] > kMaxHeadWidth) {
    return *error = "a state is no key/value cache", false;
  }
  const size_t pageBytes = DOTS_KERNEL(headPageBytes)(state.type, static_cast<int>(state.dims[3]));
  if (__builtin_mul_overflow(state.dims[0] * state.dims[1], static_cast<int64_t>(pageBytes), &state.sizeBytes)) {
    return *error = "a state has an impossible shape", false;
  }
  // Pages of memory appear when they are first written, so a long context costs nothing until it is used.
  void* cells = mmap(nullptr, static_cast<size_t>(state.sizeBytes), PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
  if (cells == MAP_FAILED) return *error = "out of memory for the key/value cache", false;
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
  std::unique_ptr<Executable> made(new Executable(std::move(program), std::move(weights), std::move(states), numThreads));
  const Program& p = made->program_;
  if (p.numWeights > static_cast<int32_t>(made->weights_.size()) || p.numStates > static_cast<int32_t>(made->states_.size())) {
    *error = "the program names weights or states that were not given";
    return nullptr;
  }
  for (Weight& weight : made->weights_) {
    if (!settleWeight(weight, error)) return nullptr;
  }
  for (const Value& v : p.values) {
    if (v.kind != ValueKind::kWeight && v.kind != ValueKind::kState) continue;
    const bool isWeight = v.kind == ValueKind::kWeight;
    const int rank = isWeight ? made->weights_[static_cast<size_t>(v.index)].rank : 4;
    const int64_t* dims = isWeight ? made->weights_[static_cast<size_t>(v.index)].dims : made->states_[static_cast<size_t>(v.index)].dims;
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
    need(static_cast<int64_t>(DOTS_KERNEL(attendWorkspaceBytes)(static_cast<int>(state.dims[3])) / sizeof(float)) + 1);
  }
  for (const Value& v : p.values) {
    // chooseExperts takes the number of experts and of groups, both at most the width of a row.
    if (v.kind == ValueKind::kWeight && v.rank == 1) need(2 * int64_t{v.dims[0].times});
  }
  made->threadScratch_.resize(static_cast<size_t>(made->threadScratchFloats_ * made->pool_.numThreads()) + 16);
  for (const Instruction& instruction : p.instructions) {
    const Arity& arity = kArities[static_cast<size_t>(instruction.op)];
    if (instruction.inputs.size() == static_cast<size_t>(arity.numInputs) &&
        instruction.constants.size() == static_cast<size_t>(arity.numConstants)) {
      continue;
    }
    *error = "an instruction has too few or too many operands";
    return nullptr;
  }
  if (!made->checkConverted(error)) return nullptr;
  return made;
}

/// Whether all rows that meet quantised weights come straight from quantizeRows: kernels rely on the codes' range and on
/// sums that belong to them.
bool Executable::checkConverted(std::string* error) const {
  std::vector<const Instruction*> writers(program_.slots.size(), nullptr);
  for (const Instruction& instruction : program_.instructions) {
    const int32_t output = value(instruction.output).index;
    if (instruction.op == Op::kLinear || instruction.op == Op::kGroupedLinear) {
      const int32_t x = instruction.inputs[0], w = instruction.inputs[1];
      if (value(x).kind != ValueKind::kSlot || value(w).kind != ValueKind::kWeight) {
        return *error = "a matrix product of something else than rows and weights", false;
      }
      const Activation wanted = storageInfo(weight(w).type)->activation;
      const Instruction* writer = writers[static_cast<size_t>(value(x).index)];
      const bool isConverted = writer && writer->op == Op::kQuantizeRows && writer->output == x &&
                               writer->constants[0] == static_cast<double>(static_cast<int>(wanted));
      if (wanted != Activation::kF32 && !isConverted) return *error = "rows meet quantised weights without conversion", false;
    }
    writers[static_cast<size_t>(output)] = &instruction;
  }
  return true;
}

bool Executable::prepare(const std::vector<int32_t>& bindings, const std::vector<RunInput>& inputs, std::string* error,
                         int64_t limitBytes) {
  isCancelled_.store(false, std::memory_order_relaxed);
  if (static_cast<int32_t>(bindings.size()) != program_.numSymbols || static_cast<int32_t>(inputs.size()) < program_.numInputs) {
    return *error = "too few symbols or inputs", false;
  }
  for (const int32_t binding : bindings) {
    if (binding < 0) return *error = "a symbol is negative", false;
  }
  // First of all, so that what is computed from inputs' sizes below is bounded by memory that exists.
  for (const Value& v : program_.values) {
    if (v.kind == ValueKind::kInput && inputs[static_cast<size_t>(v.index)].length != numElements(v, bindings.data())) {
      return *error = "an input has another length than the program expects", false;
    }
  }
  if (bindings != bindings_ || workingBytes_ > limitBytes) {
    // Nothing runs on a layout that was not checked.
    bindings_.clear();
    workingBytes_ = layoutSlots(program_, bindings.data(), limitBytes, &offsets_);
    if (workingBytes_ < 0) return *error = "the step needs more working memory than is sensible", false;
    bindings_ = bindings;
    for (const Instruction& instruction : program_.instructions) {
      if (checkInstruction(instruction, error)) continue;
      bindings_.clear();
      return false;
    }
  }
  // A prompt needs a hundred times the memory of a token; while an answer is written it goes back to the system.
  const bool isWasteful = capacity_ > kWorthReturning && workingBytes_ < capacity_ / 8;
  if (workingBytes_ > capacity_ || isWasteful) {
    memory_.reset();
    memory_.reset(new (std::nothrow) uint8_t[static_cast<size_t>(workingBytes_) + 64]);
    capacity_ = memory_ ? workingBytes_ : 0;
    if (!memory_) return bindings_.clear(), *error = "out of memory for working memory", false;
    base_ = memory_.get() + (64 - reinterpret_cast<uintptr_t>(memory_.get()) % 64) % 64;
  }
  return true;
}

int64_t Executable::outputElements(size_t i) const { return numElements(value(program_.outputs[i]), bindings_.data()); }

float* Executable::floats(int32_t id) {
  const Value& v = value(id);
  if (v.kind == ValueKind::kWeight) return weights_[static_cast<size_t>(v.index)].decoded.data();
  return reinterpret_cast<float*>(base_ + offsets_[static_cast<size_t>(v.index)]);
}

const int32_t* Executable::integers(int32_t id, const std::vector<RunInput>& inputs) {
  const Value& v = value(id);
  if (v.kind == ValueKind::kInput) return inputs[static_cast<size_t>(v.index)].data;
  return reinterpret_cast<const int32_t*>(base_ + offsets_[static_cast<size_t>(v.index)]);
}

bool Executable::run(const std::vector<RunInput>& inputs, float* const* outputs, std::string* error) {
  const std::vector<Instruction>& instructions = program_.instructions;
  anglesFor_ = nullptr;
  groupedBy_ = -1;
  for (size_t at = 0; at < instructions.size();) {
    if (isCancelled_.load(std::memory_order_relaxed)) return *error = "cancelled", false;
    const size_t numMatmuls = countMatmuls(at);
    const size_t count = numMatmuls > 0 ? numMatmuls : 1;
    const bool isDone = numMatmuls > 0 ? runMatmuls(at, count, inputs, error) : runInstruction(instructions[at], inputs, error);
    if (!isDone) return false;
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
      const bool isSameChoice = next.inputs[2] == before.inputs[2] && weight(next.inputs[1]).dims[0] == weight(before.inputs[1]).dims[0];
      if (!isSameChoice) return count;
    }
  }
  return count;
}

/// Routed rows sorted by expert, and the token of each; kept while products use the same choice.
bool Executable::groupRows(const Instruction& instruction, const std::vector<RunInput>& inputs, std::string* error) {
  const int32_t id = instruction.inputs[2];
  const int64_t numExperts = weight(instruction.inputs[1]).dims[0];
  if (groupedBy_ == id && groupedExperts_ == numExperts) return true;
  const int32_t* experts_R = integers(id, inputs);
  const int64_t numRows = elements(id);
  const int64_t k = lastAxis(id);
  if (DOTS_KERNEL(findOutside)(experts_R, numRows, numExperts) >= 0) return *error = "an expert that does not exist was chosen", false;
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
  const auto add = [&](const LinearJob& job) {
    if (job.numTokens == 0) return;
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
    if (!groupRows(instruction, inputs, error)) return false;
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
  for (size_t i = at; i < at + count; ++i) forgetGroups(program_.instructions[i].output);
  return true;
}

/// Whoever writes over the experts' list makes the sorted rows stale.
void Executable::forgetGroups(int32_t output) {
  if (groupedBy_ < 0 || value(groupedBy_).kind != ValueKind::kSlot) return;
  if (value(groupedBy_).index == value(output).index) groupedBy_ = -1;
}

/// body(begin, end, thread) over [0, count), on several threads where there is enough to do.
template <class Body>
void Executable::share(int64_t count, int64_t elementsEach, Body&& body) {
  const int64_t countEach = kWorthSharing / (elementsEach > 0 ? elementsEach : 1) + 1;
  const int64_t numChunks = (count + countEach - 1) / countEach;
  if (numChunks <= 1) {
    if (count > 0) body(int64_t{0}, count, 0);
    return;
  }
  pool_.parallelFor(numChunks, [&](int64_t chunk, int thread) {
    const int64_t begin = chunk * countEach;
    body(begin, begin + countEach < count ? begin + countEach : count, thread);
  });
}

const float* Executable::ropeAnglesFor(const Instruction& instruction, const int32_t* positions_T) {
  const int64_t numTokens = axis(instruction.output, 0);
  const int64_t headWidth = lastAxis(instruction.output);
  const bool isKnown = anglesFor_ && anglesFor_->inputs[1] == instruction.inputs[1] && anglesFor_->constants[0] == instruction.constants[0] &&
                       lastAxis(anglesFor_->output) == headWidth;
  if (isKnown) return angles_.data();
  angles_.resize(static_cast<size_t>(numTokens * headWidth));
  const auto kernel = DOTS_KERNEL(ropeAngles);
  // Sine and cosine in double: some fifty nanoseconds an element.
  share(numTokens, headWidth * 32, [&](int64_t begin, int64_t end, int) {
    kernel(positions_T, instruction.constants[0], headWidth, angles_.data(), begin, end);
  });
  anglesFor_ = &instruction;
  return angles_.data();
}

bool Executable::runAttention(const Instruction& instruction, const std::vector<RunInput>& inputs, std::string* error) {
  const std::vector<int32_t>& in = instruction.inputs;
  const State& keys = states_[static_cast<size_t>(value(in[6]).index)];
  const State& values = states_[static_cast<size_t>(value(in[7]).index)];
  const int64_t numTokens = axis(in[0], 0);
  const int64_t numQueryHeads = axis(in[0], 1);
  if (numTokens == 0) return true;
  KvLayer layer;
  layer.type = keys.type;
  layer.numPages = static_cast<int32_t>(keys.dims[0]);
  layer.numHeads = static_cast<int32_t>(keys.dims[1]);
  layer.headWidth = static_cast<int32_t>(keys.dims[3]);
  layer.keys = keys.cells;
  layer.values = values.cells;
  KvStep step;
  step.numTokens = numTokens;
  step.positions_T = integers(in[3], inputs);
  step.sequences_T = integers(in[4], inputs);
  step.pages_BP = integers(in[5], inputs);
  step.numSequences = axis(in[5], 0);
  step.pagesPerSequence = axis(in[5], 1);
  if (const char* problem = DOTS_KERNEL(checkKvStep)(layer, step, numQueryHeads)) return *error = problem, false;

  const auto write = DOTS_KERNEL(writeKv);
  const float* k_TGH = floats(in[1]);
  const float* v_TGH = floats(in[2]);
  share(numTokens * layer.numHeads, 2 * layer.headWidth, [&](int64_t begin, int64_t end, int) { write(layer, step, k_TGH, v_TGH, begin, end); });

  tiles_.resize(static_cast<size_t>(numTokens) + 1);
  const int64_t numTiles = DOTS_KERNEL(planAttention)(step, numQueryHeads, layer.numHeads, tiles_.data());
  const auto attendTo = DOTS_KERNEL(attend);
  const float* q_TNH = floats(in[0]);
  float* y_TNH = floats(instruction.output);
  pool_.parallelFor(numTiles * layer.numHeads, [&](int64_t item, int thread) {
    float* scratch = threadScratch_.data() + thread * threadScratchFloats_;
    attendTo(layer, step, numQueryHeads, tiles_.data(), numTiles, q_TNH, y_TNH, scratch, item, item + 1);
  });
  return true;
}

bool Executable::runInstruction(const Instruction& instruction, const std::vector<RunInput>& inputs, std::string* error) {
  const std::vector<int32_t>& in = instruction.inputs;
  const int32_t out = instruction.output;
  const int64_t count = elements(out);
  const int64_t width = lastAxis(out);
  const int64_t numRows = width > 0 ? count / width : 0;
  forgetGroups(out);
  switch (instruction.op) {
    case Op::kAdd:
    case Op::kMul: {
      const auto kernel = instruction.op == Op::kAdd ? DOTS_KERNEL(addElements) : DOTS_KERNEL(mulElements);
      const float *a = floats(in[0]), *b = floats(in[1]);
      float* y = floats(out);
      const int64_t lengthB = elements(in[1]);
      share(count, 1, [&](int64_t begin, int64_t end, int) { kernel(a, b, lengthB, y, begin, end); });
      return true;
    }
    case Op::kScale: {
      const auto kernel = DOTS_KERNEL(scaleElements);
      const float* x = floats(in[0]);
      float* y = floats(out);
      const float factor = static_cast<float>(instruction.constants[0]);
      share(count, 1, [&](int64_t begin, int64_t end, int) { kernel(x, factor, y, begin, end); });
      return true;
    }
    case Op::kSigmoid:
    case Op::kSilu: {
      const auto kernel = instruction.op == Op::kSigmoid ? DOTS_KERNEL(sigmoidElements) : DOTS_KERNEL(siluElements);
      const float* x = floats(in[0]);
      float* y = floats(out);
      share(count, 4, [&](int64_t begin, int64_t end, int) { kernel(x, y, begin, end); });
      return true;
    }
    case Op::kSwiglu: {
      const auto kernel = DOTS_KERNEL(swiglu);
      const float *gate = floats(in[0]), *up = floats(in[1]);
      float* y = floats(out);
      share(count, 4, [&](int64_t begin, int64_t end, int) { kernel(gate, up, y, begin, end); });
      return true;
    }
    case Op::kRmsNorm: {
      const auto kernel = DOTS_KERNEL(rmsNorm);
      const float *x = floats(in[0]), *w = floats(in[1]);
      float* y = floats(out);
      const float eps = static_cast<float>(instruction.constants[0]);
      share(numRows, 2 * width, [&](int64_t begin, int64_t end, int) { kernel(x, w, eps, width, y, begin, end); });
      return true;
    }
    case Op::kRope: {
      const auto kernel = DOTS_KERNEL(rope);
      const float* angles = ropeAnglesFor(instruction, integers(in[1], inputs));
      const float* x = floats(in[0]);
      float* y = floats(out);
      const int64_t numHeads = axis(out, 1);
      share(numRows, 2 * width, [&](int64_t begin, int64_t end, int) { kernel(x, angles, numHeads, width, y, begin, end); });
      return true;
    }
    case Op::kQuantizeRows: {
      const int64_t cols = lastAxis(in[0]);
      quantizeActivations(static_cast<Activation>(static_cast<int>(instruction.constants[0])), floats(in[0]), cols, numRows, cols, floats(out), pool_);
      return true;
    }
    case Op::kEmbedding: {
      const Weight& table = weight(in[0]);
      const int32_t* ids_T = integers(in[1], inputs);
      if (DOTS_KERNEL(findOutside)(ids_T, numRows, table.dims[0]) >= 0) return *error = "a token id is outside of the table", false;
      const StorageInfo* storage = storageInfo(table.type);
      const auto kernel = DOTS_KERNEL(embedding);
      const DecodeRow decode = decodeRow;
      float* y = floats(out);
      bool isDecoded = true;
      share(numRows, 4 * width, [&](int64_t begin, int64_t end, int) {
        if (!kernel(decode, storage->id, table.parts[0].data(), bytesOf(*storage, width), ids_T, width, y, begin, end)) isDecoded = false;
      });
      if (!isDecoded) *error = "the embedding table has a type that cannot be decoded";
      return isDecoded;
    }
    case Op::kTakeRows: {
      const int32_t* rows_O = integers(in[1], inputs);
      if (DOTS_KERNEL(findOutside)(rows_O, numRows, axis(in[0], 0)) >= 0) return *error = "a row is taken that does not exist", false;
      DOTS_KERNEL(takeRows)(floats(in[0]), rows_O, width, floats(out), 0, numRows);
      return true;
    }
    case Op::kChooseExperts: {
      Routing routing;
      routing.numExperts = static_cast<int32_t>(lastAxis(in[0]));
      routing.numExpertsPerToken = static_cast<int32_t>(width);
      routing.numGroups = static_cast<int32_t>(instruction.constants[1]);
      routing.numKept = static_cast<int32_t>(instruction.constants[2]);
      const auto kernel = DOTS_KERNEL(chooseExperts);
      const float *scores = floats(in[0]), *bias = floats(in[1]);
      int32_t* experts = writableIntegers(out);
      share(numRows, 16 * routing.numExperts, [&](int64_t begin, int64_t end, int thread) {
        kernel(routing, scores, bias, threadScratch_.data() + thread * threadScratchFloats_, experts, begin, end);
      });
      return true;
    }
    case Op::kGather: {
      const int32_t* columns = integers(in[1], inputs);
      if (DOTS_KERNEL(findOutside)(columns, count, lastAxis(in[0])) >= 0) return *error = "a column is gathered that does not exist", false;
      DOTS_KERNEL(gather)(floats(in[0]), lastAxis(in[0]), columns, width, floats(out), 0, numRows);
      return true;
    }
    case Op::kNormalizeRows:
      DOTS_KERNEL(normalizeRows)(floats(in[0]), width, static_cast<float>(instruction.constants[0]), floats(out), 0, numRows);
      return true;
    case Op::kWeightedSum: {
      const auto kernel = DOTS_KERNEL(weightedSum);
      const float *x = floats(in[0]), *weights = floats(in[1]);
      float* y = floats(out);
      const int64_t k = lastAxis(in[1]);
      share(numRows, k * width, [&](int64_t begin, int64_t end, int) { kernel(x, weights, k, width, nullptr, y, begin, end); });
      return true;
    }
    case Op::kCachedAttention: return runAttention(instruction, inputs, error);
    case Op::kLinear:
    case Op::kGroupedLinear:
    case Op::kCount: break;
  }
  return *error = "an op without a kernel", false;
}

/// Everything a kernel takes for granted, for the symbols that are bound now. Sizes only; what ids point to is checked
/// when they are read.
bool Executable::checkInstruction(const Instruction& instruction, std::string* error) const {
  const std::vector<int32_t>& in = instruction.inputs;
  const int32_t out = instruction.output;
  const auto kind = [this](int32_t id) { return value(id).kind; };
  const auto isInt = [this](int32_t id) { return value(id).isInt; };
  const auto isMatrixWeight = [&](int32_t id, int rank) { return kind(id) == ValueKind::kWeight && value(id).rank == rank && rank >= 2; };
  // Floats come from slots or from vectors that were decoded; integers from inputs or slots.
  const auto isFloats = [&](int32_t id) {
    return !isInt(id) && (kind(id) == ValueKind::kSlot || (kind(id) == ValueKind::kWeight && value(id).rank == 1));
  };
  const auto isIntegers = [&](int32_t id) { return isInt(id) && (kind(id) == ValueKind::kSlot || kind(id) == ValueKind::kInput); };
  const auto constant = [&](size_t i) { return instruction.constants[i]; };
  const int64_t count = elements(out);
  const int64_t width = lastAxis(out);
  // Axes that fit into 32 bits keep the products below, and those of kernels, inside 64.
  const auto isSensible = [&](int32_t id) {
    for (int i = 0; i < value(id).rank; ++i) {
      if (axis(id, i) > INT32_MAX) return false;
    }
    // A list of tokens or rows may be empty: no logits are wanted from a piece of a prompt. A row never is.
    const bool isList = isInt(id) && value(id).rank == 1;
    return elements(id) >= 0 && (isList || lastAxis(id) >= 1);
  };
  const auto isProduct = [](int64_t product, int64_t a, int64_t b) {
    int64_t actual;
    return !__builtin_mul_overflow(a, b, &actual) && actual == product;
  };
  bool fits = isSensible(out);
  for (size_t i = 0; i < in.size(); ++i) {
    fits = fits && isSensible(in[i]);
    // Kernels read while they write: only what is done element by element may lie over its own operand.
    if (kind(in[i]) != ValueKind::kSlot || value(in[i]).index != value(out).index) continue;
    fits = fits && i == 0 && kArities[static_cast<size_t>(instruction.op)].isInPlace && elements(in[i]) == count;
  }
  if (fits) {
    switch (instruction.op) {
      case Op::kAdd:
      case Op::kMul: {
        const int64_t lengthB = elements(in[1]);
        fits = isFloats(in[0]) && isFloats(in[1]) && !isInt(out) && elements(in[0]) == count && (count == 0 || (lengthB > 0 && count % lengthB == 0));
        break;
      }
      case Op::kScale:
      case Op::kSigmoid:
      case Op::kSilu:
      case Op::kNormalizeRows: fits = isFloats(in[0]) && !isInt(out) && elements(in[0]) == count && lastAxis(in[0]) == width; break;
      case Op::kSwiglu: fits = isFloats(in[0]) && isFloats(in[1]) && !isInt(out) && elements(in[0]) == count && elements(in[1]) == count; break;
      case Op::kRmsNorm: fits = isFloats(in[0]) && isFloats(in[1]) && !isInt(out) && elements(in[0]) == count && elements(in[1]) == width; break;
      case Op::kRope:
        fits = isFloats(in[0]) && isIntegers(in[1]) && !isInt(out) && value(out).rank == 3 && elements(in[0]) == count &&
               elements(in[1]) == axis(out, 0) && width % 2 == 0 && axis(out, 1) >= 1;
        break;
      case Op::kQuantizeRows: {
        const double number = constant(0);
        const int64_t cols = lastAxis(in[0]);
        fits = isFloats(in[0]) && !isInt(out) && (number == 1 || number == 2) && cols % (number == 1 ? 32 : 256) == 0 &&
               width * 4 == activationRowBytes(static_cast<Activation>(static_cast<int>(number)), cols) && count / width == elements(in[0]) / cols;
        break;
      }
      case Op::kEmbedding: fits = isMatrixWeight(in[0], 2) && isIntegers(in[1]) && !isInt(out) && width == lastAxis(in[0]) && isProduct(count, elements(in[1]), width); break;
      case Op::kTakeRows:
        fits = kind(in[0]) == ValueKind::kSlot && isIntegers(in[1]) && isInt(out) == isInt(in[0]) && value(in[0]).rank == 2 && width == lastAxis(in[0]) &&
               isProduct(count, elements(in[1]), width);
        break;
      case Op::kGather:
        fits = isFloats(in[0]) && isIntegers(in[1]) && !isInt(out) && elements(in[1]) == count && lastAxis(in[1]) == width &&
               elements(in[0]) / lastAxis(in[0]) == count / width;
        break;
      case Op::kChooseExperts: {
        const int64_t numExperts = lastAxis(in[0]);
        const double numGroups = constant(1), numKept = constant(2);
        fits = isFloats(in[0]) && isFloats(in[1]) && isInt(out) && elements(in[1]) == numExperts && constant(0) == static_cast<double>(width) &&
               width <= numExperts && elements(in[0]) / numExperts == count / width && numGroups >= 1 && numGroups <= static_cast<double>(numExperts) &&
               numKept >= 1 && numKept <= numGroups && numGroups == static_cast<double>(static_cast<int32_t>(numGroups)) &&
               numExperts % static_cast<int64_t>(numGroups) == 0 && numExperts + static_cast<int64_t>(numGroups) <= threadScratchFloats_;
        break;
      }
      case Op::kWeightedSum: fits = isFloats(in[0]) && isFloats(in[1]) && !isInt(out) && lastAxis(in[0]) == width && isProduct(elements(in[0]), elements(in[1]), width) &&
               isProduct(elements(in[1]), count / width, lastAxis(in[1])); break;
      case Op::kLinear:
      case Op::kGroupedLinear: {
        const bool isGrouped = instruction.op == Op::kGroupedLinear;
        fits = kind(in[0]) == ValueKind::kSlot && !isInt(in[0]) && value(in[0]).rank == 2 && isMatrixWeight(in[1], isGrouped ? 3 : 2) && !isInt(out) &&
               value(out).rank == 2;
        if (!fits) break;
        const Weight& w = weight(in[1]);
        const int64_t cols = w.dims[w.rank - 1];
        const StorageInfo* storage = storageInfo(w.type);
        fits = linearSupports(storage->id, cols) && lastAxis(in[0]) * 4 == activationRowBytes(storage->activation, cols) && width == w.dims[w.rank - 2];
        if (!isGrouped) {
          fits = fits && axis(in[0], 0) == axis(out, 0);
        } else {
          const int64_t numRouted = elements(in[2]);
          fits = fits && isIntegers(in[2]) && numRouted < INT32_MAX && axis(out, 0) == numRouted &&
                 (axis(in[0], 0) == numRouted || axis(in[0], 0) * lastAxis(in[2]) == numRouted);
        }
        break;
      }
      case Op::kCachedAttention: {
        fits = isFloats(in[0]) && isFloats(in[1]) && isFloats(in[2]) && isIntegers(in[3]) && isIntegers(in[4]) && isIntegers(in[5]) && !isInt(out) &&
               kind(in[6]) == ValueKind::kState && kind(in[7]) == ValueKind::kState && value(in[0]).rank == 3 && value(in[5]).rank == 2;
        if (!fits) break;
        const State& keys = states_[static_cast<size_t>(value(in[6]).index)];
        const State& values = states_[static_cast<size_t>(value(in[7]).index)];
        const int64_t numTokens = axis(in[0], 0);
        const int64_t cellElements = keys.dims[1] * keys.dims[3];
        fits = std::memcmp(keys.dims, values.dims, sizeof keys.dims) == 0 && keys.type == values.type && lastAxis(in[0]) == keys.dims[3] &&
               axis(in[0], 1) % keys.dims[1] == 0 && count == elements(in[0]) && isProduct(elements(in[1]), numTokens, cellElements) &&
               elements(in[2]) == elements(in[1]) && elements(in[3]) == numTokens && elements(in[4]) == numTokens;
        break;
      }
      case Op::kCount: fits = false; break;
    }
  }
  if (!fits) *error = "operands of op " + std::to_string(static_cast<int>(instruction.op)) + " do not fit each other";
  return fits;
}

}  // namespace dots
