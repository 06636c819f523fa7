// Every op but the matrix products: which kernel, on which operands, over which share of the rows.
#include "executor.h"

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
const float* Executable::ropeAnglesFor(const Instruction& instruction, const int32_t* positions_T) {
  const int64_t numTokens = axis(instruction.output, 0);
  const int64_t headWidth = lastAxis(instruction.output);
  const bool isKnown = anglesFor_ && anglesFor_->inputs[1] == instruction.inputs[1] &&
                       anglesFor_->constants[0] == instruction.constants[0] &&
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
  share(numTokens * layer.numHeads, 2 * layer.headWidth,
        [&](int64_t begin, int64_t end, int) { write(layer, step, k_TGH, v_TGH, begin, end); });

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

bool Executable::runInstruction(const Instruction& instruction, const std::vector<RunInput>& inputs,
                                std::string* error) {
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
      share(numRows, 2 * width,
            [&](int64_t begin, int64_t end, int) { kernel(x, angles, numHeads, width, y, begin, end); });
      return true;
    }
    case Op::kQuantizeRows: {
      const int64_t cols = lastAxis(in[0]);
      quantizeActivations(static_cast<Activation>(static_cast<int>(instruction.constants[0])), floats(in[0]), cols,
                          numRows, cols, floats(out), pool_);
      return true;
    }
    case Op::kEmbedding: {
      const Weight& table = weight(in[0]);
      const int32_t* ids_T = integers(in[1], inputs);
      if (DOTS_KERNEL(findOutside)(ids_T, numRows, table.dims[0]) >= 0)
        return *error = "a token id is outside of the table", false;
      const StorageInfo* storage = storageInfo(table.type);
      const auto kernel = DOTS_KERNEL(embedding);
      const DecodeRow decode = decodeRow;
      float* y = floats(out);
      bool isDecoded = true;
      share(numRows, 4 * width, [&](int64_t begin, int64_t end, int) {
        if (!kernel(decode, storage->id, table.parts[0].data(), storedBytes(*storage, width), ids_T, width, y, begin,
                    end))
          isDecoded = false;
      });
      if (!isDecoded) *error = "the embedding table has a type that cannot be decoded";
      return isDecoded;
    }
    case Op::kTakeRows: {
      const int32_t* rows_O = integers(in[1], inputs);
      if (DOTS_KERNEL(findOutside)(rows_O, numRows, axis(in[0], 0)) >= 0)
        return *error = "a row is taken that does not exist", false;
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
      if (DOTS_KERNEL(findOutside)(columns, count, lastAxis(in[0])) >= 0)
        return *error = "a column is gathered that does not exist", false;
      DOTS_KERNEL(gather)(floats(in[0]), lastAxis(in[0]), columns, width, floats(out), 0, numRows);
      return true;
    }
    case Op::kNormalizeRows:
      DOTS_KERNEL(normalizeRows)(floats(in[0]), width, static_cast<float>(instruction.constants[0]), floats(out), 0,
                                 numRows);
      return true;
    case Op::kWeightedSum: {
      const auto kernel = DOTS_KERNEL(weightedSum);
      const float *x = floats(in[0]), *weights = floats(in[1]);
      float* y = floats(out);
      const int64_t k = lastAxis(in[1]);
      share(numRows, k * width,
            [&](int64_t begin, int64_t end, int) { kernel(x, weights, k, width, nullptr, y, begin, end); });
      return true;
    }
    case Op::kCachedAttention: return runAttention(instruction, inputs, error);
    default: return runTraining(instruction, inputs, error);
  }
}

}  // namespace dots
