// Files for tests of what reads files.
#pragma once

#include <cstdint>
#include <cstdlib>
#include <string>
#include <unistd.h>
#include <vector>

#include "check.h"

namespace dots {

/// A file of these bytes in the system's folder for such things, gone at the end.
class TemporaryFile {
 public:
  explicit TemporaryFile(const std::vector<uint8_t>& bytes) {
    const char* folder = std::getenv("TMPDIR");
    path_ = std::string(folder ? folder : "/tmp") + "/dots-mapping-XXXXXX";
    const int file = mkstemp(&path_[0]);
    CHECK(file >= 0 && write(file, bytes.data(), bytes.size()) == static_cast<ssize_t>(bytes.size()), "cannot write %s",
          path_.c_str());
    close(file);
  }
  ~TemporaryFile() { unlink(path_.c_str()); }
  const std::string& path() const { return path_; }
  void truncate(int64_t size) { CHECK(::truncate(path_.c_str(), size) == 0, "cannot truncate %s", path_.c_str()); }

 private:
  std::string path_;
};

}  // namespace dots
