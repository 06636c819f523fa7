// The smallest test harness that works without exceptions: a failed check prints where and what, and the program
// ends with the number of failures as its status.
#pragma once

#include <cstdint>
#include <cstdio>
#include <cstring>

namespace dots {

inline int& failures() {
  static int count = 0;
  return count;
}

#define CHECK(condition, ...)                                       \
  do {                                                              \
    if (!(condition)) {                                             \
      if (++::dots::failures() <= 20) {                             \
        std::printf("%s:%d: %s: ", __FILE__, __LINE__, #condition); \
        std::printf(__VA_ARGS__);                                   \
        std::printf("\n");                                          \
      }                                                             \
    }                                                               \
  } while (0)

inline int finishTests(const char* name) {
  if (failures() == 0)
    std::printf("%s: passed\n", name);
  else
    std::printf("%s: %d checks failed\n", name, failures());
  return failures() == 0 ? 0 : 1;
}

// splitmix64: the same numbers on every machine.
class TestRandom {
 public:
  explicit TestRandom(uint64_t seed) : state_(seed) {}
  uint64_t next() {
    uint64_t z = (state_ += 0x9e3779b97f4a7c15ull);
    z = (z ^ (z >> 30)) * 0xbf58476d1ce4e5b9ull;
    z = (z ^ (z >> 27)) * 0x94d049bb133111ebull;
    return z ^ (z >> 31);
  }
  int below(int bound) { return static_cast<int>(next() % static_cast<uint64_t>(bound)); }
  // Nearly normal: the sum of four uniform numbers, unit variance.
  float normal() {
    float sum = 0;
    for (int i = 0; i < 4; ++i) sum += static_cast<float>(next() >> 40) / 16777216.0f - 0.5f;
    return sum * 1.7320508f;
  }
  void fillBytes(uint8_t* out, int64_t count) {
    for (int64_t i = 0; i < count; ++i) out[i] = static_cast<uint8_t>(next() >> 56);
  }

 private:
  uint64_t state_;
};

}  // namespace dots
