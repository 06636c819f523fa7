#include "program.h"

namespace dots {
namespace {

// No graph of this project comes near these; they keep hostile counts from becoming allocations.
constexpr int32_t kMaxSymbols = 16;
constexpr int32_t kMaxEntries = 1 << 20;
constexpr int32_t kMaxInputsOfOp = 16;
constexpr int32_t kMaxConstantsOfOp = 16;

/// Takes words one by one and records the first fault.
class Reader {
 public:
  Reader(const int32_t* words, int64_t numWords, Error* error) : words_(words), numWords_(numWords), error_(error) {}

  bool failed() const { return failed_; }

  /// A word in [low, high]; `low` after a failure.
  int32_t take(int32_t low, int32_t high, const char* what) {
    if (failed_) return low;
    if (at_ >= numWords_) return fail(low, what, "the program ends before");
    const int32_t word = words_[at_];
    if (word < low || word > high) return fail(low, what, "out of range:");
    ++at_;
    return word;
  }

  /// A count of things that take at least `wordsEach` words: more than are left cannot be there.
  int32_t takeCount(int32_t max, int64_t wordsEach, const char* what) {
    const int32_t count = take(0, max, what);
    if (!failed_ && count * wordsEach > numWords_ - at_) return fail(0, what, "more than the program has words for:");
    return count;
  }

  int32_t fail(int32_t result, const char* what, const char* why) {
    if (!failed_)
      dots::fail(error_, ErrorKind::kInternal, "bad program: %s %s at word %lld", why, what,
                 static_cast<long long>(at_));
    failed_ = true;
    return result;
  }

  /// Whether something could be kept; a failure otherwise.
  bool keep(bool hasMemory) {
    if (!hasMemory && !failed_) dots::fail(error_, ErrorKind::kResource, "out of memory for a program");
    failed_ = failed_ || !hasMemory;
    return !failed_;
  }

  bool atEnd() const { return at_ == numWords_; }

 private:
  const int32_t* words_;
  int64_t numWords_;
  int64_t at_ = 0;
  bool failed_ = false;
  Error* error_;
};

Dim takeDim(Reader& reader, int32_t numSymbols) {
  Dim dim;
  dim.times = reader.take(0, INT32_MAX, "axis");
  dim.symbol = reader.take(-1, numSymbols - 1, "symbol");
  return dim;
}

void takeValue(Reader& reader, Program& program, int32_t numSlots) {
  Value value{};
  value.kind = static_cast<ValueKind>(reader.take(0, 3, "value kind"));
  const int32_t numIndices = value.kind == ValueKind::kSlot ? numSlots : kMaxEntries;
  if (numIndices == 0) reader.fail(0, "slot", "there is no");
  value.index = reader.take(0, numIndices > 0 ? numIndices - 1 : 0, "value index");
  value.isInt = reader.take(0, 1, "element type") == 1;
  value.rank = reader.take(1, kMaxRank, "rank");
  int numSymbolic = 0;
  for (int axis = 0; axis < value.rank; ++axis) {
    value.dims[axis] = takeDim(reader, program.numSymbols);
    numSymbolic += value.dims[axis].symbol >= 0;
  }
  if (numSymbolic > 1) reader.fail(0, "value", "two symbolic axes in one");
  int32_t* counts[] = {&program.numInputs, &program.numWeights, &program.numStates};
  if (value.kind != ValueKind::kSlot) {
    int32_t& count = *counts[static_cast<int>(value.kind)];
    count = value.index >= count ? value.index + 1 : count;
  }
  reader.keep(program.values.push(value));
}

}  // namespace

// FNV-1a over names and attributes, as encode-program.ts computes it.
int32_t opsFingerprint() {
  constexpr const char* kTexts[] = {
#define DOTS_OP(name, minInputs, maxInputs, inPlace, attributes) #name, attributes,
#include "ops.def"
  };
  uint32_t hash = 2166136261u;
  for (const char* text : kTexts) {
    for (const char* at = text; *at; ++at) hash = (hash ^ static_cast<uint8_t>(*at)) * 16777619u;
    hash = (hash ^ '\n') * 16777619u;
  }
  return static_cast<int32_t>(hash);
}

bool parseProgram(const int32_t* words, int64_t numWords, const double* constants, int64_t numConstants,
                  Program* program, Error* error) {
  Reader reader(words, numWords, error);
  if (reader.take(INT32_MIN, INT32_MAX, "fingerprint") != opsFingerprint())
    reader.fail(0, "fingerprint", "not written for this build of the addon (run npm run build):");
  program->numSymbols = reader.take(0, kMaxSymbols, "number of symbols");
  const int32_t numValues = reader.takeCount(kMaxEntries, 4, "values");
  const int32_t numSlots = reader.takeCount(kMaxEntries, 1, "slots");
  const int32_t numInstructions = reader.takeCount(kMaxEntries, 5, "instructions");
  const int32_t numOutputs = reader.takeCount(kMaxEntries, 1, "outputs");
  if (reader.take(0, INT32_MAX, "number of constants") != numConstants) reader.fail(0, "constants", "wrong number of");

  for (int32_t i = 0; i < numValues && !reader.failed(); ++i) takeValue(reader, *program, numSlots);
  for (int32_t i = 0; i < numSlots && !reader.failed(); ++i) {
    Buffer<Dim> alternatives;
    reader.keep(alternatives.resize(static_cast<size_t>(reader.takeCount(kMaxEntries, 2, "slot sizes"))));
    for (Dim& dim : alternatives) dim = takeDim(reader, program->numSymbols);
    reader.keep(program->slots.push(std::move(alternatives)));
  }
  // Sources have values before the first instruction; a slot has one once an instruction wrote it. Another shape of the
  // same memory is the same value: reshapes leave no instruction.
  Buffer<bool> isSlotWritten;
  reader.keep(isSlotWritten.resize(program->slots.size()));
  const auto isWritten = [&](int32_t id) {
    const Value& value = program->values[static_cast<size_t>(id)];
    return value.kind != ValueKind::kSlot || isSlotWritten[static_cast<size_t>(value.index)];
  };
  for (int32_t i = 0; i < numInstructions && !reader.failed(); ++i) {
    Instruction instruction;
    instruction.op = static_cast<Op>(reader.take(0, kNumOps - 1, "op"));
    reader.keep(instruction.inputs.resize(static_cast<size_t>(reader.takeCount(kMaxInputsOfOp, 1, "inputs"))));
    for (int32_t& input : instruction.inputs) input = reader.take(0, numValues - 1, "input");
    instruction.output = reader.take(0, numValues - 1, "output");
    const int32_t first = reader.take(0, static_cast<int32_t>(numConstants), "first constant");
    const int32_t left = static_cast<int32_t>(numConstants) - first;
    const int32_t count = reader.take(0, left < kMaxConstantsOfOp ? left : kMaxConstantsOfOp, "number of constants");
    if (reader.failed()) break;
    for (int32_t input : instruction.inputs) {
      if (!isWritten(input)) reader.fail(0, "input", "read before it is written:");
    }
    const Value& output = program->values[static_cast<size_t>(instruction.output)];
    if (output.kind != ValueKind::kSlot) {
      reader.fail(0, "output", "not working memory:");
      break;
    }
    isSlotWritten[static_cast<size_t>(output.index)] = true;
    reader.keep(instruction.constants.assign(constants + first, static_cast<size_t>(count)));
    reader.keep(program->instructions.push(std::move(instruction)));
  }
  for (int32_t i = 0; i < numOutputs && !reader.failed(); ++i) {
    const int32_t id = reader.take(0, numValues - 1, "output");
    reader.keep(program->outputs.push(id));
    if (!reader.failed() && (program->values[static_cast<size_t>(id)].kind != ValueKind::kSlot || !isWritten(id))) {
      reader.fail(0, "output", "never written:");
    }
  }
  if (!reader.failed() && !reader.atEnd()) reader.fail(0, "words", "left over");
  return !reader.failed();
}

int64_t evaluate(const Dim& dim, const int32_t* bindings) {
  return dim.symbol < 0 ? dim.times : static_cast<int64_t>(dim.times) * bindings[dim.symbol];
}

int64_t numElements(const Value& value, const int32_t* bindings) {
  int64_t product = 1;
  for (int axis = 0; axis < value.rank; ++axis) {
    if (__builtin_mul_overflow(product, evaluate(value.dims[axis], bindings), &product)) return -1;
  }
  return product;
}

int64_t layoutSlots(const Program& program, const int32_t* bindings, int64_t limitBytes, Buffer<int64_t>* offsets,
                    Error* error) {
  constexpr int64_t kAlignment = 64;
  Buffer<int64_t> sizes;
  if (!sizes.resize(program.slots.size()) || !offsets->resize(program.slots.size()))
    return fail(error, ErrorKind::kResource, "out of memory for the layout of working memory"), -1;
  int64_t end = 0;
  for (size_t i = 0; i < program.slots.size(); ++i) {
    (*offsets)[i] = end;
    for (const Dim& dim : program.slots[i]) {
      const int64_t candidate = evaluate(dim, bindings);
      sizes[i] = candidate > sizes[i] ? candidate : sizes[i];
    }
    end += (sizes[i] + kAlignment - 1) / kAlignment * kAlignment;  // of two factors of 31 bits: far from overflow
    if (end > limitBytes)
      return fail(error, ErrorKind::kResource, "the step needs more working memory than is sensible"), -1;
  }
  // A value must fit into the slot it was given, whatever the program claims.
  constexpr int64_t kElementBytes = 4;
  for (const Value& value : program.values) {
    if (value.kind != ValueKind::kSlot) continue;
    const int64_t count = numElements(value, bindings);
    if (count < 0 || count > sizes[static_cast<size_t>(value.index)] / kElementBytes)
      return fail(error, ErrorKind::kInternal, "a value is larger than its slot"), -1;
  }
  return end;
}

}  // namespace dots
