// MinHash and shingles for src/data/dedup/: short enough to run on JavaScript's thread.
#include "addon/handles.h"
#include "shingles.h"

namespace dots {
namespace {

// JavaScript runs no more once the last array is looked at, so the memory of the first stays where it is; what comes
// before the text is copied.
bool readWords(Call& call, const Argument& list, Buffer<uint32_t>* words) {
  const Span<int32_t> found = call.elements<int32_t>(list);
  return words->assign(reinterpret_cast<const uint32_t*>(found.data()), found.size()) ||
         call.outOfMemory("hash functions");
}

int readShingleTokens(Call& call) {
  return static_cast<int>(call.integer(call.argument(1, "shingleTokens"), 1, kMaxShingleTokens));
}

}  // namespace

napi_value minhash(napi_env env, napi_callback_info info) {
  Call call(env, info, "minhash");
  const int shingleTokens = readShingleTokens(call);
  const Argument flipList = call.argument(2, "flips"), multiplierList = call.argument(3, "multipliers");
  Buffer<uint32_t> flips, multipliers;
  readWords(call, flipList, &flips);
  readWords(call, multiplierList, &multipliers);
  const DeviceHandle* const handle = static_cast<DeviceHandle*>(call.unwrap(call.argument(4, "device"), kDevice));
  if (call.ok() && (flips.empty() || flips.size() % static_cast<size_t>(kMinhashGroup) != 0))
    call.refuse(flipList, "a multiple of 64 words");
  if (call.ok() && multipliers.size() != flips.size()) call.refuse(multiplierList, "a word for each of the flips");
  if (!call.ok()) return call.finish(nullptr);
  void* data = nullptr;
  const napi_value result = call.newArray(napi_uint8_array, 4 * flips.size(), &data);
  const Span<uint8_t> text = call.elements<uint8_t>(call.argument(0, "tokens"));
  if (!call.ok()) return call.finish(nullptr);
  minhashText(text, shingleTokens, flips, multipliers, handle->device->kernels, static_cast<uint32_t*>(data));
  return call.finish(result);
}

napi_value shingles(napi_env env, napi_callback_info info) {
  Call call(env, info, "shingles");
  const int shingleTokens = readShingleTokens(call);
  const Span<uint8_t> text = call.elements<uint8_t>(call.argument(0, "tokens"));
  Buffer<uint64_t> hashes;
  Error error;
  if (!call.ok()) return call.finish(nullptr);
  if (!shingleSet(text, shingleTokens, &hashes, &error)) call.fail(error);
  void* data = nullptr;
  const napi_value result = call.newArray(napi_uint8_array, 8 * hashes.size(), &data);
  if (result && !hashes.empty()) std::memcpy(data, hashes.data(), 8 * hashes.size());
  return call.finish(result);
}

}  // namespace dots
