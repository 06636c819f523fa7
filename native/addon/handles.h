// What JavaScript holds of native memory: executables, and memory that both sides work in.
#pragma once

#include "addon/call.h"
#include "executor.h"
#include "large-memory.h"

namespace dots {

/// An ArrayBuffer of allocate(). Its memory is freed when JavaScript has released it (`free`, or the collector) and no
/// executable works in it: whoever detaches or transfers the buffer takes it from JavaScript, never from C++.
struct SharedMemory {
  std::shared_ptr<LargeMemory> memory;
  void release(napi_env) { memory.reset(); }
};
extern const HandleType kSharedMemory;

/// An instruction set and threads, which the executables of a backend share. They go with the last of them.
struct DeviceHandle {
  std::shared_ptr<Device> device;
  void release(napi_env) { device.reset(); }
};
extern const HandleType kDevice;

/// A loaded program. Looked at on JavaScript's thread only, but for `executable` during a run.
struct Model {
  Buffer<std::shared_ptr<LargeMemory>> memories;  // that weights and states lie in
  std::unique_ptr<Executable> executable;
  bool isRunning = false;
  int64_t reportedBytes = 0;

  /// Reports to the collector how much memory belongs to the handle: it is small, and what it holds is not.
  void report(napi_env env, int64_t sizeBytes);
};

/// `close` may come while a run is under way; the last owner of the model frees it.
struct ModelHandle {
  std::shared_ptr<Model> model;
  void release(napi_env env);
};
extern const HandleType kExecutable;

/// Releases a model: its memory is freed, unless a run still uses it.
void releaseModel(napi_env env, std::shared_ptr<Model> model);

/// allocate(sizeBytes) -> ArrayBuffer of zeros, 64-byte aligned and on huge pages where the system has them
napi_value allocate(napi_env env, napi_callback_info info);
/// free(buffer): takes a buffer of allocate() from JavaScript; its length is zero from then on.
napi_value freeBuffer(napi_env env, napi_callback_info info);
/// openDevice(isa, numThreads) -> device
napi_value openDevice(napi_env env, napi_callback_info info);
/// load(words, constants, weights, states, device, streaming or undefined) -> handle
napi_value load(napi_env env, napi_callback_info info);
/// run(handle, inputs, bindings, outputs) -> Promise of the outputs with these indices, in this order
napi_value run(napi_env env, napi_callback_info info);
/// encode(type, values, numCols, importance or undefined, device) -> Promise of the rows' bytes
napi_value encode(napi_env env, napi_callback_info info);
/// minhash(tokens, shingleTokens, flips, multipliers, device) -> the minima as 32-bit words, little-endian
napi_value minhash(napi_env env, napi_callback_info info);
/// shingles(tokens, shingleTokens) -> the set's hashes as 64-bit words, little-endian and rising
napi_value shingles(napi_env env, napi_callback_info info);
/// cancel(handle): the run under way ends before its next instruction.
napi_value cancel(napi_env env, napi_callback_info info);
/// seconds(handle) -> Float64Array: how long each instruction of the program took, all runs together
napi_value seconds(napi_env env, napi_callback_info info);
/// expertStats(handle) -> Float64Array: experts chosen, of them held, bytes read, seconds waited, bytes held, budget;
/// empty where no expert is streamed
napi_value expertStats(napi_env env, napi_callback_info info);
/// close(handle): frees memory and mappings once no run uses them.
napi_value closeHandle(napi_env env, napi_callback_info info);

}  // namespace dots
