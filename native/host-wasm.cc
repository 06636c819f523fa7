// Memory and the clock of WebAssembly without threads and without mapped files.
//
// Memory grows to at most 4 GB and nothing in it is lazy: a reservation counts whole. One thread does all the work, and
// weights are memory of the caller's.
#include <cstdlib>
#include <cstring>
#include <time.h>

#include "host.h"

namespace dots {
namespace host {
namespace {

// There is nothing to protect or to map by the page; callers only rely on data that begins on a cache line.
constexpr size_t kPageBytes = 4096;

}  // namespace

uint8_t* reserveMemory(int64_t sizeBytes, bool) {
  // A size is 32 bits here and would lose its upper half in the call below.
  if (sizeBytes <= 0 || sizeBytes > INT32_MAX - static_cast<int64_t>(kPageBytes)) return nullptr;
  const size_t wholePages = (static_cast<size_t>(sizeBytes) + kPageBytes - 1) / kPageBytes * kPageBytes;
  void* const memory = std::aligned_alloc(kPageBytes, wholePages);
  if (memory) std::memset(memory, 0, wholePages);
  return static_cast<uint8_t*>(memory);
}

void releaseMemory(uint8_t* memory, int64_t) { std::free(memory); }

void preferLargePages(uint8_t*, int64_t) {}

bool mapFile(const char* path, MappedFile*, Error* error) {
  return fail(error, ErrorKind::kUnsupported,
              "cannot map %s: WebAssembly has no mapped files; hand the weights over as memory", path);
}

void unmapFile(const MappedFile&) {}
bool isDamaged(const MappedFile&) { return false; }

bool openFile(const char* path, bool, OpenFile*, Error* error) {
  return fail(error, ErrorKind::kUnsupported, "cannot open %s: WebAssembly has no files here", path);
}
void closeFile(const OpenFile&) {}
int readFile(const OpenFile&, int64_t, int64_t, uint8_t*, uint8_t*) { return -1; }
const char* readFailure(int) { return "there are no files"; }
int64_t memoryPageBytes() { return static_cast<int64_t>(kPageBytes); }
void discardMemory(uint8_t* memory, int64_t sizeBytes) { std::memset(memory, 0, static_cast<size_t>(sizeBytes)); }
int64_t absentBytes(const uint8_t*, int64_t) { return 0; }
void populateMapped(const uint8_t*, int64_t) {}

bool startThread(void (*)(void* context), void*, Thread*) { return false; }
// Without a second thread nobody sleeps and nobody is there to be woken.
void joinThread(const Thread&) {}
void sleepWhile(std::atomic<uint32_t>&, uint32_t) {}
void wakeAll(std::atomic<uint32_t>&) {}

double seconds() {
  timespec now;
  clock_gettime(CLOCK_MONOTONIC, &now);
  return static_cast<double>(now.tv_sec) + 1e-9 * static_cast<double>(now.tv_nsec);
}

int64_t cacheBytes() { return 0; }
bool hasDotProducts() { return false; }

}  // namespace host
}  // namespace dots
