// Reads of files that other work does not wait for: a queue, and threads that keep the disk busy with it.
//
// A disk gives its full speed only while it has several requests at once; a thread that waits for one read at a time
// gets a tenth of it. Portable threads with plain reads reach the same depth as the system's own queues, and each read
// here is large enough for the cost of a thread's wake-up not to count.
#pragma once

#include <atomic>
#include <cstdint>
#include <memory>
#include "mutex.h"

#include "host.h"
#include "memory.h"

namespace dots {

/// What reads of one thing have left to do. Written by readers, looked at by whoever waits.
struct ReadState {
  std::atomic<int32_t> numLeft{0};
  std::atomic<int32_t> failure{0};   // host::readFile's number of a read that failed
  std::atomic<int64_t> failedAt{0};  // where in the file
};

/// Bytes of a file into memory; or, without `to`, of a mapped file into the system's page cache.
struct FileRead {
  host::OpenFile file;
  int64_t offset = 0;
  int64_t sizeBytes = 0;
  uint8_t* to = nullptr;
  const uint8_t* mapped = nullptr;
  ReadState* state = nullptr;
};

class FileReads {
 public:
  /// Null with `error` set where the system gives no thread.
  static std::unique_ptr<FileReads> start(int numThreads, Error* error);
  /// What is queued is given up, what is being read is waited for.
  ~FileReads();
  FileReads(const FileReads&) = delete;
  FileReads& operator=(const FileReads&) = delete;

  /// Reads start in the order in which they are added, large ones in pieces. False where there is no memory for the
  /// queue; nothing of the read is started then.
  bool add(const FileRead& read);
  /// Returns when nothing of it is left.
  void wait(const ReadState& state);

  int64_t bytesRead() const { return bytesRead_.load(std::memory_order_relaxed); }

 private:
  FileReads() = default;
  void readAll();

  static constexpr int kMaxThreads = 64;
  host::Thread threads_[kMaxThreads];
  int numThreads_ = 0;
  Mutex mutex_;
  Buffer<FileRead> queue_;  // from first_ on
  size_t first_ = 0;
  bool isOver_ = false;
  std::atomic<uint32_t> numAdded_{0}, numDone_{0};  // words to sleep on
  std::atomic<int64_t> bytesRead_{0};
};

}  // namespace dots
