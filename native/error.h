// How a call of the native backend says that it could not be done: a kind, which becomes a class of error in
// TypeScript, and one line of text. Nothing here allocates, so that running out of memory can be reported.
#pragma once

#include <cstdarg>

namespace dots {

enum class ErrorKind {
  kNone,
  kInternal,     // program, weights or inputs that our own compiler and engine would never hand over
  kFormat,       // a file that was damaged while it was mapped
  kUnsupported,  // sound, but without kernels
  kRead,         // a file that the system cannot read: a disk that fails or is gone
  kResource,     // memory, files or threads that the system does not give
  kCancelled,
};

class Error {
 public:
  explicit operator bool() const { return kind_ != ErrorKind::kNone; }
  ErrorKind kind() const { return kind_; }
  const char* message() const { return message_; }
  void clear() { kind_ = ErrorKind::kNone, message_[0] = '\0'; }
  /// Longer messages are cut.
  void set(ErrorKind kind, const char* format, va_list parts);

 private:
  ErrorKind kind_ = ErrorKind::kNone;
  char message_[512] = "";
};

/// "internal", "format", "unsupported", "read", "resource" or "cancelled".
const char* errorKindName(ErrorKind kind);

/// Sets the error and returns false: `return fail(error, ErrorKind::kResource, "out of memory for %s", what);`
bool fail(Error* error, ErrorKind kind, const char* format, ...) __attribute__((format(printf, 3, 4)));

}  // namespace dots
