// What is checked before anything runs: operands of each op, once when a program is loaded and again, with sizes, for
// each new binding of its symbols.
#include "executor.h"

#include <cstring>

#include "kernels/quantize-rows.h"
#include "kernels/storage.h"

namespace dots {
namespace {

struct Arity {
  int numInputs;
  int numConstants;
  int inPlace;  // the input where the output may lie, if both have the same size; -1: none
};

constexpr Arity kArities[] = {
    {2, 0, 0},   // add
    {8, 0, -1},  // cachedAttention
    {2, 3, -1},  // chooseExperts
    {2, 0, -1},  // embedding
    {2, 0, -1},  // gather
    {3, 0, -1},  // groupedLinear
    {2, 0, -1},  // linear
    {2, 0, 0},   // mul
    {1, 1, 0},   // normalizeRows
    {1, 1, -1},  // quantizeRows
    {2, 1, 0},   // rmsNorm
    {2, 1, 0},   // rope
    {1, 1, 0},   // scale
    {1, 0, 0},   // sigmoid
    {1, 0, 0},   // silu
    {2, 0, 0},   // swiglu
    {2, 0, -1},  // takeRows
    {2, 0, -1},  // weightedSum
    {2, 0, -1},  // accumulate
    {4, 0, -1},  // accumulateGroupedLinear
    {3, 0, -1},  // accumulateLinear
    {3, 0, -1},  // accumulateRows
    {5, 4, -1},  // adamw
    {3, 0, -1},  // balanceWeights
    {4, 0, -1},  // causalAttention
    {5, 0, -1},  // causalAttentionGrad
    {1, 0, -1},  // countExperts
    {2, 0, -1},  // crossEntropy
    {3, 0, 1},   // crossEntropyGrad
    {1, 1, 0},   // fullLike
    {3, 0, -1},  // groupedLinearGradInput
    {3, 0, -1},  // groupedLinearGradWeight
    {1, 2, 0},   // limitGroups
    {4, 0, -1},  // linearCrossEntropy
    {5, 0, -1},  // linearCrossEntropyGrad
    {2, 0, -1},  // linearGradInput
    {2, 0, -1},  // linearGradWeight
    {4, 2, -1},  // muon
    {2, 1, 0},   // normalizeRowsGrad
    {3, 1, 0},   // rmsNormGradInput
    {2, 1, -1},  // rmsNormGradWeight
    {2, 1, 0},   // ropeGrad
    {2, 0, -1},  // scatterAddColumns
    {2, 0, -1},  // scatterAddRows
    {2, 0, 0},   // sigmoidGrad
    {2, 0, 0},   // siluGrad
    {1, 0, -1},  // sumRows
    {1, 0, -1},  // sumSquares
    {3, 0, 0},   // swigluGradGate
    {1, 2, -1},  // takeColumns
    {1, 1, -1},  // topK
    {2, 0, -1},  // weightedSumGradRows
    {2, 0, -1},  // weightedSumGradWeights
};
static_assert(sizeof kArities / sizeof kArities[0] == static_cast<size_t>(Op::kCount), "one entry for each op");

}  // namespace

/// Floats come from slots, inputs, stored tensors, and weights that are f32 in memory; vectors always are.
bool Executable::isFloats(int32_t id) const {
  const Value& v = value(id);
  if (v.isInt) return false;
  if (v.kind == ValueKind::kWeight) return weight(id).floats != nullptr;
  return v.kind != ValueKind::kState || isStored(id);
}

bool Executable::checkOperandCounts(std::string* error) const {
  for (const Instruction& instruction : program_.instructions) {
    const Arity& arity = kArities[static_cast<size_t>(instruction.op)];
    if (instruction.inputs.size() == static_cast<size_t>(arity.numInputs) &&
        instruction.constants.size() == static_cast<size_t>(arity.numConstants)) {
      continue;
    }
    return *error = "an instruction has too few or too many operands", false;
  }
  return true;
}

/// Whether all rows that meet quantised weights come straight from quantizeRows: kernels rely on the codes' range and
/// on sums that belong to them.
bool Executable::checkConverted(std::string* error) const {
  std::vector<const Instruction*> writers(program_.slots.size(), nullptr);
  for (const Instruction& instruction : program_.instructions) {
    const int32_t output = value(instruction.output).index;
    if (instruction.op == Op::kLinear || instruction.op == Op::kGroupedLinear) {
      const int32_t x = instruction.inputs[0], w = instruction.inputs[1];
      if (value(w).kind != ValueKind::kWeight)
        return *error = "a matrix product of something else than rows and weights", false;
      const Activation wanted = storageInfo(weight(w).type)->activation;
      const Instruction* writer =
          value(x).kind == ValueKind::kSlot ? writers[static_cast<size_t>(value(x).index)] : nullptr;
      const bool isConverted = writer && writer->op == Op::kQuantizeRows && writer->output == x &&
                               writer->constants[0] == static_cast<double>(static_cast<int>(wanted));
      if (wanted != Activation::kF32 && !isConverted)
        return *error = "rows meet quantised weights without conversion", false;
    }
    writers[static_cast<size_t>(output)] = &instruction;
  }
  return true;
}

/// Everything a kernel takes for granted, for the symbols that are bound now. Sizes only; what ids point to is checked
/// when they are read.
bool Executable::checkInstruction(const Instruction& instruction, std::string* error) const {
  const std::vector<int32_t>& in = instruction.inputs;
  const int32_t out = instruction.output;
  const auto kind = [this](int32_t id) { return value(id).kind; };
  const auto isInt = [this](int32_t id) { return value(id).isInt; };
  const auto isMatrixWeight = [&](int32_t id, int rank) {
    return kind(id) == ValueKind::kWeight && value(id).rank == rank && rank >= 2;
  };
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
    fits = fits && static_cast<int>(i) == kArities[static_cast<size_t>(instruction.op)].inPlace &&
           elements(in[i]) == count;
  }
  if (fits) {
    switch (instruction.op) {
      case Op::kAdd:
      case Op::kMul: {
        const int64_t lengthB = elements(in[1]);
        fits = isFloats(in[0]) && isFloats(in[1]) && !isInt(out) && elements(in[0]) == count &&
               (count == 0 || (lengthB > 0 && count % lengthB == 0));
        break;
      }
      case Op::kScale:
      case Op::kSigmoid:
      case Op::kSilu:
      case Op::kNormalizeRows:
        fits = isFloats(in[0]) && !isInt(out) && elements(in[0]) == count && lastAxis(in[0]) == width;
        break;
      case Op::kSwiglu:
        fits =
            isFloats(in[0]) && isFloats(in[1]) && !isInt(out) && elements(in[0]) == count && elements(in[1]) == count;
        break;
      case Op::kRmsNorm:
        fits =
            isFloats(in[0]) && isFloats(in[1]) && !isInt(out) && elements(in[0]) == count && elements(in[1]) == width;
        break;
      case Op::kRope:
        fits = isFloats(in[0]) && isIntegers(in[1]) && !isInt(out) && value(out).rank == 3 &&
               elements(in[0]) == count && elements(in[1]) == axis(out, 0) && width % 2 == 0 && axis(out, 1) >= 1;
        break;
      case Op::kQuantizeRows: {
        const double number = constant(0);
        const int64_t cols = lastAxis(in[0]);
        fits = isFloats(in[0]) && !isInt(out) && (number == 1 || number == 2) && cols % (number == 1 ? 32 : 256) == 0 &&
               width * 4 == activationRowBytes(static_cast<Activation>(static_cast<int>(number)), cols) &&
               count / width == elements(in[0]) / cols;
        break;
      }
      case Op::kEmbedding:
        fits = isMatrixWeight(in[0], 2) && isIntegers(in[1]) && !isInt(out) && width == lastAxis(in[0]) &&
               isProduct(count, elements(in[1]), width);
        break;
      case Op::kTakeRows:
        fits = kind(in[0]) == ValueKind::kSlot && isIntegers(in[1]) && isInt(out) == isInt(in[0]) &&
               value(in[0]).rank == 2 && width == lastAxis(in[0]) && isProduct(count, elements(in[1]), width);
        break;
      case Op::kGather:
        fits = isFloats(in[0]) && isIntegers(in[1]) && !isInt(out) && elements(in[1]) == count &&
               lastAxis(in[1]) == width && elements(in[0]) / lastAxis(in[0]) == count / width;
        break;
      case Op::kChooseExperts: {
        const int64_t numExperts = lastAxis(in[0]);
        const double numGroups = constant(1), numKept = constant(2);
        fits = isFloats(in[0]) && isFloats(in[1]) && isInt(out) && elements(in[1]) == numExperts &&
               constant(0) == static_cast<double>(width) && width <= numExperts &&
               elements(in[0]) / numExperts == count / width && numGroups >= 1 &&
               numGroups <= static_cast<double>(numExperts) && numKept >= 1 && numKept <= numGroups &&
               numGroups == static_cast<double>(static_cast<int32_t>(numGroups)) &&
               numExperts % static_cast<int64_t>(numGroups) == 0 &&
               numExperts + static_cast<int64_t>(numGroups) <= threadScratchFloats_;
        break;
      }
      case Op::kWeightedSum:
        fits = isFloats(in[0]) && isFloats(in[1]) && !isInt(out) && lastAxis(in[0]) == width &&
               isProduct(elements(in[0]), elements(in[1]), width) &&
               isProduct(elements(in[1]), count / width, lastAxis(in[1]));
        break;
      case Op::kLinear:
      case Op::kGroupedLinear: {
        const bool isGrouped = instruction.op == Op::kGroupedLinear;
        fits = isFloats(in[0]) && value(in[0]).rank == 2 && isMatrixWeight(in[1], isGrouped ? 3 : 2) && !isInt(out) &&
               value(out).rank == 2;
        if (!fits) break;
        const Weight& w = weight(in[1]);
        const int64_t cols = w.dims[w.rank - 1];
        const StorageInfo* storage = storageInfo(w.type);
        fits = linearSupports(storage->id, cols) &&
               lastAxis(in[0]) * 4 == activationRowBytes(storage->activation, cols) && width == w.dims[w.rank - 2];
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
        fits = isFloats(in[0]) && isFloats(in[1]) && isFloats(in[2]) && isIntegers(in[3]) && isIntegers(in[4]) &&
               isIntegers(in[5]) && !isInt(out) && kind(in[6]) == ValueKind::kState && !isStored(in[6]) &&
               kind(in[7]) == ValueKind::kState && !isStored(in[7]) && value(in[0]).rank == 3 && value(in[5]).rank == 2;
        if (!fits) break;
        const State& keys = states_[static_cast<size_t>(value(in[6]).index)];
        const State& values = states_[static_cast<size_t>(value(in[7]).index)];
        const int64_t numTokens = axis(in[0], 0);
        const int64_t cellElements = keys.dims[1] * keys.dims[3];
        fits = std::memcmp(keys.dims, values.dims, sizeof keys.dims) == 0 && keys.type == values.type &&
               lastAxis(in[0]) == keys.dims[3] && axis(in[0], 1) % keys.dims[1] == 0 && count == elements(in[0]) &&
               isProduct(elements(in[1]), numTokens, cellElements) && elements(in[2]) == elements(in[1]) &&
               elements(in[3]) == numTokens && elements(in[4]) == numTokens;
        break;
      }
      default: fits = fitsTraining(instruction); break;
    }
  }
  if (!fits) *error = "operands of op " + std::to_string(static_cast<int>(instruction.op)) + " do not fit each other";
  return fits;
}

}  // namespace dots
