// Shingles: the runs of consecutive tokens that a document is compared by. Tokens are what single spaces separate.
#pragma once

#include <cstdint>

#include "error.h"
#include "kernels/kernels.h"
#include "memory.h"

namespace dots {

/// Longest run of tokens in a shingle.
constexpr int kMaxShingleTokens = 16;

/// The hashes of a text's shingles, one after the other; a text of fewer than `size` tokens is one shingle, one of none
/// has none. A token's hash is FNV-1a of its bytes, in 64 bits; a shingle's starts with the FNV offset and for each
/// token becomes (hash ^ token's hash) * 0xff51afd7ed558ccd, whose upper half is then xored onto the lower.
class Shingler {
 public:
  Shingler(Span<uint8_t> text, int size) : text_(text), size_(size) {}
  /// False after the last one.
  bool next(uint64_t* hash);

 private:
  bool nextToken(uint64_t* hash);

  Span<uint8_t> text_;
  int size_;
  size_t at_ = 0;
  uint64_t tokens_[kMaxShingleTokens] = {};  // a ring
  int64_t numTokens_ = 0;
  bool isDone_ = false;
};

/// Function i of a family takes words 2i (flip) and 2i + 1 (multiplier, odd). minima_H of a text without shingles are
/// all 2^32 - 1. numHashes is a multiple of kMinhashGroup. In constant memory; returns the number of shingles.
int64_t minhashText(Span<uint8_t> text, int shingleTokens, Span<uint32_t> flips, Span<uint32_t> multipliers,
                    const Kernels& kernels, uint32_t* minima_H);

/// Rising, each once.
bool shingleSet(Span<uint8_t> text, int shingleTokens, Buffer<uint64_t>* hashes, Error* error);

}  // namespace dots
