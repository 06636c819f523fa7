// The exported functions. Together with this folder's other files, all that knows Node.js: JavaScript values in, C++
// structures out, and back.
#include "addon/handles.h"
#include "kernels/quantize-rows.h"
#include "kernels/storage.h"
#include "machine-limits.h"

namespace dots {
namespace {

/// activationKind(type) -> 0, 1, 2 or -1 for a type without kernels
napi_value activationKind(napi_env env, napi_callback_info info) {
  Call call(env, info, "activationKind");
  const int64_t type = call.integer(call.argument(0, "type"), INT32_MIN, INT32_MAX);
  const StorageInfo* const storage = storageInfo(static_cast<int32_t>(type));
  return call.finish(call.number(storage ? static_cast<double>(storage->activation) : -1));
}

/// activationRowBytes(kind, numCols)
napi_value rowBytes(napi_env env, napi_callback_info info) {
  Call call(env, info, "activationRowBytes");
  const int64_t kind = call.integer(call.argument(0, "kind"), 0, static_cast<int64_t>(Activation::kQ256));
  const int64_t numCols = call.integer(call.argument(1, "numCols"), 0, INT32_MAX);
  const int64_t sizeBytes = activationRowBytes(static_cast<Activation>(kind), numCols);
  return call.finish(call.number(static_cast<double>(sizeBytes)));
}

/// limits(device) -> [bytes read, f32 multiply-adds, 8-bit multiply-adds], each per second
napi_value limits(napi_env env, napi_callback_info info) {
  Call call(env, info, "limits");
  const DeviceHandle* const handle = static_cast<DeviceHandle*>(call.unwrap(call.argument(0, "device"), kDevice));
  if (!call.ok()) return call.finish(nullptr);
  Limits measured;
  Error error;
  if (!measureLimits(*handle->device, &measured, &error)) call.fail(error);
  void* data = nullptr;
  const napi_value result = call.newArray(napi_float64_array, 3, &data);
  if (result) {
    double* const values = static_cast<double*>(data);
    values[0] = measured.readBytesPerSecond;
    values[1] = measured.floatMultipliesPerSecond;
    values[2] = measured.byteMultipliesPerSecond;
  }
  return call.finish(result);
}

/// isas() -> names of the instruction sets that this machine runs, from the plainest to the best
napi_value isas(napi_env env, napi_callback_info info) {
  Call call(env, info, "isas");
  napi_value result = nullptr;
  uint32_t count = 0;
  call.check(napi_create_array_with_length(env, 0, &result), "make a list");
  for (const Isa isa : kAllIsas) {
    if (!isaSupported(isa)) continue;
    const napi_value name = call.text(isaName(isa));
    if (call.ok()) call.check(napi_set_element(env, result, count++, name), "fill a list");
  }
  return call.finish(result);
}

}  // namespace
}  // namespace dots

/// The version of the functions exported here; `src/backend/native/addon.ts` refuses any other. Raise it in both places
/// when a function is added or takes or returns something else.
constexpr double kInterfaceVersion = 3;

NAPI_MODULE_INIT() {
  const struct {
    const char* name;
    napi_callback function;
  } exported[] = {
      {"load", dots::load},
      {"run", dots::run},
      {"encode", dots::encode},
      {"minhash", dots::minhash},
      {"shingles", dots::shingles},
      {"seconds", dots::seconds},
      {"expertStats", dots::expertStats},
      {"allocate", dots::allocate},
      {"free", dots::freeBuffer},
      {"cancel", dots::cancel},
      {"close", dots::closeHandle},
      {"isas", dots::isas},
      {"openDevice", dots::openDevice},
      {"activationKind", dots::activationKind},
      {"activationRowBytes", dots::rowBytes},
      {"limits", dots::limits},
  };
  dots::Call call(env, "loading the addon");
  for (const auto& entry : exported) {
    napi_value function = nullptr;
    if (!call.check(napi_create_function(env, entry.name, NAPI_AUTO_LENGTH, entry.function, nullptr, &function),
                    "make a function") ||
        !call.check(napi_set_named_property(env, exports, entry.name, function), "export a function"))
      break;
  }
  const napi_value version = call.number(kInterfaceVersion);
  if (call.ok())
    call.check(napi_set_named_property(env, exports, "interfaceVersion", version), "export the interface's version");
  return call.finish(exports);
}
