#include "mapping.h"

#include <cstring>

namespace dots {

std::unique_ptr<Mapping> Mapping::open(const char* path, Error* error) {
  std::unique_ptr<Mapping> mapping(new Mapping);
  if (!mapping->path_.assign(path, std::strlen(path) + 1)) {
    fail(error, ErrorKind::kResource, "out of memory for the path of a file");
    return nullptr;
  }
  if (!host::mapFile(path, &mapping->file_, error)) return nullptr;
  return mapping;
}

}  // namespace dots
