// Training's ops on elements and rows: gradients, sums into states, counts, and the optimiser.
#include "executor.h"

#include <cstring>

#include "kernels/elementwise.h"
#include "kernels/embedding.h"
#include "kernels/gradients.h"
#include "kernels/router.h"
#include "kernels/row-gradients.h"

namespace dots {
namespace {

/// Elements whose squares are summed in f32 before their sums are added in f64.
constexpr int64_t kSquaresEach = 1 << 14;
/// Columns of a matrix that rows are added to at once: a thread owns columns, so that rows come in their order.
constexpr int64_t kColumnsEach = 32;

}  // namespace

/// out = the sum over rows: sum(begin, end, partial) for each block of rows, then the blocks in order.
template <class Sum>
bool Executable::sumInBlocks(int64_t numRows, int64_t width, float* out, std::string* error, Sum&& sum) {
  const int64_t numBlocks = (numRows + kRowsOfSum - 1) / kRowsOfSum;
  float* const partial = scratchFloats(numBlocks * width, error);
  if (!partial) return false;
  pool_.parallelFor(numBlocks, [&](int64_t block, int) {
    const int64_t begin = block * kRowsOfSum, end = begin + kRowsOfSum < numRows ? begin + kRowsOfSum : numRows;
    sum(begin, end, partial + block * width);
  });
  DOTS_KERNEL(sumRows)(partial, width, out, 0, numBlocks);
  return true;
}

bool Executable::runTrainingRows(const Instruction& instruction, const std::vector<RunInput>& inputs,
                                 std::string* error) {
  const std::vector<int32_t>& in = instruction.inputs;
  const int32_t out = instruction.output;
  const int64_t count = elements(out), width = lastAxis(out), numRows = width > 0 ? count / width : 0;
  const auto constant = [&](size_t i) { return static_cast<float>(instruction.constants[i]); };
  switch (instruction.op) {
    case Op::kAccumulate: {
      float* const sum = floats(in[0]);
      const float* x = floats(in[1]);
      const int64_t length = elements(in[0]);
      share(length, 1, [&, kernel = DOTS_KERNEL(addElements)](int64_t begin, int64_t end, int) {
        kernel(sum, x, length, sum, begin, end);
      });
      floats(out)[0] = 0;
      return true;
    }
    case Op::kAccumulateRows:
    case Op::kScatterAddRows: {
      const bool isAdded = instruction.op == Op::kAccumulateRows;
      const int32_t sum = isAdded ? in[0] : out, x = in[isAdded ? 1 : 0], rows = in[isAdded ? 2 : 1];
      const int64_t numAdded = axis(x, 0), columns = lastAxis(sum);
      if (DOTS_KERNEL(findOutside)(integers(rows, inputs), numAdded, axis(sum, 0)) >= 0)
        return *error = "a row is added to one that does not exist", false;
      if (!isAdded)
        share(count, 1, [&, y = floats(out), kernel = DOTS_KERNEL(fillElements)](int64_t begin, int64_t end, int) {
          kernel(0.0f, y, begin, end);
        });
      pool_.parallelFor(
          (columns + kColumnsEach - 1) / kColumnsEach, [&, kernel = DOTS_KERNEL(addRows)](int64_t chunk, int) {
            const int64_t begin = chunk * kColumnsEach,
                          end = begin + kColumnsEach < columns ? begin + kColumnsEach : columns;
            kernel(floats(x), columns, integers(rows, inputs), numAdded, floats(sum), columns, begin, end);
          });
      if (isAdded) floats(out)[0] = 0;
      return true;
    }
    case Op::kAdamw: {
      const float* r = floats(in[4]);
      AdamwRates rates;
      rates.beta1 = constant(0);
      rates.oneMinusBeta1 = static_cast<float>(1 - instruction.constants[0]);
      rates.beta2 = constant(1);
      rates.oneMinusBeta2 = static_cast<float>(1 - instruction.constants[1]);
      rates.eps = constant(2);
      rates.clip = r[1];
      rates.rate = r[0];
      rates.rateTimesDecay = static_cast<float>(static_cast<double>(r[0]) * instruction.constants[3]);
      rates.inverseCorrection1 = 1.0f / r[2];
      rates.inverseCorrection2 = 1.0f / r[3];
      share(elements(in[0]), 2, [&, kernel = DOTS_KERNEL(adamw)](int64_t begin, int64_t end, int) {
        kernel(rates, floats(in[0]), floats(in[1]), floats(in[2]), floats(in[3]), begin, end);
      });
      floats(out)[0] = 0;
      return true;
    }
    case Op::kBalanceWeights: {
      const int64_t numTokens = axis(out, 0), k = lastAxis(in[0]);
      const int32_t *experts = integers(in[0], inputs), *sequences_T = integers(in[1], inputs);
      if (DOTS_KERNEL(findOutside)(experts, numTokens * k, width) >= 0)
        return *error = "an expert that does not exist was chosen", false;
      float* const y = floats(out);
      int64_t numSequences = 0;
      for (int64_t t = 0; t < numTokens; ++t) numSequences += t == 0 || sequences_T[t] != sequences_T[t - 1];
      const double factor = floats(in[2])[0];
      for (int64_t start = 0, end = 0; start < numTokens; start = end) {
        for (end = start + 1; end < numTokens && sequences_T[end] == sequences_T[start];) ++end;
        // The first row collects the counts; the others are copies of what it becomes.
        float* const row = y + start * width;
        std::memset(row, 0, static_cast<size_t>(width) * sizeof(float));
        for (int64_t i = start * k; i < end * k; ++i) row[experts[i]] += 1;
        const double length = static_cast<double>(end - start);
        const double each = factor * static_cast<double>(width) /
                            (static_cast<double>(k) * length * length * static_cast<double>(numSequences));
        for (int64_t e = 0; e < width; ++e) row[e] = static_cast<float>(row[e] * each);
        for (int64_t t = start + 1; t < end; ++t)
          std::memcpy(y + t * width, row, static_cast<size_t>(width) * sizeof(float));
      }
      return true;
    }
    case Op::kCountExperts: {
      const int32_t* experts = integers(in[0], inputs);
      if (DOTS_KERNEL(findOutside)(experts, elements(in[0]), count) >= 0)
        return *error = "an expert that does not exist was chosen", false;
      float* const y = floats(out);
      std::memset(y, 0, static_cast<size_t>(count) * sizeof(float));
      for (int64_t i = 0; i < elements(in[0]); ++i) y[experts[i]] += 1;
      return true;
    }
    case Op::kCrossEntropy:
    case Op::kCrossEntropyGrad: {
      const bool isGradient = instruction.op == Op::kCrossEntropyGrad;
      const int32_t logits = in[isGradient ? 1 : 0];
      const int32_t* targets_T = integers(in[isGradient ? 2 : 1], inputs);
      const int64_t numTokens = axis(logits, 0), numWords = lastAxis(logits);
      int64_t numCounted = 0;
      for (int64_t t = 0; t < numTokens; ++t) {
        if (targets_T[t] >= numWords) return *error = "a target is outside of the vocabulary", false;
        numCounted += targets_T[t] >= 0;
      }
      const float* x = floats(logits);
      float* const y = floats(out);
      float* const losses = scratchFloats(numTokens, error);
      if (!losses) return false;
      const float factor = isGradient ? floats(in[0])[0] / static_cast<float>(numCounted) : 1.0f;
      pool_.parallelFor(numTokens, [&, kernel = DOTS_KERNEL(softmaxLoss)](int64_t t, int) {
        losses[t] = 0;
        if (targets_T[t] >= 0)
          losses[t] = kernel(x + t * numWords, numWords, targets_T[t], factor, isGradient ? y + t * numWords : nullptr);
        else if (isGradient)
          std::memset(y + t * numWords, 0, static_cast<size_t>(numWords) * sizeof(float));
      });
      if (isGradient) return true;
      double sum = 0;
      for (int64_t t = 0; t < numTokens; ++t) sum += losses[t];
      y[0] = numCounted == 0 ? 0.0f : static_cast<float>(sum / static_cast<double>(numCounted));
      return true;
    }
    case Op::kFullLike:
      share(count, 1, [&, y = floats(out), kernel = DOTS_KERNEL(fillElements)](int64_t begin, int64_t end, int) {
        kernel(constant(0), y, begin, end);
      });
      return true;
    case Op::kLimitGroups: {
      Routing routing;
      routing.numExperts = static_cast<int32_t>(width);
      routing.numExpertsPerToken = 1;
      routing.numGroups = static_cast<int32_t>(instruction.constants[0]);
      routing.numKept = static_cast<int32_t>(instruction.constants[1]);
      float* const scratch = scratchFloats(routing.numGroups, error);
      if (!scratch) return false;
      DOTS_KERNEL(limitGroups)(routing, floats(in[0]), scratch, floats(out), 0, numRows);
      return true;
    }
    case Op::kNormalizeRowsGrad:
      share(numRows, 4 * width, [&, kernel = DOTS_KERNEL(normalizeRowsGrad)](int64_t begin, int64_t end, int) {
        kernel(floats(in[0]), floats(in[1]), width, constant(0), floats(out), begin, end);
      });
      return true;
    case Op::kRmsNormGradInput:
      share(numRows, 4 * width, [&, kernel = DOTS_KERNEL(rmsNormGradInput)](int64_t begin, int64_t end, int) {
        kernel(floats(in[0]), floats(in[1]), floats(in[2]), constant(0), width, floats(out), begin, end);
      });
      return true;
    case Op::kRmsNormGradWeight:
      return sumInBlocks(elements(in[0]) / count, count, floats(out), error,
                         [&, kernel = DOTS_KERNEL(rmsNormGradWeight)](int64_t begin, int64_t end, float* sum) {
                           kernel(floats(in[0]), floats(in[1]), constant(0), count, sum, begin, end);
                         });
    case Op::kSumRows:
      return sumInBlocks(axis(in[0], 0), count, floats(out), error,
                         [&, kernel = DOTS_KERNEL(sumRows)](int64_t begin, int64_t end, float* sum) {
                           kernel(floats(in[0]), count, sum, begin, end);
                         });
    case Op::kRopeGrad: {
      const float* angles = ropeAnglesFor(instruction, integers(in[1], inputs));
      const int64_t numHeads = axis(out, 1);
      share(numRows, 2 * width, [&, kernel = DOTS_KERNEL(ropeGrad)](int64_t begin, int64_t end, int) {
        kernel(floats(in[0]), angles, numHeads, width, floats(out), begin, end);
      });
      return true;
    }
    case Op::kScatterAddColumns: {
      const int32_t* columns = integers(in[1], inputs);
      const int64_t k = lastAxis(in[0]);
      if (DOTS_KERNEL(findOutside)(columns, elements(in[1]), width) >= 0)
        return *error = "a column is added to that does not exist", false;
      share(numRows, width + k, [&, kernel = DOTS_KERNEL(scatterAddColumns)](int64_t begin, int64_t end, int) {
        kernel(floats(in[0]), columns, k, width, floats(out), begin, end);
      });
      return true;
    }
    case Op::kSigmoidGrad:
    case Op::kSiluGrad: {
      const auto kernel = instruction.op == Op::kSigmoidGrad ? DOTS_KERNEL(sigmoidGrad) : DOTS_KERNEL(siluGrad);
      share(count, 4,
            [&](int64_t begin, int64_t end, int) { kernel(floats(in[0]), floats(in[1]), floats(out), begin, end); });
      return true;
    }
    case Op::kSwigluGradGate:
      share(count, 4, [&, kernel = DOTS_KERNEL(swigluGradGate)](int64_t begin, int64_t end, int) {
        kernel(floats(in[0]), floats(in[1]), floats(in[2]), floats(out), begin, end);
      });
      return true;
    case Op::kSumSquares: {
      const int64_t length = elements(in[0]), numChunks = (length + kSquaresEach - 1) / kSquaresEach;
      float* const sums = scratchFloats(numChunks, error);
      if (!sums) return false;
      pool_.parallelFor(numChunks, [&, kernel = DOTS_KERNEL(sumSquares)](int64_t chunk, int) {
        const int64_t begin = chunk * kSquaresEach;
        sums[chunk] = kernel(floats(in[0]), begin, begin + kSquaresEach < length ? begin + kSquaresEach : length);
      });
      double sum = 0;
      for (int64_t chunk = 0; chunk < numChunks; ++chunk) sum += sums[chunk];
      floats(out)[0] = static_cast<float>(sum);
      return true;
    }
    case Op::kTakeColumns: {
      const int64_t first = static_cast<int64_t>(instruction.constants[0]);
      share(numRows, width, [&, kernel = DOTS_KERNEL(takeColumns)](int64_t begin, int64_t end, int) {
        kernel(floats(in[0]), lastAxis(in[0]), first, width, floats(out), begin, end);
      });
      return true;
    }
    case Op::kTopK:
      share(numRows, 16 * lastAxis(in[0]), [&, kernel = DOTS_KERNEL(topK)](int64_t begin, int64_t end, int) {
        kernel(lastAxis(in[0]), width, floats(in[0]), writableIntegers(out), begin, end);
      });
      return true;
    case Op::kWeightedSumGradRows: {
      const int64_t k = lastAxis(in[1]);
      share(axis(in[0], 0), k * width, [&, kernel = DOTS_KERNEL(weightedSumGradRows)](int64_t begin, int64_t end, int) {
        kernel(floats(in[0]), floats(in[1]), k, width, floats(out), begin, end);
      });
      return true;
    }
    case Op::kWeightedSumGradWeights:
      share(numRows, width * lastAxis(in[0]),
            [&, kernel = DOTS_KERNEL(weightedSumGradWeights)](int64_t begin, int64_t end, int) {
              kernel(floats(in[0]), floats(in[1]), width, lastAxis(in[0]), floats(out), begin, end);
            });
      return true;
    default: return *error = "an op without a kernel", false;
  }
}

}  // namespace dots
