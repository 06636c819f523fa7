// A lock, or nothing where there is one thread: the standard library of WebAssembly has no std::mutex there.
#pragma once

#if defined(__wasm__)
namespace dots {
struct Mutex {};
struct MutexLock {
  explicit MutexLock(Mutex&) {}
};
}  // namespace dots
#else
#include <mutex>
namespace dots {
using Mutex = std::mutex;
using MutexLock = std::lock_guard<std::mutex>;
}  // namespace dots
#endif
