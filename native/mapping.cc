#include "mapping.h"

namespace dots {

std::unique_ptr<Mapping> Mapping::open(const std::string& path, Error* error) {
  std::unique_ptr<Mapping> mapping(new Mapping(path));
  if (!host::mapFile(path.c_str(), &mapping->file_, error)) return nullptr;
  return mapping;
}

}  // namespace dots
