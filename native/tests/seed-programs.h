// Valid programs to begin from when looking for programs that do harm: whole models, and every instruction of them
// alone.
//
// Alone, an op gets its operands from inputs: an axis can be anything without another op refusing it first.
#pragma once

#include <map>
#include <memory>

#include "training-program.h"

namespace dots {

constexpr int64_t kMaxSeedElements = 1 << 18;

/// Elements of a value for the model's symbols; -1 where they are too many for a test, or no number at all.
inline int64_t seedElements(const SmallModel& model, const Value& value) {
  int64_t count = 1;
  for (int i = 0; i < value.rank; ++i) {
    const int32_t symbol = value.dims[i].symbol;
    if (symbol >= static_cast<int32_t>(model.bindings.size()) || value.dims[i].times < 0) return -1;
    const int64_t axis =
        static_cast<int64_t>(value.dims[i].times) * (symbol < 0 ? 1 : model.bindings[static_cast<size_t>(symbol)]);
    if (axis < 0 || axis > kMaxSeedElements || (count *= axis) > kMaxSeedElements) return -1;
  }
  return count;
}

/// Makes memory agree with the shapes that the program names, after some changed: inputs, weights, states and slots.
/// What was smashed before stays so where it has no meaning.
inline void settle(SmallModel& model) {
  std::vector<std::vector<Dim>> slots(model.draft.slots.size());
  for (const Value& value : model.draft.values) {
    const size_t index = static_cast<size_t>(value.index);
    const int64_t count = seedElements(model, value);
    const size_t numIndices = value.kind == ValueKind::kSlot     ? slots.size()
                              : value.kind == ValueKind::kInput  ? model.inputs.size()
                              : value.kind == ValueKind::kState  ? model.states.size()
                              : value.kind == ValueKind::kWeight ? model.weights.size()
                                                                 : 0;
    if (index >= numIndices) continue;
    int64_t dims[kMaxRank];
    for (int i = 0; i < value.rank; ++i) dims[i] = value.dims[i].times;
    if (value.kind == ValueKind::kSlot) {
      Dim bytes{4, -1};
      for (int i = 0; i < value.rank; ++i) {
        bytes.times =
            static_cast<int32_t>(static_cast<uint32_t>(bytes.times) * static_cast<uint32_t>(dims[i])) & INT32_MAX;
        if (value.dims[i].symbol >= 0) bytes.symbol = value.dims[i].symbol;
      }
      slots[index].push_back(bytes);
    } else if (count < 0) {
      continue;
    } else if (value.kind == ValueKind::kInput) {
      model.inputs[index].resize(static_cast<size_t>(count), 0);
    } else if (value.kind == ValueKind::kState) {
      State& state = model.states[index];
      std::copy(dims, dims + value.rank, state.dims);
      if (index >= model.stored.size() || !model.stored[index]) continue;
      model.stored[index] = std::make_shared<std::vector<float>>(*model.stored[index]);
      model.stored[index]->resize(static_cast<size_t>(count), 0.25f);
      state.stored = model.stored[index]->data();
      state.sizeBytes = count * 4;
    } else {
      WeightDraft& weight = model.weights[index];
      std::copy(dims, dims + (value.rank < 3 ? value.rank : 3), weight.dims);
      const StorageInfo* info = storageInfo(weight.type);
      if (!info || weight.parts.empty()) continue;
      const int64_t sizeBytes = count / info->blockElements * info->blockBytes;
      for (WeightDraft::Part& part : weight.parts) {
        part.sizeBytes = sizeBytes / static_cast<int64_t>(weight.parts.size());
        part.owned.resize(static_cast<size_t>(part.sizeBytes), 0x11);
      }
    }
  }
  model.draft.slots = slots;
}

/// One instruction of a model as a program; its weights are inputs, too, if so wished. Numbers that lead to rows
/// are small enough for any axis that has two.
inline SmallModel alone(const SmallModel& whole, const InstructionDraft& instruction, bool areWeightsInputs) {
  SmallModel model;
  ProgramDraft& p = model.draft;
  p.numSymbols = whole.draft.numSymbols;
  model.bindings = whole.bindings;
  TestRandom random(3);
  std::map<int32_t, int32_t> copies;
  const auto copyOf = [&](int32_t id) {
    const auto [at, isNew] = copies.insert({id, static_cast<int32_t>(p.values.size())});
    if (!isNew) return at->second;
    Value value = whole.draft.values[static_cast<size_t>(id)];
    const size_t index = static_cast<size_t>(value.index);
    if (value.kind == ValueKind::kWeight && !areWeightsInputs) {
      value.index = static_cast<int32_t>(model.weights.size());
      model.weights.push_back(whole.weights[index]);
    } else if (value.kind == ValueKind::kState) {
      value.index = static_cast<int32_t>(model.states.size());
      model.states.push_back(whole.states[index]);
      model.stored.push_back(whole.stored[index]);
    } else {
      const bool isInput = value.kind == ValueKind::kInput;
      value.kind = ValueKind::kInput;
      value.index = static_cast<int32_t>(model.inputs.size());
      model.inputs.push_back(isInput ? whole.inputs[index] : std::vector<int32_t>());
      model.isFloatInput.push_back(!value.isInt);
      std::vector<int32_t>& words = model.inputs.back();
      if (!isInput) words.resize(static_cast<size_t>(seedElements(whole, value)));
      for (size_t i = 0; i < words.size() && !isInput; ++i) {
        const float number = random.normal();
        words[i] = static_cast<int32_t>(i % 2);
        if (!value.isInt) memcpy(&words[i], &number, 4);
      }
    }
    p.values.push_back(value);
    return at->second;
  };
  std::vector<int32_t> inputs;
  for (int32_t id : instruction.inputs) inputs.push_back(copyOf(id));
  Value output = whole.draft.values[static_cast<size_t>(instruction.output)];
  output.index = 0;
  p.slots.emplace_back();
  p.values.push_back(output);
  p.add(instruction.op, inputs, static_cast<int32_t>(p.values.size()) - 1, instruction.constants);
  p.outputs = {p.instructions[0].output};
  settle(model);
  return model;
}

inline const std::vector<SmallModel>& wholeSeeds() {
  static const std::vector<SmallModel> seeds = {
      makeSmallModel(1, StorageId::kQ8_0, false, KvType::kF16),
      makeSmallModel(2, StorageId::kF32, true, KvType::kF32),
      makeSmallModel(3, StorageId::kQ4_0, false, KvType::kQ8_0),
      makeTrainingModel(),
  };
  return seeds;
}

/// The first two of each op in the models with f32 weights, and conversions of rows, which only the others have. Some
/// refuse to run where a weight became an input.
inline const std::vector<SmallModel>& singleSeeds() {
  static const std::vector<SmallModel> seeds = [] {
    std::vector<SmallModel> made;
    for (const SmallModel& whole : wholeSeeds()) {
      int numOf[kNumOps] = {};
      const bool isQuantised = whole.weights[0].type != static_cast<int32_t>(StorageId::kF32);
      for (const InstructionDraft& instruction : whole.draft.instructions) {
        if (isQuantised && instruction.op != Op::quantizeRows) continue;
        if (++numOf[static_cast<size_t>(instruction.op)] > 2) continue;
        made.push_back(alone(whole, instruction, false));
        if (!made.back().weights.empty()) made.push_back(alone(whole, instruction, true));
      }
    }
    return made;
  }();
  return seeds;
}

}  // namespace dots
