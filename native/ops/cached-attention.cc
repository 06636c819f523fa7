// Attention over the paged cache, after writing the step's keys and values into it.
#include "op.h"

#include <cstring>

#include "kernels/attention.h"

namespace dots::ops {

namespace {

bool isProduct(int64_t product, int64_t a, int64_t b) {
  int64_t actual;
  return !__builtin_mul_overflow(a, b, &actual) && actual == product;
}

}  // namespace

bool cachedAttention::fits(const Operands& op) {
  if (!op.areFloats(0, 1, 2, kOut) || !op.isIntegers(3) || !op.isIntegers(4) || !op.isIntegers(5) || op.rank(0) != 3 ||
      op.rank(5) != 2 || !op.isCache(6) || !op.isCache(7))
    return false;
  const State &keys = op.state(6), &values = op.state(7);
  const int64_t numTokens = op.axis(0, 0), cellElements = keys.dims[1] * keys.dims[3];
  return std::memcmp(keys.dims, values.dims, sizeof keys.dims) == 0 && keys.type == values.type &&
         op.width(0) == keys.dims[3] && op.axis(0, 1) % keys.dims[1] == 0 && op.elements(kOut) == op.elements(0) &&
         isProduct(op.elements(1), numTokens, cellElements) && op.elements(2) == op.elements(1) &&
         op.haveElements(numTokens, 3, 4);
}

bool cachedAttention::run(Call& op) {
  const State &keys = op.state(6), &values = op.state(7);
  const int64_t numTokens = op.axis(0, 0), numQueryHeads = op.axis(0, 1);
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
  step.positions_T = op.integers(3);
  step.sequences_T = op.integers(4);
  step.pages_BP = op.integers(5);
  step.numSequences = op.axis(5, 0);
  step.pagesPerSequence = op.axis(5, 1);
  if (const char* problem = op.kernels().checkKvStep(layer, step, numQueryHeads)) return op.fail(problem);

  op.share(numTokens * layer.numHeads, 2 * layer.headWidth,
           [&, kernel = op.kernels().writeKv](int64_t begin, int64_t end, int) {
             kernel(layer, step, op.floats(1), op.floats(2), begin, end);
           });

  Buffer<int32_t>& tiles = op.workspace().attentionTiles;
  if (!tiles.resize(static_cast<size_t>(numTokens) + 1)) return op.outOfMemory("a plan of attention");
  const int64_t numTiles = op.kernels().planAttention(step, numQueryHeads, layer.numHeads, tiles.data());
  const int64_t floatsEach = static_cast<int64_t>(op.kernels().attendWorkspaceBytes(layer.headWidth) + 63) / 64 * 16;
  float* const scratch = op.scratch(floatsEach * op.pool().numThreads());
  if (!scratch) return false;
  op.pool().parallelFor(numTiles * layer.numHeads, [&, kernel = op.kernels().attend](int64_t item, int thread) {
    kernel(layer, step, numQueryHeads, tiles.data(), numTiles, op.floats(0), op.floats(kOut),
           scratch + thread * floatsEach, item, item + 1);
  });
  return true;
}

}  // namespace dots::ops
