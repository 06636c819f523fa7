// What training's ops take for granted of their operands, for the symbols that are bound now. Sizes only, as in
// executor-checks.cc, which calls this.
#include "executor.h"

#include "kernels/causal-attention.h"

namespace dots {

bool Executable::fitsTraining(const Instruction& instruction) const {
  const std::vector<int32_t>& in = instruction.inputs;
  const int32_t out = instruction.output;
  const int64_t count = elements(out), width = lastAxis(out);
  const auto rank = [this](int32_t id) { return value(id).rank; };
  const auto isRows = [&](int32_t id) { return isFloats(id) && rank(id) == 2; };
  const auto isMatrix = [&](int32_t id, int wanted) {
    return rank(id) == wanted && (value(id).kind == ValueKind::kWeight || isFloats(id)) && !value(id).isInt;
  };
  const auto areFloats = [&](size_t first, size_t end) {
    for (size_t i = first; i < end; ++i) {
      if (!isFloats(in[i])) return false;
    }
    return true;
  };
  const auto sameElements = [&](size_t first, size_t end, int64_t expected) {
    for (size_t i = first; i < end; ++i) {
      if (elements(in[i]) != expected) return false;
    }
    return true;
  };
  const auto constant = [&](size_t i) { return instruction.constants[i]; };
  // Experts [T, K] beside rows for each token or for each routed row.
  const auto isRouting = [&](int32_t experts) {
    return isIntegers(experts) && rank(experts) == 2 && elements(experts) < INT32_MAX;
  };
  const auto isRouted = [&](int32_t rows, int32_t experts) { return axis(rows, 0) == elements(experts); };
  const auto isRoutedOrToken = [&](int32_t rows, int32_t experts) {
    return isRouted(rows, experts) || axis(rows, 0) == axis(experts, 0);
  };
  const bool isInt = value(out).isInt;
  const bool isMark = !isInt && count == 1;  // the zero that ops give which only change a state
  switch (instruction.op) {
    case Op::kAccumulate: return isMark && isStored(in[0]) && isFloats(in[1]) && elements(in[0]) == elements(in[1]);
    case Op::kAccumulateLinear:
      return isMark && isStored(in[0]) && rank(in[0]) == 2 && isRows(in[1]) && isRows(in[2]) &&
             axis(in[1], 0) == axis(in[2], 0) && axis(in[0], 0) == axis(in[1], 1) && axis(in[0], 1) == axis(in[2], 1);
    case Op::kAccumulateGroupedLinear:
      return isMark && isStored(in[0]) && rank(in[0]) == 3 && isRows(in[1]) && isRows(in[2]) && isRouting(in[3]) &&
             isRouted(in[1], in[3]) && isRoutedOrToken(in[2], in[3]) && axis(in[0], 1) == axis(in[1], 1) &&
             axis(in[0], 2) == axis(in[2], 1);
    case Op::kAccumulateRows:
      return isMark && isStored(in[0]) && rank(in[0]) == 2 && isRows(in[1]) && isIntegers(in[2]) &&
             elements(in[2]) == axis(in[1], 0) && axis(in[0], 1) == axis(in[1], 1);
    case Op::kAdamw:
      return isMark && isStored(in[0]) && isStored(in[1]) && isStored(in[2]) && isStored(in[3]) &&
             sameElements(1, 4, elements(in[0])) && isFloats(in[4]) && elements(in[4]) == 4;
    case Op::kMuon:
      return isMark && isStored(in[0]) && isStored(in[1]) && isStored(in[2]) && sameElements(1, 3, elements(in[0])) &&
             (rank(in[0]) == 2 || rank(in[0]) == 3) && elements(in[0]) > 0 &&
             elements(in[0]) / lastAxis(in[0]) < INT32_MAX && isFloats(in[3]) && elements(in[3]) == 4;
    case Op::kBalanceWeights:
      return !isInt && rank(out) == 2 && isRouting(in[0]) && axis(in[0], 0) == axis(out, 0) && isIntegers(in[1]) &&
             elements(in[1]) == axis(out, 0) && isFloats(in[2]) && elements(in[2]) == 1;
    case Op::kCausalAttention:
    case Op::kCausalAttentionGrad: {
      const bool isGradient = instruction.op == Op::kCausalAttentionGrad;
      const size_t q = isGradient ? 1 : 0;
      if (isInt || !areFloats(0, q + 3) || !isIntegers(in[q + 3]) || rank(in[q]) != 3 || rank(in[q + 1]) != 3 ||
          rank(out) != 3)
        return false;
      const int64_t numTokens = axis(in[q], 0), numHeads = axis(in[q], 1), headWidth = axis(in[q], 2),
                    numKeyHeads = axis(in[q + 1], 1);
      return axis(in[q + 1], 0) == numTokens && axis(in[q + 1], 2) == headWidth && numKeyHeads >= 1 && numHeads >= 1 &&
             numHeads % numKeyHeads == 0 && headWidth <= kMaxTrainedHeadWidth &&
             elements(in[q + 2]) == elements(in[q + 1]) && elements(in[q + 3]) == numTokens &&
             axis(out, 0) == numTokens && axis(out, 1) == numHeads + (isGradient ? 2 * numKeyHeads : 0) &&
             width == headWidth && (!isGradient || elements(in[0]) == elements(in[q]));
    }
    case Op::kCountExperts: return !isInt && rank(out) == 1 && isIntegers(in[0]);
    case Op::kCrossEntropy: return isMark && isRows(in[0]) && isIntegers(in[1]) && elements(in[1]) == axis(in[0], 0);
    case Op::kCrossEntropyGrad:
      return !isInt && isFloats(in[0]) && elements(in[0]) == 1 && isRows(in[1]) && elements(in[1]) == count &&
             axis(in[1], 1) == width && isIntegers(in[2]) && elements(in[2]) == axis(in[1], 0);
    case Op::kFullLike: return !isInt && isFloats(in[0]) && elements(in[0]) == count;
    case Op::kGroupedLinearGradInput:
      return !isInt && rank(out) == 2 && isRows(in[0]) && isMatrix(in[1], 3) && isRouting(in[2]) &&
             isRouted(in[0], in[2]) && isRoutedOrToken(out, in[2]) && axis(in[0], 1) == axis(in[1], 1) &&
             width == axis(in[1], 2);
    case Op::kGroupedLinearGradWeight:
      return !isInt && rank(out) == 3 && isRows(in[0]) && isRows(in[1]) && isRouting(in[2]) && isRouted(in[0], in[2]) &&
             isRoutedOrToken(in[1], in[2]) && axis(out, 1) == axis(in[0], 1) && width == axis(in[1], 1);
    case Op::kLimitGroups: {
      const double numGroups = constant(0), numKept = constant(1);
      return !isInt && isRows(in[0]) && elements(in[0]) == count && lastAxis(in[0]) == width && numGroups >= 1 &&
             numGroups <= static_cast<double>(width) &&
             numGroups == static_cast<double>(static_cast<int32_t>(numGroups)) &&
             width % static_cast<int64_t>(numGroups) == 0 && numKept >= 1 && numKept <= numGroups;
    }
    case Op::kLinearCrossEntropy:
      return !isInt && isRows(in[0]) && isMatrix(in[1], 2) && axis(in[0], 1) == axis(in[1], 1) && isIntegers(in[2]) &&
             elements(in[2]) == axis(in[0], 0) && isFloats(in[3]) && elements(in[3]) == axis(in[0], 0) &&
             count == axis(in[0], 0);
    case Op::kLinearCrossEntropyGrad:
      return !isInt && isStored(in[0]) && rank(in[0]) == 2 && isRows(in[1]) && isMatrix(in[2], 2) &&
             axis(in[0], 0) == axis(in[2], 0) && axis(in[0], 1) == axis(in[2], 1) && axis(in[1], 1) == axis(in[2], 1) &&
             isIntegers(in[3]) && elements(in[3]) == axis(in[1], 0) && isFloats(in[4]) &&
             elements(in[4]) == axis(in[1], 0) && rank(out) == 2 && axis(out, 0) == axis(in[1], 0) &&
             width == axis(in[1], 1) + 1;
    case Op::kLinearGradInput:
      return !isInt && rank(out) == 2 && isRows(in[0]) && isMatrix(in[1], 2) && axis(in[0], 0) == axis(out, 0) &&
             axis(in[0], 1) == axis(in[1], 0) && width == axis(in[1], 1);
    case Op::kLinearGradWeight:
      return !isInt && rank(out) == 2 && isRows(in[0]) && isRows(in[1]) && axis(in[0], 0) == axis(in[1], 0) &&
             axis(out, 0) == axis(in[0], 1) && width == axis(in[1], 1);
    case Op::kNormalizeRowsGrad:
      return !isInt && areFloats(0, 2) && sameElements(0, 2, count) && lastAxis(in[1]) == width;
    case Op::kRmsNormGradInput:
      return !isInt && areFloats(0, 3) && sameElements(0, 2, count) && lastAxis(in[1]) == width &&
             elements(in[2]) == width;
    case Op::kRmsNormGradWeight:
      return !isInt && areFloats(0, 2) && elements(in[0]) == elements(in[1]) && lastAxis(in[0]) == count &&
             lastAxis(in[1]) == count;
    case Op::kRopeGrad:
      return !isInt && isFloats(in[0]) && isIntegers(in[1]) && rank(out) == 3 && elements(in[0]) == count &&
             elements(in[1]) == axis(out, 0) && width % 2 == 0 && axis(out, 1) >= 1;
    case Op::kScatterAddColumns:
      return !isInt && rank(out) == 2 && isRows(in[0]) && isIntegers(in[1]) && rank(in[1]) == 2 &&
             elements(in[1]) == elements(in[0]) && axis(in[1], 1) == axis(in[0], 1) && axis(in[0], 0) == axis(out, 0);
    case Op::kScatterAddRows:
      return !isInt && rank(out) == 2 && isRows(in[0]) && isIntegers(in[1]) && elements(in[1]) == axis(in[0], 0) &&
             axis(in[0], 1) == width;
    case Op::kSigmoidGrad:
    case Op::kSiluGrad: return !isInt && areFloats(0, 2) && sameElements(0, 2, count);
    case Op::kSumRows: return !isInt && isRows(in[0]) && axis(in[0], 1) == count;
    case Op::kSumSquares: return isMark && isFloats(in[0]);
    case Op::kSwigluGradGate: return !isInt && areFloats(0, 3) && sameElements(0, 3, count);
    case Op::kTakeColumns: {
      const double first = constant(0);
      return !isInt && rank(out) == 2 && isRows(in[0]) && axis(in[0], 0) == axis(out, 0) && first >= 0 &&
             first + static_cast<double>(width) <= static_cast<double>(axis(in[0], 1)) &&
             first == static_cast<double>(static_cast<int64_t>(first));
    }
    case Op::kTopK:
      return isInt && rank(out) == 2 && isRows(in[0]) && axis(in[0], 0) == axis(out, 0) && width <= axis(in[0], 1);
    case Op::kWeightedSumGradRows:
      return !isInt && rank(out) == 2 && isRows(in[0]) && isRows(in[1]) && axis(in[0], 0) == axis(in[1], 0) &&
             axis(out, 0) == elements(in[1]) && width == axis(in[0], 1);
    case Op::kWeightedSumGradWeights:
      return !isInt && rank(out) == 2 && isRows(in[0]) && isRows(in[1]) && axis(in[0], 0) == axis(out, 0) &&
             axis(in[1], 0) == count && axis(in[0], 1) == axis(in[1], 1);
    default: return false;
  }
}

}  // namespace dots
