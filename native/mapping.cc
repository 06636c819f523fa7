#include "mapping.h"

#include <atomic>
#include <cerrno>
#include <csignal>
#include <cstring>
#include <fcntl.h>
#include <mutex>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

namespace dots {
namespace {

// What the signal handler may look at: fixed storage, atomics only. A model of 62 layers in a few hundred shards fits.
struct Range {
  std::atomic<uintptr_t> begin{0};
  std::atomic<uintptr_t> end{0};
  std::atomic<bool> isDamaged{false};
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
    // mmap is a plain system call; replacing the page lets the interrupted load go on and read zeros.
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

int claimRange(const uint8_t* data, int64_t size) {
  std::lock_guard<std::mutex> lock(rangesMutex);
  for (int i = 0; i < kMaxMappings; ++i) {
    if (ranges[i].begin.load() != 0) continue;
    const uintptr_t begin = reinterpret_cast<uintptr_t>(data);
    ranges[i].isDamaged.store(false);
    // To the end of the last page and no further: another file's mapping may begin there.
    const uintptr_t pageMask = static_cast<uintptr_t>(pageBytes) - 1;
    ranges[i].end.store((begin + static_cast<uintptr_t>(size) + pageMask) & ~pageMask);
    ranges[i].begin.store(begin, std::memory_order_release);
    return i;
  }
  return -1;
}

}  // namespace

std::unique_ptr<Mapping> Mapping::open(const std::string& path, std::string* error) {
  installHandlerOnce();
  const int file = ::open(path.c_str(), O_RDONLY | O_CLOEXEC);
  struct stat status;
  if (file < 0 || fstat(file, &status) != 0) {
    *error = std::strerror(errno);
    if (file >= 0) close(file);
    return nullptr;
  }
  void* data = status.st_size > 0 ? mmap(nullptr, static_cast<size_t>(status.st_size), PROT_READ, MAP_SHARED, file, 0)
                                  : MAP_FAILED;
  const int code = status.st_size > 0 ? errno : EINVAL;
  // The mapping keeps the file alive; the descriptor is not needed any more.
  close(file);
  if (data == MAP_FAILED) {
    *error = std::strerror(code);
    return nullptr;
  }
#if defined(MADV_HUGEPAGE)
  // A wish: file systems that keep files in large pieces then read them as huge pages, from which weights come a third
  // faster.
  madvise(data, static_cast<size_t>(status.st_size), MADV_HUGEPAGE);
#endif
  const int slot = claimRange(static_cast<uint8_t*>(data), status.st_size);
  if (slot < 0) {
    munmap(data, static_cast<size_t>(status.st_size));
    *error = "too many files are mapped";
    return nullptr;
  }
  return std::unique_ptr<Mapping>(new Mapping(path, static_cast<uint8_t*>(data), status.st_size, slot));
}

Mapping::~Mapping() {
  ranges[slot_].begin.store(0, std::memory_order_release);
  munmap(data_, static_cast<size_t>(size_));
}

bool Mapping::isDamaged() const { return ranges[slot_].isDamaged.load(std::memory_order_acquire); }

}  // namespace dots
