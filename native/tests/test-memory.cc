// Lists that grow or say that they cannot, and messages that fit where they are put.
#include <memory>
#include <string>

#include "check.h"
#include "error.h"
#include "memory.h"

using namespace dots;

namespace {

/// Refuses everything after so many allocations.
int numAllowed = 0;
bool allowSome(int64_t) { return numAllowed-- > 0; }

void growsOrStaysAsItWas() {
  Buffer<int32_t> numbers;
  for (int32_t i = 0; i < 1000; ++i) CHECK(numbers.push(i), "push %d", i);
  CHECK(numbers.size() == 1000 && numbers.back() == 999 && numbers[500] == 500, "%s", "what was pushed");
  CHECK(numbers.resize(1100) && numbers[999] == 999 && numbers[1099] == 0, "%s", "new elements are zero");
  mayAllocate = allowSome;
  numAllowed = 0;
  CHECK(!numbers.resize(100000) && numbers.size() == 1100 && numbers[999] == 999, "%s", "a refusal changes nothing");
  CHECK(numbers.resize(3) && numbers.size() == 3 && numbers[2] == 2, "%s", "less needs no memory");
  mayAllocate = nullptr;
  const int32_t two[] = {7, 8};
  CHECK(numbers.assign(two, 2) && numbers.size() == 2 && numbers[1] == 8, "%s", "assign");
}

void knowsSizesThatNoMachineHas() {
  Buffer<double> numbers;
  for (size_t size : {SIZE_MAX, SIZE_MAX / 2, SIZE_MAX / 8, SIZE_MAX / 16})
    CHECK(!numbers.resize(size) && numbers.empty(), "%zu elements", size);
  CHECK(!allocateBytes(-1) && !allocateBytes(INT64_MAX), "%s", "bytes that no pointer counts");
}

void movesWhatCannotBeCopied() {
  static int numAlive = 0;
  struct Counted {
    std::shared_ptr<int> shared;
    Buffer<int> inside;
    Counted() { ++numAlive; }
    Counted(Counted&& other) noexcept : shared(std::move(other.shared)), inside(std::move(other.inside)) { ++numAlive; }
    ~Counted() { --numAlive; }
  };
  const std::shared_ptr<int> shared = std::make_shared<int>(7);
  {
    Buffer<Counted> list;
    for (int i = 0; i < 20; ++i) {
      CHECK(list.push(Counted()) && list.back().inside.push(i), "push %d", i);
      list.back().shared = shared;
    }
    for (size_t i = 0; i < 20; ++i) CHECK(list[i].inside[0] == static_cast<int>(i) && *list[i].shared == 7, "%zu", i);
    CHECK(shared.use_count() == 21 && list.resize(5) && shared.use_count() == 6, "%ld owners", shared.use_count());
    Buffer<Counted> other = std::move(list);
    CHECK(list.empty() && other.size() == 5 && numAlive == 5, "%d alive", numAlive);
  }
  CHECK(numAlive == 0 && shared.use_count() == 1, "%d alive", numAlive);
}

void cutsLongMessages() {
  Error error;
  CHECK(!error && !fail(&error, ErrorKind::kResource, "%s: %d", std::string(5000, 'x').c_str(), 7), "%s", "fails");
  CHECK(error && error.kind() == ErrorKind::kResource && std::strlen(error.message()) == 511, "%s", error.message());
}

}  // namespace

int main() {
  growsOrStaysAsItWas();
  knowsSizesThatNoMachineHas();
  movesWhatCannotBeCopied();
  cutsLongMessages();
  return finishTests("memory");
}
