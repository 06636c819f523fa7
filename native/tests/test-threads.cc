#include <atomic>
#include <chrono>
#include <thread>
#include <vector>

#include "check.h"
#include "threads.h"

using dots::ThreadPool;

static void everyChunkRunsOnce() {
  for (int threads = 1; threads <= 5; ++threads) {
    ThreadPool pool(threads);
    dots::TestRandom random(7);
    for (int round = 0; round < 2000; ++round) {
      const int chunks = random.below(40);
      // Plain memory on purpose: the pool must order these writes before its return (ThreadSanitizer checks that).
      std::vector<int> runs(chunks, 0);
      pool.parallelFor(chunks, [&](int64_t chunk, int thread) {
        CHECK(thread >= 0 && thread < threads, "thread %d of %d", thread, threads);
        runs[chunk] += 1;
      });
      for (int i = 0; i < chunks; ++i) CHECK(runs[i] == 1, "chunk %d ran %d times", i, runs[i]);
    }
  }
}

static void loopsAfterSleepsStillComplete() {
  ThreadPool pool(3);
  for (int round = 0; round < 200; ++round) {
    // Long enough for workers to fall asleep in some rounds and not in others.
    std::this_thread::sleep_for(std::chrono::microseconds(round % 60));
    std::atomic<int> sum{0};
    pool.parallelFor(7, [&](int64_t chunk, int) { sum.fetch_add(static_cast<int>(chunk)); });
    CHECK(sum.load() == 21, "sum %d", sum.load());
  }
}

static void threadIndexIsExclusive() {
  ThreadPool pool(4);
  std::vector<std::atomic<int>> busy(4);
  for (auto& b : busy) b = 0;
  for (int round = 0; round < 500; ++round)
    pool.parallelFor(16, [&](int64_t, int thread) {
      CHECK(busy[thread].fetch_add(1) == 0, "thread %d is used twice at a time", thread);
      busy[thread].fetch_sub(1);
    });
}

// More threads than any system allows must not end the process.
static void takesAnyNumberOfThreads() {
  for (int numThreads : {-5, 0, 1 << 30}) {
    ThreadPool pool(numThreads);
    CHECK(pool.numThreads() >= 1 && pool.numThreads() <= ThreadPool::kMaxThreads, "%d threads", pool.numThreads());
    std::atomic<int> sum{0};
    pool.parallelFor(100, [&](int64_t chunk, int) { sum.fetch_add(static_cast<int>(chunk)); });
    CHECK(sum.load() == 4950, "sum %d", sum.load());
  }
}

// Executables share a pool: loops of several callers are whole, and in the callers' own memory.
static void severalCallersTakeTurns() {
  ThreadPool pool(3);
  std::vector<std::thread> callers;
  for (int caller = 0; caller < 4; ++caller)
    callers.emplace_back([&pool, caller] {
      for (int round = 0; round < 1000; ++round) {
        const int chunks = 2 + (round + caller) % 20;
        std::vector<int> runs(static_cast<size_t>(chunks), 0), busy(3, 0);
        pool.parallelFor(chunks, [&](int64_t chunk, int thread) {
          runs[static_cast<size_t>(chunk)] += caller + 1;
          busy[static_cast<size_t>(thread)] += 1;  // plain memory: a thread's number is used by one at a time
        });
        int sum = 0;
        for (int count : busy) sum += count;
        CHECK(sum == chunks, "caller %d: %d of %d chunks", caller, sum, chunks);
        for (int run : runs) CHECK(run == caller + 1, "caller %d: a chunk ran %d times", caller, run);
      }
    });
  for (std::thread& caller : callers) caller.join();
}

int main() {
  everyChunkRunsOnce();
  loopsAfterSleepsStillComplete();
  threadIndexIsExclusive();
  takesAnyNumberOfThreads();
  severalCallersTakeTurns();
  return dots::finishTests("threads");
}
