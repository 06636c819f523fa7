#include "encode/encode-rows.h"

#include "addon/handles.h"

namespace dots {
namespace {

/// One encoding, of copies: JavaScript may change or give away its arrays meanwhile.
struct EncodeWork final : AsyncWork {
  using AsyncWork::AsyncWork;
  bool execute(Error* error) override { return encodeRows(rows, *device, error); }
  napi_value finish(Call& call) override { return output.get(call); }

  std::shared_ptr<Device> device;
  Buffer<float> values, importance;
  EncodeRows rows;
  Reference output;
};

bool readRows(Call& call, EncodeWork& work) {
  EncodeRows& rows = work.rows;
  rows.type = static_cast<StorageId>(call.integer(call.argument(0, "type"), INT32_MIN, INT32_MAX));
  rows.numCols = call.integer(call.argument(2, "numCols"), 1, INT32_MAX);
  const Argument valueList = call.argument(1, "values"), importanceList = call.argument(3, "importance");
  const Span<float> values = call.elements<float>(valueList);
  if (!work.values.assign(values.data(), values.size())) return call.outOfMemory("values");
  if (!call.isUndefined(importanceList)) {
    const Span<float> importance = call.elements<float>(importanceList);
    if (!work.importance.assign(importance.data(), importance.size())) return call.outOfMemory("importance");
    if (call.ok() && static_cast<int64_t>(importance.size()) != rows.numCols)
      call.refuse(importanceList, "a weight for each column");
    rows.importance = work.importance.data();
  }
  int32_t blockElements = 1, blockBytes = 0;
  if (call.ok() && !encodedBlock(rows.type, &blockElements, &blockBytes))
    call.failWith(errorKindName(ErrorKind::kUnsupported), "type %d has no encoder", static_cast<int>(rows.type));
  if (call.ok() && (work.values.empty() || static_cast<int64_t>(work.values.size()) % rows.numCols != 0))
    call.refuse(valueList, "whole rows");
  if (!call.ok()) return false;
  rows.values = work.values.data();
  rows.numRows = static_cast<int64_t>(work.values.size()) / rows.numCols;
  void* data = nullptr;
  const size_t sizeBytes = work.values.size() / static_cast<size_t>(blockElements) * static_cast<size_t>(blockBytes);
  const napi_value array = call.newArray(napi_uint8_array, sizeBytes, &data);
  rows.out = static_cast<uint8_t*>(data);
  return call.ok() && work.output.hold(call, array);
}

}  // namespace

napi_value encode(napi_env env, napi_callback_info info) {
  Call call(env, info, "encode");
  const DeviceHandle* const handle = static_cast<DeviceHandle*>(call.unwrap(call.argument(4, "device"), kDevice));
  std::unique_ptr<EncodeWork> work(new EncodeWork(env));
  if (handle) work->device = handle->device;
  if (!call.ok() || !readRows(call, *work)) return call.finish(nullptr);
  return AsyncWork::start(std::move(work), call, "encode");
}

}  // namespace dots
