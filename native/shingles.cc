#include "shingles.h"

#include <algorithm>

namespace dots {
namespace {

constexpr uint64_t kFnvOffset = 0xcbf29ce484222325ull, kFnvPrime = 0x100000001b3ull;
constexpr uint64_t kMixer = 0xff51afd7ed558ccdull;

// Small enough for the first-level cache, next to the functions.
constexpr int64_t kChunkShingles = 1024;

}  // namespace

bool Shingler::nextToken(uint64_t* hash) {
  const size_t size = text_.size();
  while (at_ < size && text_[at_] == ' ') ++at_;
  if (at_ == size) return false;
  uint64_t h = kFnvOffset;
  for (; at_ < size && text_[at_] != ' '; ++at_) h = (h ^ text_[at_]) * kFnvPrime;
  *hash = h;
  return true;
}

bool Shingler::next(uint64_t* hash) {
  if (isDone_) return false;
  int64_t wanted = numTokens_ == 0 ? size_ : 1;
  for (; wanted > 0; --wanted) {
    uint64_t token;
    if (!nextToken(&token)) break;
    tokens_[numTokens_++ % size_] = token;
  }
  if (wanted > 0) {
    isDone_ = true;
    // Shingles have come before, or there is nothing that could be one.
    if (numTokens_ == 0 || numTokens_ >= size_) return false;
  }
  const int64_t count = numTokens_ < size_ ? numTokens_ : size_;
  uint64_t h = kFnvOffset;
  for (int64_t i = numTokens_ - count; i < numTokens_; ++i) {
    h = (h ^ tokens_[i % size_]) * kMixer;
    h ^= h >> 32;
  }
  *hash = h;
  return true;
}

int64_t minhashText(Span<uint8_t> text, int shingleTokens, Span<uint32_t> flips, Span<uint32_t> multipliers,
                    const Kernels& kernels, uint32_t* minima_H) {
  const int64_t numHashes = static_cast<int64_t>(flips.size());
  for (int64_t h = 0; h < numHashes; ++h) minima_H[h] = UINT32_MAX;
  uint32_t chunk[kChunkShingles];
  Shingler shingler(text, shingleTokens);
  int64_t total = 0, numInChunk = 0;
  uint64_t hash = 0;
  for (bool isMore = true; isMore;) {
    isMore = shingler.next(&hash);
    // The upper half is the better mixed one.
    if (isMore) chunk[numInChunk++] = static_cast<uint32_t>(hash >> 32);
    if (numInChunk < kChunkShingles && isMore) continue;
    kernels.minhash(chunk, numInChunk, flips.data(), multipliers.data(), numHashes, minima_H);
    total += numInChunk;
    numInChunk = 0;
  }
  return total;
}

bool shingleSet(Span<uint8_t> text, int shingleTokens, Buffer<uint64_t>* hashes, Error* error) {
  Shingler shingler(text, shingleTokens);
  uint64_t hash = 0;
  while (shingler.next(&hash))
    if (!hashes->push(hash)) return fail(error, ErrorKind::kResource, "out of memory for shingles");
  std::sort(hashes->begin(), hashes->end());
  const size_t size = static_cast<size_t>(std::unique(hashes->begin(), hashes->end()) - hashes->begin());
  return hashes->resize(size);
}

}  // namespace dots
