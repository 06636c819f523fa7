#include "file-reads.h"

#include <algorithm>

namespace dots {
namespace {

/// Small enough that the last reads of a request go to all threads, large enough for a disk's full speed.
constexpr int64_t kPieceBytes = 1 << 20;

}  // namespace

std::unique_ptr<FileReads> FileReads::start(int numThreads, Error* error) {
  std::unique_ptr<FileReads> reads(new FileReads);
  const auto body = [](void* context) { static_cast<FileReads*>(context)->readAll(); };
  for (int i = 0; i < std::min(numThreads, kMaxThreads); ++i) {
    if (!host::startThread(body, reads.get(), &reads->threads_[reads->numThreads_])) break;
    ++reads->numThreads_;
  }
  if (reads->numThreads_ > 0) return reads;
  fail(error, ErrorKind::kResource, "the system gives no thread that could read files");
  return nullptr;
}

FileReads::~FileReads() {
  {
    MutexLock lock(mutex_);
    isOver_ = true;
  }
  numAdded_.fetch_add(1);
  host::wakeAll(numAdded_);
  for (int i = 0; i < numThreads_; ++i) host::joinThread(threads_[i]);
}

bool FileReads::add(const FileRead& read) {
  const int64_t numPieces = std::max<int64_t>(1, (read.sizeBytes + kPieceBytes - 1) / kPieceBytes);
  // Pieces end where pages of the file do, so that only the first and the last of them share a page with a neighbour.
  const auto cut = [&](int64_t piece) {
    if (piece == 0 || piece == numPieces) return piece == 0 ? 0 : read.sizeBytes;
    return (read.offset + piece * kPieceBytes) / host::kFilePageBytes * host::kFilePageBytes - read.offset;
  };
  {
    MutexLock lock(mutex_);
    if (first_ == queue_.size()) queue_.clear(), first_ = 0;
    const size_t before = queue_.size();
    for (int64_t piece = 0; piece < numPieces; ++piece) {
      const int64_t begin = cut(piece);
      FileRead part = read;
      part.offset += begin;
      part.sizeBytes = cut(piece + 1) - begin;
      if (part.to) part.to += begin;
      if (part.mapped) part.mapped += begin;
      if (queue_.push(part)) continue;
      (void)queue_.resize(before);
      return false;
    }
    read.state->numLeft.fetch_add(static_cast<int32_t>(numPieces), std::memory_order_relaxed);
  }
  numAdded_.fetch_add(1);
  host::wakeAll(numAdded_);
  return true;
}

void FileReads::wait(const ReadState& state) {
  for (;;) {
    const uint32_t seen = numDone_.load();
    if (state.numLeft.load(std::memory_order_acquire) == 0) return;
    host::sleepWhile(numDone_, seen);
  }
}

void FileReads::readAll() {
  alignas(host::kFilePageBytes) uint8_t edges[2 * host::kFilePageBytes];
  for (;;) {
    const uint32_t seen = numAdded_.load();
    FileRead read;
    bool isOver = false;
    {
      MutexLock lock(mutex_);
      isOver = isOver_;
      if (!isOver && first_ < queue_.size()) read = queue_[first_++];
    }
    if (isOver) return;
    if (!read.state) {
      host::sleepWhile(numAdded_, seen);
      continue;
    }
    int failure = 0;
    if (read.to)
      failure = host::readFile(read.file, read.offset, read.sizeBytes, read.to, edges);
    else
      host::populateMapped(read.mapped, read.sizeBytes);
    if (failure != 0) {
      read.state->failedAt.store(read.offset, std::memory_order_relaxed);
      read.state->failure.store(failure, std::memory_order_relaxed);
    } else {
      bytesRead_.fetch_add(read.sizeBytes, std::memory_order_relaxed);
    }
    read.state->numLeft.fetch_sub(1, std::memory_order_release);
    numDone_.fetch_add(1);
    host::wakeAll(numDone_);
  }
}

}  // namespace dots
