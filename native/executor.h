// Runs a checked program on mapped weights. Knows no Node and no model.
#pragma once

#include <atomic>
#include <cstdint>
#include <memory>

#include "device.h"
#include "large-memory.h"
#include "mapping.h"
#include "memory.h"
#include "program.h"
#include "workspace.h"

namespace dots {

/// One stretch of a weight's bytes: in a mapped file, or owned.
struct WeightPart {
  std::shared_ptr<Mapping> mapping;  // null for owned bytes
  int64_t offset = 0;
  Buffer<uint8_t> owned;
  const uint8_t* stored = nullptr;  // memory of the caller's that stays while the executable is
  int64_t sizeBytes = 0;
  const uint8_t* data() const { return stored ? stored : mapping ? mapping->data() + offset : owned.data(); }
};

/// rank 1: a vector of f32. rank 2: [rows, cols]. rank 3: [experts, rows, cols], its parts being whole experts.
struct Weight {
  int32_t type = 0;  // GGUF's number
  int32_t rank = 0;
  int64_t dims[3] = {1, 1, 1};
  Buffer<WeightPart> parts;
  Buffer<float> decoded;          // rank 1 only, and only where the file has another type
  const float* floats = nullptr;  // all elements one after the other, where they are f32
  int64_t expertBytes = 0;        // from one expert to the next; -1 where they lie here and there
  int streamed = -1;              // its number in the expert cache
};

/// Cells of one half of a layer's cache: [pages, heads, kPageSize, width]; or, in memory of the caller's that stays
/// while the executable is, a tensor of f32 that training reads and writes.
struct State {
  KvType type = KvType::kF16;
  int32_t rank = 4;
  int64_t dims[4] = {1, 1, 1, 1};
  uint8_t* cells = nullptr;
  float* stored = nullptr;
  int64_t sizeBytes = 0;
};

/// Working memory of one step; a step of a few thousand tokens through the full model needs about a gigabyte.
constexpr int64_t kMaxWorkingBytes = int64_t{1} << 36;

struct RunInput {
  const void* data;  // int32_t, or float
  int64_t length;
  bool isFloat = false;
};

class ExpertCache;
struct ExpertCacheOptions;
struct ExpertCacheStats;

class Executable {
 public:
  /// Takes everything over. Null with `error` set where weights and program do not fit each other, or where there is no
  /// memory. With `streaming`, experts that lie in a mapped file are read as they are chosen (expert-cache.h).
  static std::unique_ptr<Executable> create(std::shared_ptr<Device> device, Program program, Buffer<Weight> weights,
                                            Buffer<State> states, Error* error,
                                            const ExpertCacheOptions* streaming = nullptr);
  ~Executable();

  /// Whether a run with these symbols and inputs would stay inside its memory; `error` otherwise. Call before run.
  bool prepare(Span<int32_t> bindings, Span<RunInput> inputs, Error* error, int64_t limitBytes = kMaxWorkingBytes);
  /// Elements of output i for the prepared symbols.
  int64_t outputElements(size_t i) const;
  /// Runs what was prepared; outputs are copied to `outputs`, those that are null are not. False with `error` set when
  /// cancelled (kCancelled), when a file was damaged (kFormat: its path) or when memory ran out (kResource): stored
  /// tensors may then have been changed, and the next run is as good as any.
  bool run(Span<RunInput> inputs, float* const* outputs, Error* error);
  /// Seconds of each instruction since the executable was made, all runs together; products that ran as one loop count
  /// for the first.
  Span<double> instructionSeconds() const { return seconds_; }
  /// False where no expert is streamed.
  bool expertStats(ExpertCacheStats* stats) const;
  void cancel() { isCancelled_.store(true, std::memory_order_relaxed); }

  const Program& program() const { return program_; }
  /// All memory that goes when this does: copied weights, caches, working memory.
  int64_t heldBytes() const;

 private:
  Executable(std::shared_ptr<Device> device, Program program, Buffer<Weight> weights, Buffer<State> states);
  // What ops see of it: op.h.
  friend class Operands;
  friend class Call;

  bool remember(const Mapping* mapping);
  bool areBound(Span<int32_t> bindings) const;
  bool checkOperandCounts(Error* error) const;
  bool checkConverted(Error* error) const;
  bool checkInstruction(const Instruction& instruction, Error* error) const;
  void forget(int32_t output);
  bool streamExperts(const ExpertCacheOptions& options, Error* error);

  const Value& value(int32_t id) const { return program_.values[static_cast<size_t>(id)]; }
  const Weight& weight(int32_t id) const { return weights_[static_cast<size_t>(value(id).index)]; }
  float* floats(int32_t id);

  std::shared_ptr<Device> device_;
  Program program_;
  Buffer<Weight> weights_;
  Buffer<State> states_;
  Buffer<const Mapping*> mappings_;  // that weights lie in, each once
  Buffer<int32_t> bindings_;
  Buffer<int64_t> offsets_;
  bool isLaidOut_ = false;  // and checked, for bindings_
  LargeMemory memory_;
  int64_t workingBytes_ = 0;
  std::atomic<bool> isCancelled_{false};
  Buffer<double> seconds_;
  std::unique_ptr<ExpertCache> experts_;  // null: every weight is where it is
  Buffer<bool> isChoice_;                 // of each value: whether streamed experts are chosen by it

  Span<RunInput> inputs_;  // of the run under way
  Workspace workspace_;
};

}  // namespace dots
