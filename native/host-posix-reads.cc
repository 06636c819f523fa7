// Reads of Linux and macOS: parts of files into memory, and mapped files that should be in memory soon.

#include <algorithm>
#include <cerrno>
#include <cstring>
#include <fcntl.h>
#include <sys/mman.h>
#include <sys/uio.h>
#include <unistd.h>

#include "host.h"
#include "memory.h"

namespace dots {
namespace host {
namespace {

constexpr int kFileEnded = -1;

/// Fills the pieces from `offset` on, which may take several calls. Returns as readFile does; `neededBytes` may be less
/// than the pieces hold, because the last page of a file is rarely whole.
int readPieces(int descriptor, int64_t offset, int64_t neededBytes, iovec* pieces, int numPieces) {
  for (int64_t done = 0; done < neededBytes;) {
    const ssize_t count = preadv(descriptor, pieces, numPieces, static_cast<off_t>(offset + done));
    if (count < 0 && errno == EINTR) continue;
    if (count < 0) return errno;
    if (count == 0) return kFileEnded;
    done += count;
    for (size_t left = static_cast<size_t>(count); left > 0;) {
      const size_t step = std::min(left, pieces->iov_len);
      pieces->iov_base = static_cast<uint8_t*>(pieces->iov_base) + step;
      pieces->iov_len -= step;
      left -= step;
      if (pieces->iov_len == 0 && left > 0) ++pieces, --numPieces;
    }
    // A direct read ends within a page only at the end of the file.
    if (done < neededBytes && done % kFilePageBytes != 0) return kFileEnded;
    while (numPieces > 0 && pieces->iov_len == 0) ++pieces, --numPieces;
  }
  return 0;
}

uintptr_t pageMask() {
  static const uintptr_t mask = static_cast<uintptr_t>(sysconf(_SC_PAGESIZE)) - 1;
  return mask;
}

}  // namespace

bool openFile(const char* path, bool isDirect, OpenFile* file, Error* error) {
  const int flags = O_RDONLY | O_CLOEXEC | O_NONBLOCK;
#if defined(O_DIRECT)
  file->descriptor = isDirect ? open(path, flags | O_DIRECT) : -1;
#endif
  file->isDirect = file->descriptor >= 0;
  if (file->descriptor < 0) file->descriptor = open(path, flags);
  if (file->descriptor < 0) return fail(error, ErrorKind::kRead, "cannot open %s: %s", path, std::strerror(errno));
#if defined(F_NOCACHE)
  file->isDirect = isDirect && fcntl(file->descriptor, F_NOCACHE, 1) == 0;
#endif
  return true;
}

void closeFile(const OpenFile& file) { close(file.descriptor); }

int readFile(const OpenFile& file, int64_t offset, int64_t sizeBytes, uint8_t* to, uint8_t* edges) {
  if (!file.isDirect) {
    iovec whole = {to, static_cast<size_t>(sizeBytes)};
    for (int64_t done = 0; done < sizeBytes;) {
      const ssize_t count = preadv(file.descriptor, &whole, 1, static_cast<off_t>(offset + done));
      if (count < 0 && errno == EINTR) continue;
      if (count <= 0) return count < 0 ? errno : kFileEnded;
      done += count;
      whole = {to + done, static_cast<size_t>(sizeBytes - done)};
    }
    return 0;
  }
  // The first and the last page belong to neighbours as well, which other threads may be reading from.
  const int64_t end = offset + sizeBytes;
  const int64_t first = offset / kFilePageBytes * kFilePageBytes;
  const int64_t inner = (offset + kFilePageBytes - 1) / kFilePageBytes * kFilePageBytes;
  const int64_t innerEnd = std::max(inner, end / kFilePageBytes * kFilePageBytes);
  iovec pieces[3];
  int numPieces = 0;
  if (first < inner) pieces[numPieces++] = {edges, static_cast<size_t>(kFilePageBytes)};
  if (inner < innerEnd) pieces[numPieces++] = {to + (inner - offset), static_cast<size_t>(innerEnd - inner)};
  if (innerEnd < end) pieces[numPieces++] = {edges + kFilePageBytes, static_cast<size_t>(kFilePageBytes)};
  const int number = readPieces(file.descriptor, first, end - first, pieces, numPieces);
  if (number != 0) return number;
  if (first < inner) {
    const int64_t headBytes = std::min(end, inner) - offset;
    std::memcpy(to, edges + (offset - first), static_cast<size_t>(headBytes));
  }
  if (innerEnd < end)
    std::memcpy(to + (innerEnd - offset), edges + kFilePageBytes, static_cast<size_t>(end - innerEnd));
  return 0;
}

const char* readFailure(int number) { return number == kFileEnded ? "the file ends before" : std::strerror(number); }

int64_t memoryPageBytes() { return static_cast<int64_t>(pageMask() + 1); }

void discardMemory(uint8_t* memory, int64_t sizeBytes) {
  const uintptr_t mask = pageMask(), begin = (reinterpret_cast<uintptr_t>(memory) + mask) & ~mask,
                  end = (reinterpret_cast<uintptr_t>(memory) + static_cast<uintptr_t>(sizeBytes) + mask) & ~mask;
  if (end <= begin) return;
  void* const pages = reinterpret_cast<void*>(begin);
#if defined(__APPLE__)
  // MADV_DONTNEED does not free there; a new mapping in its place does.
  mmap(pages, end - begin, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_FIXED, -1, 0);
#else
  madvise(pages, end - begin, MADV_DONTNEED);
#endif
}

int64_t absentBytes(const uint8_t* mapped, int64_t sizeBytes) {
#if defined(__linux__)
  const uintptr_t mask = pageMask(), begin = reinterpret_cast<uintptr_t>(mapped) & ~mask,
                  end = (reinterpret_cast<uintptr_t>(mapped) + static_cast<uintptr_t>(sizeBytes) + mask) & ~mask;
  int64_t numAbsent = 0;
  unsigned char isPresent[1024];
  const uintptr_t pageBytes = mask + 1;
  for (uintptr_t at = begin; at < end; at += sizeof isPresent * pageBytes) {
    const uintptr_t length = std::min<uintptr_t>(end - at, sizeof isPresent * pageBytes);
    if (mincore(reinterpret_cast<void*>(at), length, isPresent) != 0) return 0;
    for (uintptr_t i = 0; i < length / pageBytes; ++i) numAbsent += (isPresent[i] & 1) == 0;
  }
  return numAbsent * static_cast<int64_t>(pageBytes);
#else
  (void)mapped;
  (void)sizeBytes;
  return 0;
#endif
}

void populateMapped(const uint8_t* mapped, int64_t sizeBytes) {
  const uintptr_t mask = pageMask(), begin = reinterpret_cast<uintptr_t>(mapped) & ~mask,
                  end = (reinterpret_cast<uintptr_t>(mapped) + static_cast<uintptr_t>(sizeBytes) + mask) & ~mask;
  void* const pages = reinterpret_cast<void*>(begin);
  // The first call asks for all of it at once, so that the device sees one long queue; the second waits for it.
  madvise(pages, end - begin, MADV_WILLNEED);
#if defined(MADV_POPULATE_READ)
  madvise(pages, end - begin, MADV_POPULATE_READ);
#elif defined(__linux__)
  madvise(pages, end - begin, 22 /* MADV_POPULATE_READ, which older headers lack and older kernels refuse */);
#endif
}

}  // namespace host
}  // namespace dots
