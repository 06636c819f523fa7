// What an op is to the executor, and what the executor is to an op.
//
// ops.def lists all ops. For each of them ops/<op>.cc defines two functions, which this file declares:
//   ops::<op>::fits  before anything runs, once for each new binding of the symbols: all that the kernel takes for
//   granted
//                    of its operands' kinds, shapes and attributes. Numbers that inputs hold are checked where they are
//                    read.
//   ops::<op>::run   the kernel, on which operands, over which share of the rows.
#pragma once

#include <cstdint>

#include "executor.h"
#include "program.h"

namespace dots {

/// The output, where operands are given by number: inputs count from 0.
constexpr int kOut = -1;

/// The operands of one instruction for the symbols that are bound now: shapes and kinds, no memory.
class Operands {
 public:
  Operands(const Executable& executable, const Instruction& instruction)
      : executable_(executable), instruction_(instruction) {}

  Op op() const { return instruction_.op; }
  int numInputs() const { return static_cast<int>(instruction_.inputs.size()); }
  double constant(size_t i) const { return instruction_.constants[i]; }
  float floatConstant(size_t i) const { return static_cast<float>(instruction_.constants[i]); }

  /// The value's number, and the slot where it lies (-1: it is a source).
  int32_t id(int i) const { return i == kOut ? instruction_.output : instruction_.inputs[static_cast<size_t>(i)]; }
  int32_t slot(int i) const { return value(i).kind == ValueKind::kSlot ? value(i).index : -1; }

  int rank(int i) const { return value(i).rank; }
  int64_t axis(int i, int axis) const { return evaluate(value(i).dims[axis], executable_.bindings_.data()); }
  int64_t elements(int i) const { return numElements(value(i), executable_.bindings_.data()); }
  /// The last axis, and how many rows of it there are.
  int64_t width(int i) const { return axis(i, rank(i) - 1); }
  int64_t rows(int i) const { return width(i) > 0 ? elements(i) / width(i) : 0; }
  template <class... I>
  bool haveElements(int64_t count, I... i) const {
    return ((elements(i) == count) && ...);
  }

  /// Floats that lie in memory as such: slots, inputs, stored tensors, and weights of f32; vectors always do.
  bool isFloats(int i) const;
  template <class... I>
  bool areFloats(I... i) const {
    return (isFloats(i) && ...);
  }
  bool isIntegers(int i) const;
  /// A tensor of a store, which training's ops change.
  bool isStored(int i) const;
  /// Cells of a key/value cache.
  bool isCache(int i) const { return value(i).kind == ValueKind::kState && !isStored(i); }
  /// A weight in any storage type.
  bool isWeight(int i, int rank) const;
  /// Floats [rows, width].
  bool isRows(int i) const { return isFloats(i) && rank(i) == 2; }
  /// What `Call::matrix` gives as f32: floats, or a weight in any storage type; not empty.
  bool isMatrix(int i, int rank) const;
  /// Chosen experts [T, K].
  bool isRouting(int i) const { return isIntegers(i) && rank(i) == 2 && elements(i) < INT32_MAX; }
  /// Rows for each routed row of `experts`; or for each of its tokens.
  bool isRouted(int rows, int experts) const { return axis(rows, 0) == elements(experts); }
  bool isRoutedOrToken(int rows, int experts) const {
    return isRouted(rows, experts) || axis(rows, 0) == axis(experts, 0);
  }
  /// The zero that ops give which only change a state.
  bool isMark() const { return isFloats(kOut) && elements(kOut) == 1; }
  /// The output and inputs 0...n-1 are floats of as many elements: what goes element by element.
  bool areAlike(int n) const;

  const Weight& weight(int i) const { return executable_.weights_[static_cast<size_t>(value(i).index)]; }
  const State& state(int i) const { return executable_.states_[static_cast<size_t>(value(i).index)]; }

  /// What holds for every op, so that kernels may divide by axes. Only the first axis of an operand can be 0, and only
  /// where it counts rows or the entries of a list of integers: a step may have no tokens, and a piece of a prompt no
  /// logits. A vector of floats, and what `isMatrix` or `isWeight` takes, has no axis that is 0. Besides, the output
  /// lies over an input only where the op allows it.
  bool areSensible() const;

 protected:
  const Value& value(int i) const { return executable_.value(id(i)); }

  const Executable& executable_;
  const Instruction& instruction_;
};

/// An instruction that runs: its operands' memory, threads, and memory that lasts from one step to the next.
class Call : public Operands {
 public:
  Call(Executable& executable, size_t at, Error* error)
      : Operands(executable, executable.program_.instructions[at]), running_(executable), at_(at), error_(error) {}

  float* floats(int i) const { return running_.floats(id(i)); }
  const int32_t* integers(int i) const { return reinterpret_cast<const int32_t*>(floats(i)); }
  int32_t* writableIntegers(int i) const { return reinterpret_cast<int32_t*>(floats(i)); }
  /// A matrix (or one for each expert) as f32: where it lies, or decoded into memory that the next call uses again.
  /// Null, with the error set, where there is none.
  const float* matrix(int i) const;

  const Kernels& kernels() const { return running_.device_->kernels; }
  ThreadPool& pool() const { return running_.device_->pool; }
  Device& device() const { return *running_.device_; }
  Workspace& workspace() const { return running_.workspace_; }
  /// body(begin, end, thread) over [0, count), on several threads where there is enough to do.
  template <class Body>
  void share(int64_t count, int64_t elementsEach, Body&& body) const;
  /// Memory until the next call of this, 64-byte aligned; null, with the error set, where there is none.
  float* scratch(int64_t numFloats) const;
  bool multiply(const RowsProduct& product) const;
  bool multiply(const WeightProduct& product) const;
  /// For streamed experts: reads of those that operand `experts` chooses begin.
  bool requestExperts(int experts) const;
  /// Returns when the experts of weight `i` that operand `experts` chooses are in memory.
  bool awaitExperts(int i, int experts) const;

  /// Each sets the error; false.
  bool fail(const char* message) const { return dots::fail(error_, ErrorKind::kInternal, "%s", message); }
  bool failForType(const char* message) const { return dots::fail(error_, ErrorKind::kUnsupported, "%s", message); }
  bool outOfMemory(const char* what) const {
    return dots::fail(error_, ErrorKind::kResource, "out of memory for %s", what);
  }

  /// The instruction n places later, while n < numLeft(); an op that runs the next ones as well says so.
  Call later(size_t n) const { return Call(running_, at_ + n, error_); }
  size_t numLeft() const { return running_.program_.instructions.size() - at_; }
  size_t numDone = 1;

 private:
  Executable& running_;
  size_t at_;
  Error* error_;
};

/// A loop over fewer elements is over sooner than another thread is awake.
constexpr int64_t kWorthSharing = 1 << 15;

template <class Body>
void Call::share(int64_t count, int64_t elementsEach, Body&& body) const {
  const int64_t countEach = kWorthSharing / (elementsEach > 0 ? elementsEach : 1) + 1;
  const int64_t numChunks = (count + countEach - 1) / countEach;
  if (numChunks <= 1) {
    if (count > 0) body(int64_t{0}, count, 0);
    return;
  }
  pool().parallelFor(numChunks, [&](int64_t chunk, int thread) {
    const int64_t begin = chunk * countEach;
    body(begin, begin + countEach < count ? begin + countEach : count, thread);
  });
}

namespace ops {
#define DOTS_OP(name, ...)                \
  struct name {                           \
    static bool fits(const Operands& op); \
    static bool run(Call& op);            \
  };
#include "ops.def"
}  // namespace ops

struct OpInfo {
  const char* name;
  int minInputs, maxInputs;
  int inPlace;
  int numConstants;
  bool (*fits)(const Operands& op);
  bool (*run)(Call& op);
};

const OpInfo& opInfo(Op op);

}  // namespace dots
