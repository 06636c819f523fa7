// Memory, threads and the clock of Linux and macOS.

#include <new>
#include <pthread.h>
#include <sys/mman.h>
#include <time.h>
#include <unistd.h>

#if defined(__linux__)
#include <climits>
#include <linux/futex.h>
#include <sys/syscall.h>
#if defined(__aarch64__)
#include <asm/hwcap.h>
#include <sys/auxv.h>
#endif
#endif

#include "host.h"

namespace dots {
namespace host {

uint8_t* reserveMemory(int64_t sizeBytes, bool isLazy) {
#if defined(MAP_NORESERVE)
  const int lazily = isLazy ? MAP_NORESERVE : 0;
#else
  const int lazily = 0;
  (void)isLazy;
#endif
  void* const memory = mmap(nullptr, static_cast<size_t>(sizeBytes), PROT_READ | PROT_WRITE,
                            MAP_PRIVATE | MAP_ANONYMOUS | lazily, -1, 0);
  return memory == MAP_FAILED ? nullptr : static_cast<uint8_t*>(memory);
}

void releaseMemory(uint8_t* memory, int64_t sizeBytes) { munmap(memory, static_cast<size_t>(sizeBytes)); }

void preferLargePages(uint8_t* memory, int64_t sizeBytes) {
#if defined(MADV_HUGEPAGE)
  madvise(memory, static_cast<size_t>(sizeBytes), MADV_HUGEPAGE);
#else
  (void)memory;
  (void)sizeBytes;
#endif
}

namespace {

struct Start {
  void (*body)(void* context);
  void* context;
};

}  // namespace

bool startThread(void (*body)(void* context), void* context, Thread* thread) {
  static_assert(sizeof(pthread_t) <= sizeof thread->number, "a thread is known by a number");
  // Not std::thread: where the system gives no more threads it throws, which would end the process.
  Start* const start = new (std::nothrow) Start{body, context};
  const auto run = [](void* argument) -> void* {
    const Start mine = *static_cast<Start*>(argument);
    delete static_cast<Start*>(argument);
    mine.body(mine.context);
    return nullptr;
  };
  pthread_t made;
  if (!start || pthread_create(&made, nullptr, run, start) != 0) {
    delete start;
    return false;
  }
  thread->number = (uintptr_t)made;  // a number on Linux, a pointer on macOS
  return true;
}

void joinThread(const Thread& thread) { pthread_join((pthread_t)thread.number, nullptr); }

#if defined(__linux__)

void sleepWhile(std::atomic<uint32_t>& word, uint32_t value) {
  syscall(SYS_futex, &word, FUTEX_WAIT_PRIVATE, value, nullptr, nullptr, 0);
}

void wakeAll(std::atomic<uint32_t>& word) {
  syscall(SYS_futex, &word, FUTEX_WAKE_PRIVATE, INT_MAX, nullptr, nullptr, 0);
}

#else

namespace {

// A place to sleep for all words whose addresses end alike: who is woken for another word looks at its own again.
struct Bed {
  pthread_mutex_t mutex = PTHREAD_MUTEX_INITIALIZER;
  pthread_cond_t changed = PTHREAD_COND_INITIALIZER;
};
constexpr int kNumBeds = 64;
Bed beds[kNumBeds];

Bed& bedOf(const std::atomic<uint32_t>& word) { return beds[reinterpret_cast<uintptr_t>(&word) / 64 % kNumBeds]; }

}  // namespace

void sleepWhile(std::atomic<uint32_t>& word, uint32_t value) {
  Bed& bed = bedOf(word);
  pthread_mutex_lock(&bed.mutex);
  if (word.load() == value) pthread_cond_wait(&bed.changed, &bed.mutex);
  pthread_mutex_unlock(&bed.mutex);
}

void wakeAll(std::atomic<uint32_t>& word) {
  Bed& bed = bedOf(word);
  pthread_mutex_lock(&bed.mutex);
  pthread_mutex_unlock(&bed.mutex);
  pthread_cond_broadcast(&bed.changed);
}

#endif

double seconds() {
  timespec now;
  clock_gettime(CLOCK_MONOTONIC, &now);
  return static_cast<double>(now.tv_sec) + 1e-9 * static_cast<double>(now.tv_nsec);
}

int64_t cacheBytes() {
#if defined(_SC_LEVEL3_CACHE_SIZE)
  const long sizeBytes = sysconf(_SC_LEVEL3_CACHE_SIZE);
  return sizeBytes > 0 ? sizeBytes : 0;
#else
  return 0;
#endif
}

bool hasDotProducts() {
#if defined(__aarch64__) && defined(__linux__)
  return (getauxval(AT_HWCAP) & HWCAP_ASIMDDP) != 0;
#elif defined(__aarch64__) && defined(__APPLE__)
  return true;  // every Apple core that runs macOS has them
#else
  return false;
#endif
}

}  // namespace host
}  // namespace dots
