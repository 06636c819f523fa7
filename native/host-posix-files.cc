// Mapped files of Linux and macOS.
//
// A file may shrink or its disk may fail while it is mapped; reading then raises SIGBUS, which would end the process.
// Here a page of zeros is put in the place of the missing one, and the mapping records that it happened. A file that
// is cut within its last page raises nothing, the rest of that page just reads as zeros, and one that is written again
// has other numbers: so its size and the time of its last change are looked at too.

#include <atomic>
#include <cerrno>
#include <csignal>
#include <cstring>
#include <fcntl.h>
#include <mutex>
#include <sys/mman.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include "host.h"

namespace dots {
namespace host {
namespace {

// What the signal handler may look at: fixed storage, atomics only. A model of 62 layers in a few hundred shards fits.
struct Range {
  std::atomic<uintptr_t> begin{0};
  std::atomic<uintptr_t> end{0};
  std::atomic<bool> isDamaged{false};
  // Not the handler's: open as long as the file is mapped, and the time of its last change until then.
  int descriptor = -1;
  timespec changedAt{};
};
constexpr int kMaxMappings = 1024;
Range ranges[kMaxMappings];
std::mutex rangesMutex;
struct sigaction previousAction;
long pageBytes = 4096;

void onBusError(int signal, siginfo_t* info, void* context) {
  const uintptr_t address = reinterpret_cast<uintptr_t>(info->si_addr);
  for (Range& range : ranges) {
    const uintptr_t begin = range.begin.load(std::memory_order_acquire);
    if (begin == 0 || address < begin || address >= range.end.load(std::memory_order_acquire)) continue;
    void* page = reinterpret_cast<void*>(address & ~static_cast<uintptr_t>(pageBytes - 1));
    // mmap is a plain system call; replacing the page lets the interrupted load continue and read zeros.
    if (mmap(page, static_cast<size_t>(pageBytes), PROT_READ, MAP_PRIVATE | MAP_ANONYMOUS | MAP_FIXED, -1, 0) ==
        MAP_FAILED)
      break;
    range.isDamaged.store(true, std::memory_order_release);
    return;
  }
  // Not ours: whoever was there before decides, and by default the process ends as it would have without us.
  if (previousAction.sa_flags & SA_SIGINFO) {
    previousAction.sa_sigaction(signal, info, context);
  } else if (previousAction.sa_handler == SIG_DFL || previousAction.sa_handler == SIG_IGN) {
    sigaction(SIGBUS, &previousAction, nullptr);
    raise(signal);  // delivered when this handler returns, also where nothing would fault a second time
  } else {
    previousAction.sa_handler(signal);
  }
}

timespec changedAt(const struct stat& status) {
#if defined(__APPLE__)
  return status.st_mtimespec;
#else
  return status.st_mtim;
#endif
}

void installHandlerOnce() {
  static const bool installed = [] {
    pageBytes = sysconf(_SC_PAGESIZE);
    struct sigaction action;
    memset(&action, 0, sizeof action);
    action.sa_sigaction = onBusError;
    action.sa_flags = SA_SIGINFO | SA_ONSTACK;
    sigemptyset(&action.sa_mask);
    sigaction(SIGBUS, &action, &previousAction);
    return true;
  }();
  (void)installed;
}

int claimRange(const void* data, const struct stat& status, int descriptor) {
  std::lock_guard<std::mutex> lock(rangesMutex);
  for (int i = 0; i < kMaxMappings; ++i) {
    Range& range = ranges[i];
    if (range.begin.load() != 0) continue;
    const uintptr_t begin = reinterpret_cast<uintptr_t>(data);
    range.isDamaged.store(false);
    range.descriptor = descriptor;
    range.changedAt = changedAt(status);
    // To the end of the last page and no further: another file's mapping may begin there.
    const uintptr_t pageMask = static_cast<uintptr_t>(pageBytes) - 1;
    range.end.store((begin + static_cast<uintptr_t>(status.st_size) + pageMask) & ~pageMask);
    range.begin.store(begin, std::memory_order_release);
    return i;
  }
  return -1;
}

}  // namespace

bool mapFile(const char* path, MappedFile* file, Error* error) {
  installHandlerOnce();
  // Opening a pipe would wait for somebody to write into it.
  const int descriptor = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK);
  struct stat status;
  const auto refuse = [&](const char* why) {
    if (descriptor >= 0) close(descriptor);
    return fail(error, ErrorKind::kResource, "cannot map %s: %s", path, why);
  };
  if (descriptor < 0 || fstat(descriptor, &status) != 0) return refuse(std::strerror(errno));
  if (!S_ISREG(status.st_mode)) return refuse("it is not a file");
  if (status.st_size <= 0) return refuse("it is empty");
  const size_t sizeBytes = static_cast<size_t>(status.st_size);
  void* const data = mmap(nullptr, sizeBytes, PROT_READ, MAP_SHARED, descriptor, 0);
  if (data == MAP_FAILED) return refuse(std::strerror(errno));
#if defined(MADV_HUGEPAGE)
  // A wish: file systems that keep files in large pieces then read them as huge pages, from which weights come a third
  // faster.
  madvise(data, sizeBytes, MADV_HUGEPAGE);
#endif
  const int number = claimRange(data, status, descriptor);
  if (number < 0) {
    munmap(data, sizeBytes);
    return refuse("too many files are mapped");
  }
  file->data = static_cast<const uint8_t*>(data);
  file->sizeBytes = status.st_size;
  file->number = number;
  return true;
}

void unmapFile(const MappedFile& file) {
  if (!file.data) return;
  Range& range = ranges[file.number];
  const int descriptor = range.descriptor;
  range.begin.store(0, std::memory_order_release);
  munmap(const_cast<uint8_t*>(file.data), static_cast<size_t>(file.sizeBytes));
  close(descriptor);
}

bool isDamaged(const MappedFile& file) {
  Range& range = ranges[file.number];
  struct stat status;
  const bool isKnown = fstat(range.descriptor, &status) == 0;
  const timespec now = isKnown ? changedAt(status) : timespec{};
  if (!isKnown || status.st_size < file.sizeBytes || now.tv_sec != range.changedAt.tv_sec ||
      now.tv_nsec != range.changedAt.tv_nsec)
    range.isDamaged.store(true, std::memory_order_release);
  return range.isDamaged.load(std::memory_order_acquire);
}

}  // namespace host
}  // namespace dots
