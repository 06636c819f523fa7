#include "threads.h"

#include <pthread.h>

#include <atomic>
#include <chrono>
#include <vector>

#if defined(__linux__)
#include <linux/futex.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <climits>
#else
#include <condition_variable>
#include <mutex>
#endif

namespace dots {
namespace {

inline void relaxCpu() {
#if defined(__x86_64__) || defined(__i386__)
  __builtin_ia32_pause();
#elif defined(__aarch64__)
  asm volatile("yield");
#endif
}

// A 32-bit word that threads can sleep on until it changes.
class WaitWord {
 public:
  uint32_t load() const { return word_.load(std::memory_order_acquire); }
  void store(uint32_t value) { word_.store(value, std::memory_order_release); }
  uint32_t increment() { return word_.fetch_add(1, std::memory_order_acq_rel) + 1; }

#if defined(__linux__)
  void sleepWhile(uint32_t value) { syscall(SYS_futex, &word_, FUTEX_WAIT_PRIVATE, value, nullptr, nullptr, 0); }
  void wakeAll() { syscall(SYS_futex, &word_, FUTEX_WAKE_PRIVATE, INT_MAX, nullptr, nullptr, 0); }
#else
  void sleepWhile(uint32_t value) {
    std::unique_lock<std::mutex> lock(mutex_);
    if (load() == value) changed_.wait(lock);
  }
  void wakeAll() {
    {
      std::lock_guard<std::mutex> lock(mutex_);
    }
    changed_.notify_all();
  }
#endif

 private:
  std::atomic<uint32_t> word_{0};
#if !defined(__linux__)
  std::mutex mutex_;
  std::condition_variable changed_;
#endif
};

// Spins for at most `microseconds`, by the clock: the length of a pause differs 20-fold between processors.
template <class Done>
bool spinFor(int microseconds, Done done) {
  for (int i = 0; i < 64; ++i) {
    if (done()) return true;
    relaxCpu();
  }
  const auto end = std::chrono::steady_clock::now() + std::chrono::microseconds(microseconds);
  do {
    for (int i = 0; i < 32; ++i) {
      if (done()) return true;
      relaxCpu();
    }
  } while (std::chrono::steady_clock::now() < end);
  return done();
}

// A worker waits through the short serial pieces between two loops of a program. Longer than that and the core is
// better given away. The caller waits less: when a worker has lost its core in the middle of a chunk, our sleeping is
// what lets the kernel move that worker to the core we leave.
constexpr int kWorkerSpinUs = 25;
constexpr int kCallerSpinUs = 8;

constexpr uint32_t kClosed = 0xffffffffu;

}  // namespace

struct ThreadPool::State {
  // ticket = loop number << 32 | next chunk. A chunk is claimed by a compare-and-swap on the whole word, so that a
  // thread that slept through a loop can never claim from it with the description of the next one.
  alignas(64) std::atomic<uint64_t> ticket{kClosed};
  alignas(64) std::atomic<Call> call{nullptr};
  std::atomic<void*> context{nullptr};
  std::atomic<uint32_t> numChunks{0};
  alignas(64) WaitWord loops;    // number of loops started; workers sleep on it
  std::atomic<int> sleepers{0};  // workers that sleep or are about to
  std::atomic<bool> stop{false};
  alignas(64) WaitWord finished;  // chunks of this loop that are done; the caller sleeps on it
  std::atomic<bool> callerSleeps{false};
  std::vector<pthread_t> workers;

  // Runs chunks of the loop now open until none is left to claim.
  void work(int thread) {
    for (;;) {
      uint64_t seen = ticket.load(std::memory_order_acquire);
      const uint32_t chunk = static_cast<uint32_t>(seen);
      // These three may already describe a later loop; then the swap below fails, because that loop's opening
      // closed this ticket first.
      const Call body = call.load(std::memory_order_acquire);
      void* const argument = context.load(std::memory_order_acquire);
      const uint32_t total = numChunks.load(std::memory_order_acquire);
      if (chunk == kClosed || chunk >= total) return;
      if (!ticket.compare_exchange_weak(seen, seen + 1, std::memory_order_acq_rel)) continue;
      body(argument, chunk, thread);
      // The sequentially consistent pair (count, then look for a sleeper) and the caller's (announce sleep, then look
      // at the count) cannot both miss each other.
      const uint32_t done = finished.increment();
      std::atomic_thread_fence(std::memory_order_seq_cst);
      if (done == total && callerSleeps.load(std::memory_order_relaxed)) finished.wakeAll();
    }
  }

  void workerLoop(int thread) {
    uint32_t lastLoop = 0;
    for (;;) {
      const bool changed = spinFor(kWorkerSpinUs, [&] { return loops.load() != lastLoop; });
      if (!changed) {
        sleepers.fetch_add(1, std::memory_order_seq_cst);
        std::atomic_thread_fence(std::memory_order_seq_cst);
        while (loops.load() == lastLoop) loops.sleepWhile(lastLoop);
        sleepers.fetch_sub(1, std::memory_order_seq_cst);
      }
      lastLoop = loops.load();
      if (stop.load(std::memory_order_acquire)) return;
      work(thread);
    }
  }

  void announce() {
    loops.increment();
    std::atomic_thread_fence(std::memory_order_seq_cst);
    if (sleepers.load(std::memory_order_relaxed) > 0) loops.wakeAll();
  }
};

namespace {
struct WorkerStart {
  ThreadPool::State* state;
  int thread;
};
}  // namespace

ThreadPool::ThreadPool(int numThreads)
    : numThreads_(numThreads < 1             ? 1
                  : numThreads < kMaxThreads ? numThreads
                                             : kMaxThreads),
      state_(new State) {
  // Not std::thread: where the system gives no more threads it throws, which would end the process. Work is claimed and
  // not assigned, so fewer workers only take longer.
  for (int i = 1; i < numThreads_; ++i) {
    std::unique_ptr<WorkerStart> start(new WorkerStart{state_.get(), i});
    const auto body = [](void* context) -> void* {
      const std::unique_ptr<WorkerStart> mine(static_cast<WorkerStart*>(context));
      mine->state->workerLoop(mine->thread);
      return nullptr;
    };
    pthread_t worker;
    if (pthread_create(&worker, nullptr, body, start.get()) != 0) break;
    start.release();
    state_->workers.push_back(worker);
  }
}

ThreadPool::~ThreadPool() {
  state_->stop.store(true, std::memory_order_release);
  state_->announce();
  for (pthread_t worker : state_->workers) pthread_join(worker, nullptr);
}

void ThreadPool::run(int64_t numChunks, Call call, void* context) {
  // A loop of more than 2^32 - 2 chunks cannot be numbered; nothing here comes near.
  if (numChunks <= 0) return;
  if (numThreads_ == 1 || numChunks == 1) {
    for (int64_t chunk = 0; chunk < numChunks; ++chunk) call(context, chunk, 0);
    return;
  }
  State& s = *state_;
  const uint64_t loop = ((s.ticket.load(std::memory_order_relaxed) >> 32) + 1) << 32;
  s.ticket.store(loop | kClosed, std::memory_order_relaxed);
  s.call.store(call, std::memory_order_release);
  s.context.store(context, std::memory_order_release);
  s.numChunks.store(static_cast<uint32_t>(numChunks), std::memory_order_release);
  s.finished.store(0);
  s.ticket.store(loop, std::memory_order_release);
  s.announce();
  s.work(0);

  const uint32_t total = static_cast<uint32_t>(numChunks);
  if (spinFor(kCallerSpinUs, [&] { return s.finished.load() == total; })) return;
  s.callerSleeps.store(true, std::memory_order_seq_cst);
  std::atomic_thread_fence(std::memory_order_seq_cst);
  for (uint32_t done; (done = s.finished.load()) != total;) s.finished.sleepWhile(done);
  s.callerSleeps.store(false, std::memory_order_relaxed);
}

}  // namespace dots
