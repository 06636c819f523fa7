// JavaScript's values, read with every status of Node-API looked at.
//
// One Call lives as long as one call of an exported function. Its first failure sticks: everything read afterwards is
// zero or empty, so a function reads what it needs and asks ok() once before it uses any of it. finish() throws.
#pragma once

#include <node_api.h>

#include <memory>

#include "error.h"
#include "memory.h"

namespace dots {

/// What a message calls an argument, "weights[3].shape[0]".
struct ArgumentName {
  char text[120] = "";
};

/// A value. What it was read from must live as long as it does.
struct Argument {
  napi_value value;
  const Argument* parent;  // null for an argument itself
  const char* key;         // null for an element
  uint32_t index;

  ArgumentName name() const;
};

/// What a handle in JavaScript's hands refers to. Each object of this type is a tag of its own: handles of another
/// type, another addon, or another copy of this one are refused.
struct HandleType {
  const char* name;
  napi_type_tag tag() const { return {reinterpret_cast<uintptr_t>(this), 0x646f74732e747300}; }
};

class Call {
 public:
  /// `function` is named in every message.
  Call(napi_env env, napi_callback_info info, const char* function);
  /// For what has no arguments: the end of asynchronous work.
  Call(napi_env env, const char* function) : env_(env), function_(function) {}

  napi_env env() const { return env_; }
  bool ok() const { return !hasFailed_; }

  /// What is missing is undefined.
  Argument argument(size_t i, const char* name) const { return {values_[i], nullptr, name, 0}; }
  bool isUndefined(const Argument& value);
  bool has(const Argument& object, const char* key);
  Argument property(const Argument& object, const char* key);
  uint32_t length(const Argument& array, uint32_t min, uint32_t max);
  Argument element(const Argument& array, uint32_t i);

  int64_t integer(const Argument& value, int64_t min, int64_t max);
  /// At the end is a zero byte and nowhere else: C's functions would stop there.
  bool text(const Argument& value, Buffer<char>* result);
  /// The elements of an Int32Array, Float32Array, Float64Array or Uint8Array. JavaScript may take the memory away
  /// whenever it runs: copy them before anything else is read.
  template <class T>
  Span<T> elements(const Argument& value);
  /// Int32Array or Float32Array, as words.
  Span<int32_t> words(const Argument& value, bool* isFloat);
  /// The object that a handle of this type wraps; null with a failure for anything else.
  void* unwrap(const Argument& value, const HandleType& type);

  /// Each false, with the failure recorded unless there was one before.
  bool check(napi_status status, const char* attempt);
  bool fail(const Error& error);
  bool failWith(const char* code, const char* format, ...) __attribute__((format(printf, 3, 4)));
  bool refuse(const Argument& value, const char* expected);
  bool outOfMemory(const char* what);

  napi_value number(double value);
  napi_value text(const char* value);
  /// `object` becomes a handle that owns `data`, which has a method `release(napi_env)`.
  template <class T>
  bool wrap(napi_value object, std::unique_ptr<T> data, const HandleType& type);
  /// A new Uint8Array, Float32Array or Float64Array and the memory of its elements, or a failure where there is no
  /// memory for it.
  napi_value newArray(napi_typedarray_type type, size_t length, void** elements);

  /// For the end of an exported function: throws what failed. An exception of JavaScript's own, from a getter, is kept.
  napi_value finish(napi_value result);
  /// For the rejection of a promise: what failed, as a value. Null where not even that can be had.
  napi_value takeFailure();

 private:
  napi_valuetype typeOf(const Argument& value);
  Span<uint8_t> typed(const Argument& value, napi_typedarray_type type, const char* typeName);

  static constexpr size_t kMaxArguments = 6;
  napi_env env_;
  const char* function_;
  napi_value values_[kMaxArguments] = {};
  bool hasFailed_ = false;
  bool isThrown_ = false;  // JavaScript's exception is pending
  const char* code_ = "internal";
  char message_[600] = "";
};

template <class T>
bool Call::wrap(napi_value object, std::unique_ptr<T> data, const HandleType& type) {
  const auto finalize = [](napi_env env, void* wrapped, void*) {
    std::unique_ptr<T> owned(static_cast<T*>(wrapped));
    owned->release(env);
  };
  if (!ok() || !check(napi_wrap(env_, object, data.get(), finalize, nullptr, nullptr), "wrap a handle")) return false;
  data.release();
  const napi_type_tag tag = type.tag();
  return check(napi_type_tag_object(env_, object, &tag), "tag a handle");
}

/// Holds a value until it is destroyed, on JavaScript's thread.
class Reference {
 public:
  Reference() = default;
  Reference(Reference&& other) noexcept : env_(other.env_), reference_(std::exchange(other.reference_, nullptr)) {}
  ~Reference();
  bool hold(Call& call, napi_value value);
  napi_value get(Call& call) const;

 private:
  napi_env env_ = nullptr;
  napi_ref reference_ = nullptr;
};

class Promise {
 public:
  /// The promise for JavaScript's hands.
  napi_value make(Call& call);
  /// Resolves with `value` if all of `call` went well, and else rejects with what failed. Whoever made it must call
  /// this.
  void settle(Call& call, napi_value value);

 private:
  napi_env env_ = nullptr;
  napi_deferred deferred_ = nullptr;
};

/// Work on libuv's threads and the promise of its result. A subclass holds what the work needs, and has
/// `execute()`, on one of those threads, and `finish(Call&)`, on JavaScript's, which gives the result; it is destroyed
/// after that.
class AsyncWork {
 public:
  explicit AsyncWork(napi_env where) : env_(where) {}
  AsyncWork(const AsyncWork&) = delete;
  virtual ~AsyncWork() {
    if (work_) napi_delete_async_work(env_, work_);
  }

  virtual bool execute(Error* error) = 0;
  virtual napi_value finish(Call& call) = 0;

  /// Gives the promise, for JavaScript's hands, or what `call.finish` throws. `name` is a literal, "run".
  static napi_value start(std::unique_ptr<AsyncWork> work, Call& call, const char* name);

 protected:
  napi_env env() const { return env_; }

 private:
  static void end(napi_env env, napi_status, void* data);

  napi_env env_;
  napi_async_work work_ = nullptr;
  const char* name_ = nullptr;
  Promise promise_;
  bool isDone_ = false;
  Error error_;
};

}  // namespace dots
