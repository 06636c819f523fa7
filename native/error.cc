#include "error.h"

#include <cstdio>

namespace dots {

void Error::set(ErrorKind kind, const char* format, va_list parts) {
  kind_ = kind;
  std::vsnprintf(message_, sizeof message_, format, parts);
}

bool fail(Error* error, ErrorKind kind, const char* format, ...) {
  va_list parts;
  va_start(parts, format);
  error->set(kind, format, parts);
  va_end(parts);
  return false;
}

const char* errorKindName(ErrorKind kind) {
  switch (kind) {
    case ErrorKind::kNone: return "none";
    case ErrorKind::kInternal: return "internal";
    case ErrorKind::kFormat: return "format";
    case ErrorKind::kUnsupported: return "unsupported";
    case ErrorKind::kRead: return "read";
    case ErrorKind::kResource: return "resource";
    case ErrorKind::kCancelled: return "cancelled";
  }
  return "none";
}

}  // namespace dots
