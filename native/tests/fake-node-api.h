// As much of Node-API as the addon calls, without Node.js: values are plain structures, and any call can be made to
// fail. What the real one gives only when memory is short or a process ends, a test gets one call after the other.
#pragma once

#include <node_api.h>

#include <cstring>
#include <map>
#include <memory>
#include <string>
#include <vector>

struct napi_value__ {
  napi_valuetype type = napi_undefined;
  double number = 0;
  std::string text;
  std::map<std::string, napi_value> properties;
  bool isArray = false;
  std::vector<napi_value> elements;
  // An ArrayBuffer's memory, or a typed array's place in one.
  std::unique_ptr<uint8_t[]> owned;
  uint8_t* data = nullptr;
  size_t sizeBytes = 0;
  napi_value buffer = nullptr;
  napi_typedarray_type arrayType = napi_uint8_array;
  size_t offset = 0, length = 0;
  napi_callback function = nullptr;
  enum { kNone, kPending, kResolved, kRejected } promise = kNone;
  napi_value settled = nullptr;
  napi_type_tag tag = {};
  void* wrapped = nullptr;
  std::vector<std::pair<napi_finalize, std::pair<void*, void*>>> finalizers;
};
struct napi_callback_info__ {
  std::vector<napi_value> arguments;
};
struct napi_ref__ {
  napi_value value;
};
struct napi_deferred__ {
  napi_value promise;
};
struct napi_async_work__ {
  napi_async_execute_callback execute;
  napi_async_complete_callback complete;
  void* data;
};

/// What JavaScript would hold. Its end finalises every value, as a collector at the end of a process does.
struct napi_env__ {
  std::vector<std::unique_ptr<napi_value__>> values;
  std::vector<napi_async_work> queued;
  napi_value exception = nullptr;
  int numReferences = 0, numWorks = 0, numPromises = 0;
  int64_t adjustedBytes = 0;
  int numCalls = 0, failAt = 0;  // the call of this number fails; 0: none
  std::string failed;            // which one that was

  ~napi_env__() { finalize(); }

  void finalize() {
    for (size_t i = 0; i < values.size(); ++i) {
      for (const auto& [run, arguments] : values[i]->finalizers) run(this, arguments.first, arguments.second);
      values[i]->finalizers.clear();
    }
  }
  napi_value make(napi_valuetype type) {
    values.emplace_back(new napi_value__);
    values.back()->type = type;
    return values.back().get();
  }
  napi_value makeNumber(double number) {
    const napi_value value = make(napi_number);
    value->number = number;
    return value;
  }
  napi_value makeText(std::string text) {
    const napi_value value = make(napi_string);
    value->text = std::move(text);
    return value;
  }
  napi_value makeArray(std::vector<napi_value> elements) {
    const napi_value value = make(napi_object);
    value->isArray = true;
    value->elements = std::move(elements);
    return value;
  }
  napi_value makeObject(std::map<std::string, napi_value> properties) {
    const napi_value value = make(napi_object);
    value->properties = std::move(properties);
    return value;
  }
  napi_value makeBuffer(size_t sizeBytes) {
    const napi_value value = make(napi_object);
    value->owned.reset(new uint8_t[sizeBytes]());
    value->data = value->owned.get();
    value->sizeBytes = sizeBytes;
    return value;
  }
  napi_value makeView(napi_typedarray_type type, napi_value buffer, size_t offset, size_t length) {
    const napi_value value = make(napi_object);
    value->arrayType = type;
    value->buffer = buffer;
    value->offset = offset;
    value->length = length;
    return value;
  }
  template <class T>
  napi_value makeTyped(napi_typedarray_type type, const std::vector<T>& elements) {
    const napi_value buffer = makeBuffer(elements.size() * sizeof(T));
    if (!elements.empty()) memcpy(buffer->data, elements.data(), elements.size() * sizeof(T));
    return makeView(type, buffer, 0, elements.size());
  }
  void raise(const char* code, const char* message) {
    exception = makeObject({{"code", makeText(code ? code : "")}, {"message", makeText(message)}});
  }

  /// Each function of the API begins with it.
  bool fails(const char* name) {
    if (++numCalls != failAt) return false;
    failed = name;
    return true;
  }
};

#define FAKE_CALL(name) \
  if (env->fails(name)) return napi_generic_failure
/// For calls that could run JavaScript.
#define FAKE_SCRIPT(name) \
  FAKE_CALL(name);        \
  if (env->exception) return napi_pending_exception

extern "C" {

napi_status napi_get_cb_info(napi_env env, napi_callback_info info, size_t* count, napi_value* values, napi_value*,
                             void**) {
  FAKE_CALL("get_cb_info");
  for (size_t i = 0; i < *count; ++i)
    values[i] = i < info->arguments.size() ? info->arguments[i] : env->make(napi_undefined);
  return napi_ok;
}
napi_status napi_typeof(napi_env env, napi_value value, napi_valuetype* result) {
  FAKE_CALL("typeof");
  return *result = value->type, napi_ok;
}
napi_status napi_has_named_property(napi_env env, napi_value object, const char* key, bool* result) {
  FAKE_SCRIPT("has_named_property");
  return *result = object->properties.count(key) > 0, napi_ok;
}
napi_status napi_get_named_property(napi_env env, napi_value object, const char* key, napi_value* result) {
  FAKE_SCRIPT("get_named_property");
  const auto found = object->properties.find(key);
  *result = found == object->properties.end() ? env->make(napi_undefined) : found->second;
  return napi_ok;
}
napi_status napi_set_named_property(napi_env env, napi_value object, const char* key, napi_value value) {
  FAKE_SCRIPT("set_named_property");
  return object->properties[key] = value, napi_ok;
}
napi_status napi_get_array_length(napi_env env, napi_value array, uint32_t* length) {
  FAKE_CALL("get_array_length");
  if (!array->isArray) return napi_array_expected;
  return *length = static_cast<uint32_t>(array->elements.size()), napi_ok;
}
napi_status napi_get_element(napi_env env, napi_value array, uint32_t i, napi_value* result) {
  FAKE_SCRIPT("get_element");
  return *result = i < array->elements.size() ? array->elements[i] : env->make(napi_undefined), napi_ok;
}
napi_status napi_set_element(napi_env env, napi_value array, uint32_t i, napi_value value) {
  FAKE_SCRIPT("set_element");
  if (i >= array->elements.size()) array->elements.resize(i + 1);
  return array->elements[i] = value, napi_ok;
}
napi_status napi_get_value_double(napi_env env, napi_value value, double* result) {
  FAKE_CALL("get_value_double");
  if (value->type != napi_number) return napi_number_expected;
  return *result = value->number, napi_ok;
}
napi_status napi_get_value_string_utf8(napi_env env, napi_value value, char* text, size_t size, size_t* length) {
  FAKE_CALL("get_value_string_utf8");
  if (value->type != napi_string) return napi_string_expected;
  *length = text && size <= value->text.size() ? size - 1 : value->text.size();
  if (text) memcpy(text, value->text.c_str(), *length), text[*length] = '\0';
  return napi_ok;
}
napi_status napi_get_typedarray_info(napi_env env, napi_value value, napi_typedarray_type* type, size_t* length,
                                     void** data, napi_value* buffer, size_t* offset) {
  FAKE_CALL("get_typedarray_info");
  if (!value->buffer) return napi_invalid_arg;
  const bool isDetached = !value->buffer->data;
  if (type) *type = value->arrayType;
  if (length) *length = isDetached ? 0 : value->length;
  if (data) *data = isDetached ? nullptr : value->buffer->data + value->offset;
  if (buffer) *buffer = value->buffer;
  if (offset) *offset = value->offset;
  return napi_ok;
}
napi_status napi_check_object_type_tag(napi_env env, napi_value value, const napi_type_tag* tag, bool* result) {
  FAKE_SCRIPT("check_object_type_tag");
  return *result = value->tag.lower == tag->lower && value->tag.upper == tag->upper, napi_ok;
}
napi_status napi_type_tag_object(napi_env env, napi_value value, const napi_type_tag* tag) {
  FAKE_SCRIPT("type_tag_object");
  return value->tag = *tag, napi_ok;
}
napi_status napi_wrap(napi_env env, napi_value object, void* data, napi_finalize finalize, void* hint, napi_ref*) {
  FAKE_SCRIPT("wrap");
  object->wrapped = data;
  object->finalizers.push_back({finalize, {data, hint}});
  return napi_ok;
}
napi_status napi_unwrap(napi_env env, napi_value object, void** data) {
  FAKE_SCRIPT("unwrap");
  return *data = object->wrapped, napi_ok;
}
napi_status napi_get_undefined(napi_env env, napi_value* result) {
  FAKE_CALL("get_undefined");
  return *result = env->make(napi_undefined), napi_ok;
}
napi_status napi_get_global(napi_env env, napi_value* result) {
  FAKE_CALL("get_global");
  const napi_value floats = env->make(napi_function), doubles = env->make(napi_function);
  floats->arrayType = napi_float32_array;
  doubles->arrayType = napi_float64_array;
  return *result = env->makeObject({{"Float32Array", floats}, {"Float64Array", doubles}}), napi_ok;
}
napi_status napi_new_instance(napi_env env, napi_value constructor, size_t, const napi_value* arguments,
                              napi_value* result) {
  if (env->exception) return napi_pending_exception;
  if (env->fails("new_instance")) return env->raise(nullptr, "Array buffer allocation failed"), napi_pending_exception;
  const size_t length = static_cast<size_t>(arguments[0]->number);
  const size_t elementBytes = constructor->arrayType == napi_float32_array ? 4 : 8;
  *result = env->makeView(constructor->arrayType, env->makeBuffer(length * elementBytes), 0, length);
  return napi_ok;
}
napi_status napi_create_double(napi_env env, double number, napi_value* result) {
  FAKE_CALL("create_double");
  return *result = env->makeNumber(number), napi_ok;
}
napi_status napi_create_string_utf8(napi_env env, const char* text, size_t, napi_value* result) {
  FAKE_CALL("create_string_utf8");
  return *result = env->makeText(text), napi_ok;
}
napi_status napi_create_object(napi_env env, napi_value* result) {
  FAKE_CALL("create_object");
  return *result = env->make(napi_object), napi_ok;
}
napi_status napi_create_array_with_length(napi_env env, size_t length, napi_value* result) {
  FAKE_CALL("create_array_with_length");
  return *result = env->makeArray(std::vector<napi_value>(length)), napi_ok;
}
napi_status napi_create_function(napi_env env, const char*, size_t, napi_callback function, void*, napi_value* result) {
  FAKE_SCRIPT("create_function");
  *result = env->make(napi_function);
  return (*result)->function = function, napi_ok;
}
napi_status napi_create_external_arraybuffer(napi_env env, void* data, size_t sizeBytes, napi_finalize finalize,
                                             void* hint, napi_value* result) {
  FAKE_CALL("create_external_arraybuffer");
  *result = env->make(napi_object);
  (*result)->data = static_cast<uint8_t*>(data);
  (*result)->sizeBytes = sizeBytes;
  (*result)->finalizers.push_back({finalize, {data, hint}});
  return napi_ok;
}
napi_status napi_detach_arraybuffer(napi_env env, napi_value buffer) {
  FAKE_CALL("detach_arraybuffer");
  buffer->data = nullptr;
  return buffer->sizeBytes = 0, napi_ok;
}
napi_status napi_adjust_external_memory(napi_env env, int64_t change, int64_t* total) {
  FAKE_CALL("adjust_external_memory");
  return *total = env->adjustedBytes += change, napi_ok;
}
// The next three cannot fail, but for the end of JavaScript; nobody could do anything about it.
napi_status napi_throw_error(napi_env env, const char* code, const char* message) {
  return env->raise(code, message), napi_ok;
}
napi_status napi_throw_type_error(napi_env env, const char* code, const char* message) {
  return env->raise(code, message), napi_ok;
}
napi_status napi_is_exception_pending(napi_env env, bool* result) {
  return *result = env->exception != nullptr, napi_ok;
}
napi_status napi_get_and_clear_last_exception(napi_env env, napi_value* result) {
  FAKE_CALL("get_and_clear_last_exception");
  *result = env->exception;
  return env->exception = nullptr, napi_ok;
}
napi_status napi_create_error(napi_env env, napi_value code, napi_value message, napi_value* result) {
  FAKE_CALL("create_error");
  return *result = env->makeObject({{"code", code}, {"message", message}}), napi_ok;
}
napi_status napi_create_reference(napi_env env, napi_value value, uint32_t, napi_ref* result) {
  FAKE_CALL("create_reference");
  ++env->numReferences;
  return *result = new napi_ref__{value}, napi_ok;
}
napi_status napi_delete_reference(napi_env env, napi_ref reference) {
  --env->numReferences;
  return delete reference, napi_ok;
}
napi_status napi_get_reference_value(napi_env env, napi_ref reference, napi_value* result) {
  FAKE_CALL("get_reference_value");
  return *result = reference->value, napi_ok;
}
napi_status napi_create_promise(napi_env env, napi_deferred* deferred, napi_value* promise) {
  FAKE_SCRIPT("create_promise");
  *promise = env->make(napi_object);
  (*promise)->promise = napi_value__::kPending;
  ++env->numPromises;
  return *deferred = new napi_deferred__{*promise}, napi_ok;
}
napi_status napi_resolve_deferred(napi_env env, napi_deferred deferred, napi_value value) {
  if (env->exception) return napi_pending_exception;
  deferred->promise->promise = napi_value__::kResolved;
  deferred->promise->settled = value;
  --env->numPromises;
  return delete deferred, napi_ok;
}
napi_status napi_reject_deferred(napi_env env, napi_deferred deferred, napi_value value) {
  if (env->exception) return napi_pending_exception;
  deferred->promise->promise = napi_value__::kRejected;
  deferred->promise->settled = value;
  --env->numPromises;
  return delete deferred, napi_ok;
}
napi_status napi_create_async_work(napi_env env, napi_value, napi_value, napi_async_execute_callback execute,
                                   napi_async_complete_callback complete, void* data, napi_async_work* result) {
  FAKE_CALL("create_async_work");
  ++env->numWorks;
  return *result = new napi_async_work__{execute, complete, data}, napi_ok;
}
napi_status napi_delete_async_work(napi_env env, napi_async_work work) {
  --env->numWorks;
  return delete work, napi_ok;
}
napi_status napi_queue_async_work(napi_env env, napi_async_work work) {
  FAKE_CALL("queue_async_work");
  return env->queued.push_back(work), napi_ok;
}

}  // extern "C"
