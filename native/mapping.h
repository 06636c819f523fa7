// Files mapped into memory for reading, shared with every other process that maps them.
//
// A file may shrink or its disk may fail while it is mapped; reading then raises SIGBUS, which would end the process.
// Here a page of zeros is put in the place of the missing one, the mapping remembers that it happened, and the program
// that read it ends with an error.
#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>
#include <string>

namespace dots {

class Mapping {
 public:
  /// Maps the whole file. Null with `error` set where that fails.
  static std::unique_ptr<Mapping> open(const std::string& path, std::string* error);
  ~Mapping();
  Mapping(const Mapping&) = delete;
  Mapping& operator=(const Mapping&) = delete;

  const uint8_t* data() const { return data_; }
  int64_t size() const { return size_; }
  const std::string& path() const { return path_; }
  /// Whether a page could not be read since the file was opened.
  bool isDamaged() const;

 private:
  Mapping(const std::string& path, uint8_t* data, int64_t size, int slot)
      : path_(path), data_(data), size_(size), slot_(slot) {}
  std::string path_;
  uint8_t* data_;
  int64_t size_;
  int slot_;
};

}  // namespace dots
