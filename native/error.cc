#include "error.h"

#include <cstdarg>
#include <cstdio>

namespace dots {

void Error::set(ErrorKind kind, const char* format, ...) {
  kind_ = kind;
  va_list parts;
  va_start(parts, format);
  std::vsnprintf(message_, sizeof message_, format, parts);
  va_end(parts);
}

const char* errorKindName(ErrorKind kind) {
  switch (kind) {
    case ErrorKind::kNone: return "none";
    case ErrorKind::kInternal: return "internal";
    case ErrorKind::kFormat: return "format";
    case ErrorKind::kUnsupported: return "unsupported";
    case ErrorKind::kResource: return "resource";
    case ErrorKind::kCancelled: return "cancelled";
  }
  return "none";
}

}  // namespace dots
