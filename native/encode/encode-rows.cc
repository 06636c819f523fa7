#include "encode/encode-rows.h"

#include <atomic>
#include <cmath>

#include "encode/encode-job.h"
#include "memory.h"

namespace dots {
namespace {

constexpr int64_t kNowhere = INT64_MAX;

// The first value that cannot be encoded; count where there is none.
int64_t findBadValue(const float* values, int64_t count) {
  // Without a way out of the middle of it, the first loop is vector code.
  int numBad = 0;
  for (int64_t i = 0; i < count; ++i) numBad |= !(std::fabs(values[i]) <= kMaxValue);
  if (!numBad) return count;
  int64_t at = 0;
  while (std::fabs(values[at]) <= kMaxValue) ++at;
  return at;
}

// Weights of mean one, none so small that a block without importance would have no best scale.
bool prepareWeights(const float* importance, int64_t numCols, Buffer<float>* weights, Error* error) {
  double sum = 0;
  for (int64_t i = 0; i < numCols; ++i) {
    if (!(importance[i] >= 0) || std::isinf(importance[i]))
      return fail(error, ErrorKind::kFormat, "the importance of column %lld is %g", static_cast<long long>(i),
                  static_cast<double>(importance[i]));
    sum += static_cast<double>(importance[i]);
  }
  // No importance at all is none.
  if (sum == 0) return true;
  if (!weights->resize(static_cast<size_t>(numCols)))
    return fail(error, ErrorKind::kResource, "out of memory for weights");
  const double mean = sum / static_cast<double>(numCols);
  for (int64_t i = 0; i < numCols; ++i) {
    const double weight = static_cast<double>(importance[i]) / mean;
    (*weights)[static_cast<size_t>(i)] = static_cast<float>(weight > 1e-6 ? weight : 1e-6);
  }
  return true;
}

}  // namespace

bool encodedBlock(StorageId type, int32_t* blockElements, int32_t* blockBytes) {
  if (type == StorageId::kQ1_0) {
    *blockElements = 128;
    *blockBytes = 18;
    return true;
  }
  const StorageInfo* const info = storageInfo(type);
  if (!info || info->activation == Activation::kF32) return false;
  *blockElements = info->blockElements;
  *blockBytes = info->blockBytes;
  return true;
}

bool encodeRows(const EncodeRows& rows, Device& device, Error* error) {
  int32_t blockElements = 0, blockBytes = 0;
  if (!encodedBlock(rows.type, &blockElements, &blockBytes))
    return fail(error, ErrorKind::kUnsupported, "type %d has no encoder", static_cast<int>(rows.type));
  if (rows.numCols % blockElements != 0)
    return fail(error, ErrorKind::kUnsupported, "rows of %lld values do not divide into blocks of %d",
                static_cast<long long>(rows.numCols), blockElements);
  Buffer<float> weights;
  if (rows.importance && !prepareWeights(rows.importance, rows.numCols, &weights, error)) return false;
  const int64_t perRow = rows.numCols / blockElements;
  const EncodeJob job = {rows.type,    rows.values,           weights.empty() ? nullptr : weights.data(),
                         rows.numCols, rows.numRows * perRow, rows.out};
  // Chunks of about a millisecond, of whole groups of sixteen blocks.
  const int64_t chunkBlocks = blockElements >= 128 ? 16 : 128;
  const int64_t numChunks = (job.numBlocks + chunkBlocks - 1) / chunkBlocks;
  std::atomic<int64_t> firstBad{kNowhere};
  device.pool.parallelFor(numChunks, [&](int64_t chunk, int) {
    const int64_t first = chunk * chunkBlocks;
    const int64_t count = job.numBlocks - first < chunkBlocks ? job.numBlocks - first : chunkBlocks;
    const int64_t bad = findBadValue(rows.values + first * blockElements, count * blockElements);
    if (bad == count * blockElements) return device.kernels.encodeBlocks(job, first, count);
    const int64_t at = first * blockElements + bad;
    for (int64_t seen = firstBad.load(); at < seen && !firstBad.compare_exchange_weak(seen, at);) continue;
  });
  const int64_t bad = firstBad.load();
  if (bad == kNowhere) return true;
  return fail(error, ErrorKind::kFormat, "row %lld, column %lld holds %g", static_cast<long long>(bad / rows.numCols),
              static_cast<long long>(bad % rows.numCols), static_cast<double>(rows.values[bad]));
}

}  // namespace dots
