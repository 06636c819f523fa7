#include "addon/call.h"

#include <cinttypes>
#include <cmath>
#include <cstdarg>
#include <cstdio>
#include <cstring>

namespace dots {
namespace {

constexpr const char* kBadArgument = "bad-argument";
/// A path longer than this is none.
constexpr size_t kMaxTextBytes = 1 << 16;

template <class T>
struct ArrayType;
template <>
struct ArrayType<uint8_t> {
  static constexpr napi_typedarray_type kType = napi_uint8_array;
  static constexpr const char* kName = "a Uint8Array";
};
template <>
struct ArrayType<int32_t> {
  static constexpr napi_typedarray_type kType = napi_int32_array;
  static constexpr const char* kName = "an Int32Array";
};
template <>
struct ArrayType<float> {
  static constexpr napi_typedarray_type kType = napi_float32_array;
  static constexpr const char* kName = "a Float32Array";
};
template <>
struct ArrayType<double> {
  static constexpr napi_typedarray_type kType = napi_float64_array;
  static constexpr const char* kName = "a Float64Array";
};

}  // namespace

ArgumentName Argument::name() const {
  ArgumentName name = parent ? parent->name() : ArgumentName();
  const size_t at = std::strlen(name.text), left = sizeof name.text - at;
  if (key)
    std::snprintf(name.text + at, left, parent ? ".%s" : "%s", key);
  else
    std::snprintf(name.text + at, left, "[%" PRIu32 "]", index);
  return name;
}

Call::Call(napi_env env, napi_callback_info info, const char* function) : env_(env), function_(function) {
  size_t count = kMaxArguments;
  check(napi_get_cb_info(env, info, &count, values_, nullptr, nullptr), "give the arguments");
}

bool Call::isUndefined(const Argument& value) { return typeOf(value) == napi_undefined; }

napi_valuetype Call::typeOf(const Argument& value) {
  napi_valuetype type = napi_undefined;
  if (ok()) check(napi_typeof(env_, value.value, &type), "read a value's type");
  return type;
}

bool Call::has(const Argument& object, const char* key) {
  bool result = false;
  if (typeOf(object) != napi_object) return refuse(object, "an object");
  return check(napi_has_named_property(env_, object.value, key, &result), "look for a property") && result;
}

Argument Call::property(const Argument& object, const char* key) {
  Argument result{nullptr, &object, key, 0};
  if (typeOf(object) != napi_object)
    refuse(object, "an object");
  else
    check(napi_get_named_property(env_, object.value, key, &result.value), "read a property");
  return result;
}

uint32_t Call::length(const Argument& array, uint32_t min, uint32_t max) {
  uint32_t result = 0;
  if (!ok()) return 0;
  if (napi_get_array_length(env_, array.value, &result) != napi_ok) return refuse(array, "an array"), 0;
  if (result >= min && result <= max) return result;
  failWith(kBadArgument, "%s: %s has %" PRIu32 " elements instead of %" PRIu32 " to %" PRIu32, function_,
           array.name().text, result, min, max);
  return 0;
}

Argument Call::element(const Argument& array, uint32_t i) {
  Argument result{nullptr, &array, nullptr, i};
  if (ok()) check(napi_get_element(env_, array.value, i, &result.value), "read an element");
  return result;
}

int64_t Call::integer(const Argument& value, int64_t min, int64_t max) {
  double number = 0;
  if (!ok()) return 0;
  // Not a cast before it is known to fit: that has no defined result in C++.
  const bool isNumber = napi_get_value_double(env_, value.value, &number) == napi_ok;
  constexpr double kMaxExact = 9007199254740991;  // beyond it a double names several integers
  const bool isExact = isNumber && std::fabs(number) <= kMaxExact && std::trunc(number) == number;
  if (isExact && static_cast<int64_t>(number) >= min && static_cast<int64_t>(number) <= max)
    return static_cast<int64_t>(number);
  char found[40] = "";
  if (isNumber) std::snprintf(found, sizeof found, ", not %.17g", number);
  failWith(kBadArgument, "%s: %s must be an integer from %" PRId64 " to %" PRId64 "%s", function_, value.name().text,
           min, max, found);
  return 0;
}

bool Call::text(const Argument& value, Buffer<char>* result) {
  size_t length = 0;
  if (!ok()) return false;
  if (napi_get_value_string_utf8(env_, value.value, nullptr, 0, &length) != napi_ok || length > kMaxTextBytes)
    return refuse(value, "a string of at most 65,536 bytes");
  if (!result->resize(length + 1)) return outOfMemory("a string");
  if (!check(napi_get_value_string_utf8(env_, value.value, result->data(), length + 1, &length), "copy a string"))
    return false;
  return std::strlen(result->data()) + 1 == result->size() || refuse(value, "a string without zero bytes");
}

Span<uint8_t> Call::typed(const Argument& value, napi_typedarray_type expected, const char* typeName) {
  napi_typedarray_type type = napi_int8_array;
  void* data = nullptr;
  size_t length = 0;
  if (!ok()) return {};
  const napi_status status = napi_get_typedarray_info(env_, value.value, &type, &length, &data, nullptr, nullptr);
  if (status == napi_ok && type == expected) return {static_cast<const uint8_t*>(data), data ? length : 0};
  refuse(value, typeName);
  return {};
}

template <class T>
Span<T> Call::elements(const Argument& value) {
  const Span<uint8_t> found = typed(value, ArrayType<T>::kType, ArrayType<T>::kName);
  return {reinterpret_cast<const T*>(found.data()), found.size()};
}
template Span<uint8_t> Call::elements(const Argument& value);
template Span<int32_t> Call::elements(const Argument& value);
template Span<float> Call::elements(const Argument& value);
template Span<double> Call::elements(const Argument& value);

Span<int32_t> Call::words(const Argument& value, bool* isFloat) {
  static_assert(sizeof(float) == sizeof(int32_t), "both are words");
  napi_typedarray_type type = napi_int8_array;
  *isFloat = ok() &&
             napi_get_typedarray_info(env_, value.value, &type, nullptr, nullptr, nullptr, nullptr) == napi_ok &&
             type == napi_float32_array;
  const Span<uint8_t> found =
      typed(value, *isFloat ? napi_float32_array : napi_int32_array, "an Int32Array or a Float32Array");
  return {reinterpret_cast<const int32_t*>(found.data()), found.size()};
}

void* Call::unwrap(const Argument& value, const HandleType& type) {
  const napi_type_tag tag = type.tag();
  bool isOurs = false;
  void* data = nullptr;
  // Node-API would throw an error of its own for anything but an object.
  if (typeOf(value) == napi_object) check(napi_check_object_type_tag(env_, value.value, &tag, &isOurs), "read a tag");
  if (!isOurs) return refuse(value, type.name), nullptr;
  return check(napi_unwrap(env_, value.value, &data), "unwrap a handle") ? data : nullptr;
}

bool Call::check(napi_status status, const char* attempt) {
  if (status == napi_ok) return true;
  if (!ok()) return false;
  hasFailed_ = true;
  bool isPending = false;
  isThrown_ = napi_is_exception_pending(env_, &isPending) == napi_ok && isPending;
  std::snprintf(message_, sizeof message_, "%s: Node.js could not %s (status %d)", function_, attempt,
                static_cast<int>(status));
  return false;
}

bool Call::fail(const Error& error) { return failWith(errorKindName(error.kind()), "%s", error.message()); }

bool Call::failWith(const char* code, const char* format, ...) {
  if (!ok()) return false;
  hasFailed_ = true;
  code_ = code;
  va_list parts;
  va_start(parts, format);
  std::vsnprintf(message_, sizeof message_, format, parts);
  va_end(parts);
  return false;
}

bool Call::refuse(const Argument& value, const char* expected) {
  return failWith(kBadArgument, "%s: %s must be %s", function_, value.name().text, expected);
}

bool Call::outOfMemory(const char* what) {
  return failWith(errorKindName(ErrorKind::kResource), "out of memory for %s", what);
}

napi_value Call::number(double value) {
  napi_value result = nullptr;
  return ok() && check(napi_create_double(env_, value, &result), "make a number") ? result : nullptr;
}

napi_value Call::text(const char* value) {
  napi_value result = nullptr;
  const bool isMade = ok() && check(napi_create_string_utf8(env_, value, NAPI_AUTO_LENGTH, &result), "make a string");
  return isMade ? result : nullptr;
}

napi_value Call::newArray(napi_typedarray_type type, size_t length, void** elements) {
  const char* const typeName = type == napi_uint8_array     ? "Uint8Array"
                               : type == napi_float32_array ? "Float32Array"
                                                            : "Float64Array";
  // Through the constructor: napi_create_arraybuffer ends the process where memory is short, a constructor throws.
  napi_value global = nullptr, constructor = nullptr, array = nullptr;
  const napi_value count = number(static_cast<double>(length));
  if (!ok() || !check(napi_get_global(env_, &global), "give its global object") ||
      !check(napi_get_named_property(env_, global, typeName, &constructor), "find a typed array's constructor"))
    return nullptr;
  if (napi_new_instance(env_, constructor, 1, &count, &array) != napi_ok) {
    napi_value exception = nullptr;
    napi_get_and_clear_last_exception(env_, &exception);
    return failWith(errorKindName(ErrorKind::kResource), "out of memory for a %s of %zu elements", typeName, length),
           nullptr;
  }
  size_t found = 0;
  napi_typedarray_type foundType = napi_int8_array;
  const bool isMade = check(napi_get_typedarray_info(env_, array, &foundType, &found, elements, nullptr, nullptr),
                            "look into a typed array");
  if (isMade && (found != length || foundType != type))
    failWith("internal", "%s: %s is not Node.js's own", function_, typeName);
  return ok() ? array : nullptr;
}

napi_value Call::finish(napi_value result) {
  if (ok()) return result;
  // Where even this fails JavaScript cannot run any more, and nobody waits for an answer.
  if (isThrown_) return nullptr;
  const auto raise = std::strcmp(code_, kBadArgument) == 0 ? napi_throw_type_error : napi_throw_error;
  raise(env_, code_, message_);
  return nullptr;
}

napi_value Call::takeFailure() {
  napi_value code = nullptr, message = nullptr, failure = nullptr;
  if (isThrown_) return napi_get_and_clear_last_exception(env_, &failure) == napi_ok ? failure : nullptr;
  const bool isMade = napi_create_string_utf8(env_, code_, NAPI_AUTO_LENGTH, &code) == napi_ok &&
                      napi_create_string_utf8(env_, message_, NAPI_AUTO_LENGTH, &message) == napi_ok &&
                      napi_create_error(env_, code, message, &failure) == napi_ok;
  return isMade ? failure : nullptr;
}

Reference::~Reference() {
  if (reference_) napi_delete_reference(env_, reference_);
}

bool Reference::hold(Call& call, napi_value value) {
  env_ = call.env();
  return call.ok() && call.check(napi_create_reference(env_, value, 1, &reference_), "hold an output");
}

napi_value Reference::get(Call& call) const {
  napi_value value = nullptr;
  const bool isThere =
      call.ok() && call.check(napi_get_reference_value(env_, reference_, &value), "give back an output");
  return isThere ? value : nullptr;
}

napi_value Promise::make(Call& call) {
  env_ = call.env();
  napi_value promise = nullptr;
  const bool isMade = call.ok() && call.check(napi_create_promise(env_, &deferred_, &promise), "make a promise");
  return isMade ? promise : nullptr;
}

void Promise::settle(Call& call, napi_value value) {
  if (!deferred_) return;
  const napi_deferred deferred = std::exchange(deferred_, nullptr);
  // One of them frees `deferred`, even where it fails: JavaScript is at its end then.
  if (call.ok()) {
    napi_resolve_deferred(env_, deferred, value);
    return;
  }
  napi_value failure = call.takeFailure();
  if (!failure) napi_get_undefined(env_, &failure);
  napi_reject_deferred(env_, deferred, failure);
}

napi_value AsyncWork::start(std::unique_ptr<AsyncWork> work, Call& call, const char* name) {
  const auto run = [](napi_env, void* data) {
    AsyncWork* const own = static_cast<AsyncWork*>(data);
    own->isDone_ = own->execute(&own->error_);
  };
  work->name_ = name;
  const napi_value label = call.text(name);
  if (!call.ok() || !call.check(napi_create_async_work(call.env(), nullptr, label, run, end, work.get(), &work->work_),
                                "prepare work"))
    return call.finish(nullptr);
  // From here on whoever called waits for the promise.
  const napi_value promise = work->promise_.make(call);
  if (!promise) return call.finish(nullptr);
  if (call.check(napi_queue_async_work(call.env(), work->work_), "start work"))
    work.release();
  else
    work->promise_.settle(call, nullptr);
  return promise;
}

void AsyncWork::end(napi_env env, napi_status, void* data) {
  const std::unique_ptr<AsyncWork> work(static_cast<AsyncWork*>(data));
  Call call(env, work->name_);
  // Work that Node.js cancels at its end was never started.
  if (!work->isDone_ && !work->error_) dots::fail(&work->error_, ErrorKind::kCancelled, "cancelled");
  if (!work->isDone_) call.fail(work->error_);
  napi_value result = call.ok() ? work->finish(call) : nullptr;
  work->promise_.settle(call, result);
}

}  // namespace dots
