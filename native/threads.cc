#include "threads.h"

#include <atomic>

#include "host.h"
#include "memory.h"

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
  void sleepWhile(uint32_t value) { host::sleepWhile(word_, value); }
  void wakeAll() { host::wakeAll(word_); }

 private:
  std::atomic<uint32_t> word_{0};
};

// Spins for at most `microseconds`, by the clock: the length of a pause differs 20-fold between processors.
template <class Done>
bool spinFor(int microseconds, Done done) {
  for (int i = 0; i < 64; ++i) {
    if (done()) return true;
    relaxCpu();
  }
  const double end = host::seconds() + 1e-6 * microseconds;
  do {
    for (int i = 0; i < 32; ++i) {
      if (done()) return true;
      relaxCpu();
    }
  } while (host::seconds() < end);
  return done();
}

// A worker waits through the short serial pieces between two loops of a program. Longer than that and the core is
// better given away. The caller waits less: when a worker has lost its core in the middle of a chunk, our sleeping is
// what lets the kernel move that worker to the core we leave.
constexpr int kWorkerSpinUs = 25;
constexpr int kCallerSpinUs = 8;

constexpr uint32_t kClosed = 0xffffffffu;

struct Worker {
  ThreadPool::State* state = nullptr;
  int thread = 0;
  host::Thread handle;
};

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
  // Several executables share a pool: who has a loop to run takes a number and waits for its turn.
  alignas(64) std::atomic<uint32_t> numbersTaken{0};
  WaitWord turn;
  Buffer<Worker> workers;
  int numWorkers = 0;

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

  // First come, first served: a run that has many short loops would otherwise keep everybody else out.
  void takeTurn() {
    const uint32_t mine = numbersTaken.fetch_add(1, std::memory_order_relaxed);
    std::atomic_thread_fence(std::memory_order_seq_cst);
    for (uint32_t now; (now = turn.load()) != mine;) turn.sleepWhile(now);
  }
  void passTurn() {
    const uint32_t next = turn.increment();
    std::atomic_thread_fence(std::memory_order_seq_cst);
    if (numbersTaken.load(std::memory_order_relaxed) != next) turn.wakeAll();
  }

  void announce() {
    loops.increment();
    std::atomic_thread_fence(std::memory_order_seq_cst);
    if (sleepers.load(std::memory_order_relaxed) > 0) loops.wakeAll();
  }
};

ThreadPool::ThreadPool(int numThreads)
    : numThreads_(numThreads < 1             ? 1
                  : numThreads < kMaxThreads ? numThreads
                                             : kMaxThreads),
      state_(new State) {
  State& s = *state_;
  // Work is claimed and not assigned, so where the system gives fewer threads it only takes longer.
  if (!s.workers.resize(static_cast<size_t>(numThreads_ - 1))) return;
  for (Worker& worker : s.workers) {
    worker.state = &s;
    worker.thread = s.numWorkers + 1;
    const auto body = [](void* context) {
      const Worker& mine = *static_cast<const Worker*>(context);
      mine.state->workerLoop(mine.thread);
    };
    if (!host::startThread(body, &worker, &worker.handle)) break;
    ++s.numWorkers;
  }
}

ThreadPool::~ThreadPool() {
  state_->stop.store(true, std::memory_order_release);
  state_->announce();
  for (int i = 0; i < state_->numWorkers; ++i) host::joinThread(state_->workers[static_cast<size_t>(i)].handle);
}

void ThreadPool::run(int64_t numChunks, Call call, void* context) {
  // A loop of more than 2^32 - 2 chunks cannot be numbered; nothing here comes near.
  if (numChunks <= 0) return;
  if (numThreads_ == 1 || numChunks == 1) {
    for (int64_t chunk = 0; chunk < numChunks; ++chunk) call(context, chunk, 0);
    return;
  }
  State& s = *state_;
  s.takeTurn();
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
  if (!spinFor(kCallerSpinUs, [&] { return s.finished.load() == total; })) {
    s.callerSleeps.store(true, std::memory_order_seq_cst);
    std::atomic_thread_fence(std::memory_order_seq_cst);
    for (uint32_t done; (done = s.finished.load()) != total;) s.finished.sleepWhile(done);
    s.callerSleeps.store(false, std::memory_order_relaxed);
  }
  s.passTurn();
}

}  // namespace dots
