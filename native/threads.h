// A thread pool for shared machines.
//
// Work is claimed in chunks from one counter, and a loop is over when its chunks are: a thread that the operating
// system has put aside delays the others by the one chunk it holds, never by its whole share, and a thread that was
// still asleep is not waited for. Waiting is a spin of a few microseconds, then a futex (a condition variable where
// there is none), so that a neighbour's process gets the core, and a worker that lost its core can be moved to ours.
#pragma once

#include <cstdint>
#include <memory>
#include <type_traits>

namespace dots {

class ThreadPool {
 public:
  static constexpr int kMaxThreads = 1024;
  /// numThreads includes the calling thread; 1 starts no thread. Values below 1 count as 1, above kMaxThreads as that;
  /// where the system gives fewer threads, those do the work.
  explicit ThreadPool(int numThreads);
  ~ThreadPool();
  ThreadPool(const ThreadPool&) = delete;
  ThreadPool& operator=(const ThreadPool&) = delete;

  int numThreads() const { return numThreads_; }
  struct State;  // of threads.cc

  /// Calls body(int64_t chunk, int thread) for every chunk in 0...numChunks-1 and returns when all are done; what they
  /// wrote is then visible to the caller. thread is in 0...numThreads-1 and names one running body at a time, so it
  /// can select scratch memory of the caller's. Chunks start in ascending order. The caller works too; with one thread
  /// or one chunk nothing is woken. Never from inside a body; several threads that call it take turns, loop by loop, in
  /// the order in which they came. A body must not throw.
  ///
  /// Choose chunks of 10 to 100 microseconds: claiming one costs about 0.1, and waking a sleeping thread 5 to 50.
  template <class Body>
  void parallelFor(int64_t numChunks, Body&& body) {
    using Plain = typename std::remove_reference<Body>::type;
    run(
        numChunks, [](void* context, int64_t chunk, int thread) { (*static_cast<Plain*>(context))(chunk, thread); },
        const_cast<void*>(static_cast<const void*>(&body)));
  }

 private:
  using Call = void (*)(void* context, int64_t chunk, int thread);
  void run(int64_t numChunks, Call call, void* context);

  int numThreads_;
  std::unique_ptr<State> state_;
};

}  // namespace dots
