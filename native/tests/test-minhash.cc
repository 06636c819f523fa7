#include <algorithm>
#include <string>

#include "shingles.h"
#include "tests/each-isa.h"

namespace dots {
namespace {

Span<uint8_t> bytesOf(const std::string& text) { return {reinterpret_cast<const uint8_t*>(text.data()), text.size()}; }

std::vector<uint64_t> shinglesOf(const std::string& text, int size) {
  Shingler shingler(bytesOf(text), size);
  std::vector<uint64_t> hashes;
  for (uint64_t hash; shingler.next(&hash);) hashes.push_back(hash);
  return hashes;
}

void shinglesAreRunsOfTokens() {
  CHECK(shinglesOf("", 5).empty() && shinglesOf("   ", 5).empty(), "no tokens, no shingles");
  CHECK(shinglesOf("a b c", 5).size() == 1, "fewer tokens than a shingle has");
  CHECK(shinglesOf("a b c d e", 5).size() == 1, "as many");
  CHECK(shinglesOf("a b c d e f", 5).size() == 2, "one more");
  CHECK(shinglesOf(" a  b c d e f ", 5) == shinglesOf("a b c d e f", 5), "spaces are not tokens");
  const std::vector<uint64_t> all = shinglesOf("x a b c d e y", 5), part = shinglesOf("a b c d e", 5);
  CHECK(all.size() == 3 && all[1] == part[0], "a shingle does not depend on what is around it");
  CHECK(shinglesOf("ab c", 2) != shinglesOf("a bc", 2), "where tokens end counts");
}

void setsAreSortedAndEachOnce() {
  Buffer<uint64_t> set;
  Error error;
  CHECK(shingleSet(bytesOf("a b a b a b a b"), 2, &set, &error), "%s", error.message());
  CHECK(set.size() == 2 && set[0] < set[1], "%zu shingles", set.size());
}

void minimaAreThoseOfThePlainLoop(const Kernels& kernels) {
  TestRandom random(11);
  std::string text;
  for (int i = 0; i < 2500; ++i) text += std::to_string(random.below(900)) + " ";
  for (const int64_t numHashes : {int64_t{64}, int64_t{192}, int64_t{2048}}) {
    std::vector<uint32_t> flips(numHashes), multipliers(numHashes), minima(numHashes);
    for (int64_t h = 0; h < numHashes; ++h) {
      flips[h] = static_cast<uint32_t>(random.next());
      multipliers[h] = static_cast<uint32_t>(random.next()) | 1;
    }
    // Around the ends of the chunks that the text is hashed in.
    for (const size_t size : {size_t{0}, size_t{1}, size_t{9}, text.size() / 2, text.size()}) {
      const std::string part = text.substr(0, size);
      const std::vector<uint64_t> shingles = shinglesOf(part, 5);
      const int64_t count = minhashText(bytesOf(part), 5, flips, multipliers, kernels, minima.data());
      CHECK(count == static_cast<int64_t>(shingles.size()), "%s: %lld shingles", isaName(kernels.isa),
            static_cast<long long>(count));
      for (int64_t h = 0; h < numHashes; ++h) {
        uint32_t least = UINT32_MAX;
        for (const uint64_t shingle : shingles)
          least = std::min(least, (static_cast<uint32_t>(shingle >> 32) ^ flips[h]) * multipliers[h]);
        CHECK(minima[h] == least, "%s: function %lld of %lld", isaName(kernels.isa), static_cast<long long>(h),
              static_cast<long long>(numHashes));
      }
    }
  }
}

}  // namespace
}  // namespace dots

int main() {
  dots::shinglesAreRunsOfTokens();
  dots::setsAreSortedAndEachOnce();
  dots::onEachIsa(dots::minimaAreThoseOfThePlainLoop);
  return dots::finishTests("minhash");
}
