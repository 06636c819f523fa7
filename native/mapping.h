// Files mapped into memory for reading, each once for all weights that lie in it.
#pragma once

#include <cstdint>
#include <memory>

#include "host.h"
#include "memory.h"

namespace dots {

class Mapping {
 public:
  /// Maps the whole file. Null with `error` set where that fails.
  static std::unique_ptr<Mapping> open(const char* path, Error* error);
  ~Mapping() { host::unmapFile(file_); }
  Mapping(const Mapping&) = delete;
  Mapping& operator=(const Mapping&) = delete;

  const uint8_t* data() const { return file_.data; }
  int64_t size() const { return file_.sizeBytes; }
  const char* path() const { return path_.data(); }
  /// Whether what was read since the file was opened may be zeros in place of the file's bytes.
  bool isDamaged() const { return host::isDamaged(file_); }

 private:
  Mapping() = default;
  Buffer<char> path_;
  host::MappedFile file_;
};

}  // namespace dots
