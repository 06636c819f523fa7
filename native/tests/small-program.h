// A small model, as TypeScript would encode it, for tests of what runs programs.
//
// One layer of dots1: embedding, attention over the paged cache, routed and shared experts, logits. Widths are the
// smallest that every kernel accepts: D = 64, heads N = 4 over G = 2 of H = 16, E = 8 experts of F = 32, K = 2, V = 40.
#pragma once

#include <algorithm>
#include <cmath>
#include <cstdint>
#include <cstring>
#include <memory>
#include <utility>
#include <vector>

#include "each-isa.h"
#include "executor.h"
#include "kernels/quantize-rows.h"
#include "program.h"

namespace dots {

struct InstructionDraft {
  Op op;
  std::vector<int32_t> inputs;
  int32_t output;
  std::vector<double> constants;
};

/// The words of a program before they are words: changed in tests, then encoded.
struct ProgramDraft {
  int32_t numSymbols = 0;
  std::vector<Value> values;
  std::vector<std::vector<Dim>> slots;
  std::vector<InstructionDraft> instructions;
  std::vector<int32_t> outputs;

  int32_t source(ValueKind kind, int32_t index, bool isInt, std::initializer_list<Dim> dims) {
    Value value{};
    value.kind = kind;
    value.index = index;
    value.isInt = isInt;
    for (const Dim& dim : dims) value.dims[value.rank++] = dim;
    values.push_back(value);
    return static_cast<int32_t>(values.size()) - 1;
  }
  /// A value in a slot of its own, or in one that is there already and grows to hold it.
  int32_t slot(bool isInt, std::initializer_list<Dim> dims, int32_t index = -1) {
    Dim bytes{4, -1};
    for (const Dim& dim : dims) bytes = {bytes.times * dim.times, dim.symbol >= 0 ? dim.symbol : bytes.symbol};
    if (index < 0) slots.emplace_back(), index = static_cast<int32_t>(slots.size()) - 1;
    slots[static_cast<size_t>(index)].push_back(bytes);
    return source(ValueKind::kSlot, index, isInt, dims);
  }
  void add(Op op, std::vector<int32_t> inputs, int32_t output, std::vector<double> constants = {}) {
    instructions.push_back({op, std::move(inputs), output, std::move(constants)});
  }

  /// What src/backend/program/encode-program.ts writes.
  void encode(std::vector<int32_t>* words, std::vector<double>* constants) const {
    words->assign({opsFingerprint(), numSymbols, count(values), count(slots), count(instructions), count(outputs), 0});
    constants->clear();
    for (const Value& value : values) {
      words->insert(words->end(), {static_cast<int32_t>(value.kind), value.index, value.isInt ? 1 : 0, value.rank});
      // A test may claim a rank that no value can hold.
      for (int i = 0; i < value.rank && i < kMaxRank; ++i)
        words->insert(words->end(), {value.dims[i].times, value.dims[i].symbol});
    }
    for (const std::vector<Dim>& alternatives : slots) {
      words->push_back(count(alternatives));
      for (const Dim& dim : alternatives) words->insert(words->end(), {dim.times, dim.symbol});
    }
    for (const InstructionDraft& instruction : instructions) {
      words->insert(words->end(), {static_cast<int32_t>(instruction.op), count(instruction.inputs)});
      words->insert(words->end(), instruction.inputs.begin(), instruction.inputs.end());
      words->insert(words->end(), {instruction.output, count(*constants), count(instruction.constants)});
      constants->insert(constants->end(), instruction.constants.begin(), instruction.constants.end());
    }
    words->insert(words->end(), outputs.begin(), outputs.end());
    (*words)[6] = count(*constants);
  }

 private:
  template <class T>
  static int32_t count(const std::vector<T>& list) {
    return static_cast<int32_t>(list.size());
  }
};

/// A weight that tests copy and change; an executable takes its own away.
struct WeightDraft {
  struct Part {
    std::shared_ptr<Mapping> mapping;
    int64_t offset = 0;
    std::vector<uint8_t> owned;
    int64_t sizeBytes = 0;
  };
  int32_t type = 0;
  int32_t rank = 0;
  int64_t dims[3] = {1, 1, 1};
  std::vector<Part> parts;
};

/// Everything that a run needs.
struct SmallModel {
  ProgramDraft draft;
  std::vector<WeightDraft> weights;
  std::vector<State> states;
  std::vector<std::shared_ptr<std::vector<float>>> stored;  // of each state that is a stored tensor; copies share it
  std::vector<int32_t> bindings;
  std::vector<std::vector<int32_t>> inputs;
  std::vector<bool> isFloatInput;                  // empty: none is
  int32_t logits = 0, experts = 0, positions = 0;  // value ids
  int32_t squares = -1;                            // the state that is a mean of squares and so never negative

  /// Stored tensors with the same numbers again.
  void resetStored(uint64_t seed) {
    TestRandom random(seed);
    for (size_t i = 0; i < stored.size(); ++i) {
      if (!stored[i]) continue;
      const bool isPositive = static_cast<int32_t>(i) == squares;
      for (float& value : *stored[i]) {
        value = random.normal() / 4;
        if (isPositive) value *= value;
      }
    }
  }
};

constexpr int kSmallWidth = 64, kSmallHeads = 4, kSmallKeyHeads = 2, kSmallHeadWidth = 16, kSmallExperts = 8,
              kSmallChosen = 2, kSmallHidden = 32, kSmallVocab = 40, kSmallPages = 4, kSmallPagesEach = 2;

/// A weight of f32, f16, q4_0 or q8_0 with values around 1/8, in one part or (experts) in a part each.
inline WeightDraft smallWeight(TestRandom& random, StorageId type, std::vector<int64_t> dims, int numParts = 1) {
  WeightDraft weight;
  weight.type = static_cast<int32_t>(type);
  weight.rank = static_cast<int32_t>(dims.size());
  int64_t count = 1;
  for (size_t i = 0; i < dims.size(); ++i) weight.dims[i] = dims[i], count *= dims[i];
  std::vector<uint8_t> bytes;
  if (type == StorageId::kF32) {
    std::vector<float> values(static_cast<size_t>(count));
    for (float& value : values) value = dims.size() == 1 ? 1 + random.normal() / 8 : random.normal() / 8;
    bytes.resize(values.size() * 4);
    memcpy(bytes.data(), values.data(), bytes.size());
  } else {
    const StorageInfo* info = storageInfo(type);
    bytes.resize(static_cast<size_t>(count / info->blockElements * info->blockBytes));
    random.fillBytes(bytes.data(), static_cast<int64_t>(bytes.size()));
    const bool isHalf = type == StorageId::kF16;
    for (size_t at = 0; at < bytes.size(); at += static_cast<size_t>(info->blockBytes)) {
      uint16_t scale = type == StorageId::kQ8_0 ? 0x1400 : 0x2400;  // 2^-10, 2^-6
      if (isHalf) scale = static_cast<uint16_t>((random.next() & 0x83ff) | 0x2c00);
      memcpy(&bytes[at], &scale, 2);
    }
  }
  for (int part = 0; part < numParts; ++part) {
    const size_t size = bytes.size() / static_cast<size_t>(numParts), begin = size * static_cast<size_t>(part);
    weight.parts.emplace_back();
    weight.parts.back().sizeBytes = static_cast<int64_t>(size);
    weight.parts.back().owned.assign(bytes.begin() + static_cast<int64_t>(begin),
                                     bytes.begin() + static_cast<int64_t>(begin + size));
  }
  return weight;
}

/// One step of sequences with `lengths` new tokens each, after `done` tokens that an earlier step has read.
inline void bindSmallModel(SmallModel& model, const std::vector<int>& lengths, int done = 0) {
  std::vector<int32_t> tokens, positions, sequences, pages, rows;
  for (size_t b = 0; b < lengths.size(); ++b) {
    for (int i = 0; i < lengths[b]; ++i) {
      const int position = done + i;
      tokens.push_back(static_cast<int32_t>((b * 11 + static_cast<size_t>(position) * 7) % kSmallVocab));
      positions.push_back(position);
      sequences.push_back(static_cast<int32_t>(b));
      rows.push_back(static_cast<int32_t>(rows.size()));
    }
    for (int p = 0; p < kSmallPagesEach; ++p)
      pages.push_back(static_cast<int32_t>((b * kSmallPagesEach + static_cast<size_t>(p)) % kSmallPages));
  }
  model.bindings = {static_cast<int32_t>(tokens.size()), static_cast<int32_t>(rows.size()),
                    static_cast<int32_t>(lengths.size())};
  model.inputs = {tokens, positions, sequences, pages, rows};
}

inline SmallModel makeSmallModel(uint64_t seed = 1, StorageId matrices = StorageId::kQ8_0, bool isScattered = false,
                                 KvType kv = KvType::kF16) {
  SmallModel model;
  ProgramDraft& p = model.draft;
  TestRandom random(seed);
  constexpr int D = kSmallWidth, N = kSmallHeads, G = kSmallKeyHeads, H = kSmallHeadWidth, E = kSmallExperts,
                K = kSmallChosen, F = kSmallHidden;
  constexpr int T = 0, O = 1, B = 2;
  p.numSymbols = 3;
  const auto fixed = [](int times) { return Dim{times, -1}; };
  const auto per = [](int symbol, int times = 1) { return Dim{times, symbol}; };
  const auto weight = [&](StorageId type, std::vector<int64_t> dims, int numParts = 1) {
    model.weights.push_back(smallWeight(random, type, dims, numParts));
    Value value{};
    value.kind = ValueKind::kWeight;
    value.index = static_cast<int32_t>(model.weights.size()) - 1;
    for (int64_t dim : dims) value.dims[value.rank++] = fixed(static_cast<int>(dim));
    p.values.push_back(value);
    return static_cast<int32_t>(p.values.size()) - 1;
  };
  const auto matrix = [&](int rows, int cols) { return weight(matrices, {rows, cols}); };
  const auto experts = [&](int rows, int cols) { return weight(matrices, {E, rows, cols}, isScattered ? E : 1); };
  const Activation kind = storageInfo(matrices)->activation;
  const auto convert = [&](int32_t x, Dim rows, int cols) {
    if (kind == Activation::kF32) return x;
    const int32_t y = p.slot(false, {rows, fixed(static_cast<int>(activationRowBytes(kind, cols) / 4))});
    p.add(Op::quantizeRows, {x}, y, {static_cast<double>(static_cast<int>(kind))});
    return y;
  };

  const int32_t tokens = p.source(ValueKind::kInput, 0, true, {per(T)});
  model.positions = p.source(ValueKind::kInput, 1, true, {per(T)});
  const int32_t sequences = p.source(ValueKind::kInput, 2, true, {per(T)});
  const int32_t pages = p.source(ValueKind::kInput, 3, true, {per(B), fixed(kSmallPagesEach)});
  const int32_t outputRows = p.source(ValueKind::kInput, 4, true, {per(O)});
  const int32_t keys =
      p.source(ValueKind::kState, 0, false, {fixed(kSmallPages), fixed(G), fixed(kPageSize), fixed(H)});
  const int32_t values =
      p.source(ValueKind::kState, 1, false, {fixed(kSmallPages), fixed(G), fixed(kPageSize), fixed(H)});
  for (int i = 0; i < 2; ++i) {
    State state;
    state.type = kv;
    const int64_t dims[4] = {kSmallPages, G, kPageSize, H};
    memcpy(state.dims, dims, sizeof dims);
    model.states.push_back(state);
    model.stored.emplace_back();
  }

  const int32_t x = p.slot(false, {per(T), fixed(D)});
  const int32_t norm = p.slot(false, {per(T), fixed(D)});
  p.add(Op::embedding, {matrix(kSmallVocab, D), tokens}, x);
  p.add(Op::rmsNorm, {x, weight(StorageId::kF32, {D})}, norm, {1e-5});
  const int32_t rows = convert(norm, per(T), D);
  const int32_t q = p.slot(false, {per(T), fixed(N * H)}), k = p.slot(false, {per(T), fixed(G * H)}),
                v = p.slot(false, {per(T), fixed(G * H)});
  p.add(Op::linear, {rows, matrix(N * H, D)}, q);
  p.add(Op::linear, {rows, matrix(G * H, D)}, k);
  p.add(Op::linear, {rows, matrix(G * H, D)}, v);
  // Reshapes are other values of the same slot; rope works in place.
  const auto slotOf = [&](int32_t id) { return p.values[static_cast<size_t>(id)].index; };
  const int32_t qHeads = p.slot(false, {per(T), fixed(N), fixed(H)}, slotOf(q)),
                kHeads = p.slot(false, {per(T), fixed(G), fixed(H)}, slotOf(k));
  p.add(Op::rope, {qHeads, model.positions}, qHeads, {1e4, 0});
  p.add(Op::rope, {kHeads, model.positions}, kHeads, {1e4, 0});
  const int32_t mixed = p.slot(false, {per(T), fixed(N), fixed(H)});
  p.add(Op::cachedAttention, {qHeads, kHeads, v, model.positions, sequences, pages, keys, values}, mixed);
  const int32_t flat = p.slot(false, {per(T), fixed(N * H)}, slotOf(mixed)),
                attended = p.slot(false, {per(T), fixed(D)});
  p.add(Op::linear, {convert(flat, per(T), N * H), matrix(D, N * H)}, attended);
  p.add(Op::add, {x, attended}, x);
  p.add(Op::rmsNorm, {x, weight(StorageId::kF32, {D})}, norm, {1e-5});

  const int32_t scores = p.slot(false, {per(T), fixed(E)}), chosenScores = p.slot(false, {per(T), fixed(K)});
  model.experts = p.slot(true, {per(T), fixed(K)});
  p.add(Op::linear, {norm, weight(StorageId::kF32, {E, D})}, scores);
  p.add(Op::sigmoid, {scores}, scores);
  p.add(Op::chooseExperts, {scores, weight(StorageId::kF32, {E})}, model.experts, {K, 2, 1});
  p.add(Op::gather, {scores, model.experts}, chosenScores);
  p.add(Op::normalizeRows, {chosenScores}, chosenScores, {1e-20});
  p.add(Op::scale, {chosenScores}, chosenScores, {2.5});

  const int32_t gate = p.slot(false, {per(T, K), fixed(F)}), up = p.slot(false, {per(T, K), fixed(F)}),
                routed = p.slot(false, {per(T, K), fixed(D)});
  const int32_t normRows = convert(norm, per(T), D);
  p.add(Op::groupedLinear, {normRows, experts(F, D), model.experts}, gate);
  p.add(Op::groupedLinear, {normRows, experts(F, D), model.experts}, up);
  p.add(Op::swiglu, {gate, up}, gate);
  p.add(Op::groupedLinear, {convert(gate, per(T, K), F), experts(D, F), model.experts}, routed);
  const int32_t summed = p.slot(false, {per(T), fixed(D)});
  p.add(Op::weightedSum, {routed, chosenScores}, summed);
  const int32_t shared = p.slot(false, {per(T), fixed(F)}), sharedUp = p.slot(false, {per(T), fixed(F)}),
                sharedOut = p.slot(false, {per(T), fixed(D)});
  p.add(Op::linear, {normRows, matrix(F, D)}, shared);
  p.add(Op::linear, {normRows, matrix(F, D)}, sharedUp);
  p.add(Op::silu, {shared}, shared);
  p.add(Op::mul, {shared, sharedUp}, shared);
  p.add(Op::linear, {convert(shared, per(T), F), matrix(D, F)}, sharedOut);
  p.add(Op::add, {summed, sharedOut}, summed);
  p.add(Op::add, {x, summed}, x);

  const int32_t last = p.slot(false, {per(O), fixed(D)});
  model.logits = p.slot(false, {per(O), fixed(kSmallVocab)});
  p.add(Op::takeRows, {x, outputRows}, last);
  p.add(Op::rmsNorm, {last, weight(StorageId::kF32, {D})}, last, {1e-5});
  p.add(Op::linear, {convert(last, per(O), D), matrix(kSmallVocab, D)}, model.logits);
  p.outputs = {model.logits};
  bindSmallModel(model, {5, 3});
  return model;
}

/// What `create` takes; false where there is no memory for it.
inline bool copyWeights(const std::vector<WeightDraft>& drafts, Buffer<Weight>* weights) {
  if (!weights->resize(drafts.size())) return false;
  for (size_t i = 0; i < drafts.size(); ++i) {
    const WeightDraft& draft = drafts[i];
    Weight& weight = (*weights)[i];
    weight.type = draft.type;
    weight.rank = draft.rank;
    std::copy(draft.dims, draft.dims + 3, weight.dims);
    if (!weight.parts.resize(draft.parts.size())) return false;
    for (size_t p = 0; p < draft.parts.size(); ++p) {
      const WeightDraft::Part& part = draft.parts[p];
      weight.parts[p].mapping = part.mapping;
      weight.parts[p].offset = part.offset;
      weight.parts[p].sizeBytes = part.sizeBytes;
      if (!weight.parts[p].owned.assign(part.owned.data(), part.owned.size())) return false;
    }
  }
  return true;
}

inline std::unique_ptr<Executable> createExecutable(const ProgramDraft& draft, const std::vector<WeightDraft>& weights,
                                                    const std::vector<State>& states, int numThreads, Error* error,
                                                    Isa isa = bestIsa(),
                                                    const ExpertCacheOptions* streaming = nullptr) {
  error->clear();
  std::vector<int32_t> words;
  std::vector<double> constants;
  draft.encode(&words, &constants);
  Program program;
  if (!parseProgram(words.data(), static_cast<int64_t>(words.size()), constants.data(),
                    static_cast<int64_t>(constants.size()), &program, error))
    return nullptr;
  Buffer<Weight> ownWeights;
  Buffer<State> ownStates;
  if (!copyWeights(weights, &ownWeights) || !ownStates.assign(states.data(), states.size())) {
    fail(error, ErrorKind::kResource, "out of memory for a model");
    return nullptr;
  }
  return Executable::create(std::make_shared<Device>(isa, numThreads), std::move(program), std::move(ownWeights),
                            std::move(ownStates), error, streaming);
}

inline std::vector<RunInput> viewsOf(const std::vector<std::vector<int32_t>>& inputs,
                                     const std::vector<bool>& isFloat = {}) {
  std::vector<RunInput> views;
  for (const std::vector<int32_t>& input : inputs)
    views.push_back(
        {input.data(), static_cast<int64_t>(input.size()), views.size() < isFloat.size() && isFloat[views.size()]});
  return views;
}

/// prepare and run; the first output, or nothing with `error` set.
inline std::vector<float> runExecutable(Executable& executable, const std::vector<int32_t>& bindings,
                                        const std::vector<std::vector<int32_t>>& inputs, Error* error,
                                        int64_t limitBytes = kMaxWorkingBytes) {
  error->clear();
  const std::vector<RunInput> views = viewsOf(inputs);
  if (!executable.prepare(bindings, views, error, limitBytes)) return {};
  std::vector<std::vector<float>> outputs;
  std::vector<float*> pointers;
  for (size_t i = 0; i < executable.program().outputs.size(); ++i)
    outputs.emplace_back(static_cast<size_t>(executable.outputElements(i)));
  for (std::vector<float>& output : outputs) pointers.push_back(output.data());
  if (!executable.run(views, pointers.data(), error)) return {};
  return outputs.empty() ? std::vector<float>() : outputs[0];
}

}  // namespace dots
