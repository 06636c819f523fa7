// What the operating system gives: memory, files, threads and a clock. Nothing else in native/ asks it for anything.
//
// host-posix.cc and host-posix-files.cc are for Linux and macOS, host-wasm.cc for WebAssembly without threads; another
// system is another file, and the Makefile's SYSTEM names the one that is compiled. Every function may be called from
// any thread.
#pragma once

#include <atomic>
#include <cstdint>

#include "error.h"

namespace dots {
namespace host {

/// Zeros from the beginning of a page; null where there are none. A lazy reservation counts only as far as it has been
/// written, so it may be larger than the machine's memory.
uint8_t* reserveMemory(int64_t sizeBytes, bool isLazy);
void releaseMemory(uint8_t* memory, int64_t sizeBytes);
/// A wish for memory that begins at a page: where it is not granted, everything works on small pages.
void preferLargePages(uint8_t* memory, int64_t sizeBytes);
constexpr int64_t kLargePageBytes = 2 << 20;

/// A whole file as memory for reading, shared with every process that maps it.
struct MappedFile {
  const uint8_t* data = nullptr;
  int64_t sizeBytes = 0;
  int number = -1;  // the implementation's
};
bool mapFile(const char* path, MappedFile* file, Error* error);
void unmapFile(const MappedFile& file);
/// Whether some of it could not be read since it was mapped, has gone, or was written again. A page that
/// is missing reads as zeros instead of ending the process; once damaged, a mapping stays so.
bool isDamaged(const MappedFile& file);

/// A file whose parts are read when they are requested.
struct OpenFile {
  int descriptor = -1;
  /// Reads go past the system's page cache: what they bring is in the caller's memory and nowhere else.
  bool isDirect = false;
};
/// `isDirect` is a wish that some file systems do not grant.
bool openFile(const char* path, bool isDirect, OpenFile* file, Error* error);
void closeFile(const OpenFile& file);
constexpr int64_t kFilePageBytes = 4096;
/// Reads bytes offset...offset + sizeBytes - 1 to `to`, which must lie in its page as `offset` does in a page of the
/// file; `edges` is room for two pages. Nothing outside of the range is written. 0, or the system's error number; -1
/// where the file ends before.
int readFile(const OpenFile& file, int64_t offset, int64_t sizeBytes, uint8_t* to, uint8_t* edges);
/// What a number of readFile means.
const char* readFailure(int number);
/// Of memory: what `discardMemory` takes whole.
int64_t memoryPageBytes();
/// Pages of reserved memory go back to the system and read as zeros; `memory` begins a page, and its last is taken
/// whole.
void discardMemory(uint8_t* memory, int64_t sizeBytes);
/// Bytes of a mapped file that memory does not hold at present, at least: 0 where the system does not say.
int64_t absentBytes(const uint8_t* mapped, int64_t sizeBytes);
/// Returns when a mapped range is in memory, or cannot be had.
void populateMapped(const uint8_t* mapped, int64_t sizeBytes);

struct Thread {
  uintptr_t number = 0;
};
/// False where the system gives no more.
bool startThread(void (*body)(void* context), void* context, Thread* thread);
void joinThread(const Thread& thread);
/// Returns when `word` may have changed from `value`; at once if it has already.
void sleepWhile(std::atomic<uint32_t>& word, uint32_t value);
/// Wakes all that sleep on `word`; call it after changing it.
void wakeAll(std::atomic<uint32_t>& word);

/// Seconds on a clock that never goes back.
double seconds();

/// Of the largest cache; 0 where the system does not say.
int64_t cacheBytes();
/// Whether an aarch64 core has int8 dot products.
bool hasDotProducts();

}  // namespace host
}  // namespace dots
