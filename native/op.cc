#include "op.h"

#include "expert-cache.h"
#include "kernels/decode-row.h"
#include "kernels/storage.h"

namespace dots {
namespace {

constexpr int countWords(const char* words) {
  int count = 0;
  for (const char* at = words; *at; ++at) count += *at != ' ' && (at == words || at[-1] == ' ');
  return count;
}

constexpr OpInfo kOps[] = {
#define DOTS_OP(name, minInputs, maxInputs, inPlace, attributes) \
  {#name, minInputs, maxInputs, inPlace, countWords(attributes), ops::name::fits, ops::name::run},
#include "ops.def"
};

}  // namespace

const OpInfo& opInfo(Op op) { return kOps[static_cast<size_t>(op)]; }

bool Operands::isFloats(int i) const {
  const Value& v = value(i);
  if (v.isInt) return false;
  if (v.kind == ValueKind::kWeight) return weight(i).floats != nullptr;
  return v.kind != ValueKind::kState || isStored(i);
}

bool Operands::isIntegers(int i) const {
  const Value& v = value(i);
  return v.isInt && (v.kind == ValueKind::kSlot || v.kind == ValueKind::kInput);
}

bool Operands::isStored(int i) const { return value(i).kind == ValueKind::kState && state(i).stored; }

bool Operands::isWeight(int i, int rank) const {
  return value(i).kind == ValueKind::kWeight && !value(i).isInt && value(i).rank == rank;
}

bool Operands::isMatrix(int i, int rank) const {
  return (isWeight(i, rank) || (isFloats(i) && value(i).rank == rank)) && axis(i, 0) > 0;
}

bool Operands::areAlike(int n) const {
  const int64_t count = elements(kOut);
  bool isAlike = isFloats(kOut);
  for (int i = 0; i < n; ++i) isAlike = isAlike && isFloats(i) && elements(i) == count;
  return isAlike;
}

bool Operands::areSensible() const {
  const int64_t count = elements(kOut);
  for (int i = kOut; i < numInputs(); ++i) {
    for (int a = 0; a < rank(i); ++a) {
      // Axes that fit into 32 bits keep products, those of kernels too, inside 64.
      const bool mayBeEmpty = a == 0 && (rank(i) > 1 || value(i).isInt);
      if (axis(i, a) > INT32_MAX || axis(i, a) < (mayBeEmpty ? 0 : 1)) return false;
    }
    if (elements(i) < 0) return false;
    // Kernels read while they write: only what is done element by element may lie over its own operand.
    if (i == kOut || slot(i) < 0 || slot(i) != slot(kOut)) continue;
    if (i != opInfo(op()).inPlace || elements(i) != count) return false;
  }
  return true;
}

const float* Call::matrix(int i) const {
  if (isFloats(i)) return floats(i);
  const Weight& w = weight(i);
  const StorageInfo* storage = storageInfo(w.type);
  const int64_t cols = w.dims[w.rank - 1], numRows = elements(i) / cols, rowBytes = storedBytes(*storage, cols);
  const int64_t rowsOfPart = numRows / static_cast<int64_t>(w.parts.size());
  float* const decoded = floatsOf(workspace().decodedMatrix, numRows * cols);
  if (!decoded) return outOfMemory("a decoded matrix"), nullptr;
  share(numRows, 4 * cols, [&](int64_t begin, int64_t end, int) {
    for (int64_t row = begin; row < end; ++row)
      decodeRow(storage->id, w.parts[static_cast<size_t>(row / rowsOfPart)].data() + row % rowsOfPart * rowBytes, cols,
                decoded + row * cols);
  });
  return decoded;
}

bool Call::requestExperts(int experts) const {
  return running_.experts_->request(id(experts), integers(experts), elements(experts), error_);
}

bool Call::awaitExperts(int i, int experts) const {
  const int streamed = weight(i).streamed;
  if (streamed < 0) return true;
  ExpertCache& cache = *running_.experts_;
  // The choice came as an input, or the weight is used by two.
  const int32_t layer = cache.layerOf(streamed);
  if ((id(experts) != layer || !cache.isRequested(layer)) &&
      !cache.request(layer, integers(experts), elements(experts), error_))
    return false;
  return cache.wait(streamed, error_);
}

float* Call::scratch(int64_t numFloats) const {
  float* const memory = floatsOf(workspace().scratch, numFloats);
  if (!memory) outOfMemory("scratch");
  return memory;
}

bool Call::multiply(const RowsProduct& product) const {
  return multiplyRows(product, device(), workspace().gemm) || outOfMemory("packed matrices");
}

bool Call::multiply(const WeightProduct& product) const {
  return multiplyWeights(product, device(), workspace().gemm) || outOfMemory("packed rows");
}

}  // namespace dots
