// The addon when Node-API fails: whichever call it is, an exported function throws or its promise is settled, nothing
// is left over, and the next call works. Arguments of every kind are tested in Node.js: test/native/addon.test.ts.
#include "memory.h"
#include "tests/fake-node-api.h"
#include "tests/small-program.h"

extern "C" napi_value napi_register_module_v1(napi_env env, napi_value exports);

namespace {

using namespace dots;

/// y = x · wᵀ · mᵀ with w copied and m in memory of allocate(), and s += m.
ProgramDraft program() {
  ProgramDraft draft;
  draft.numSymbols = 1;
  const Dim rows{1, 0}, two{2, -1};
  const int32_t x = draft.source(ValueKind::kInput, 0, false, {rows, two});
  const int32_t w = draft.source(ValueKind::kWeight, 0, false, {two, two});
  const int32_t m = draft.source(ValueKind::kWeight, 1, false, {two, two});
  const int32_t s = draft.source(ValueKind::kState, 0, false, {two, two});
  const int32_t between = draft.slot(false, {rows, two}), y = draft.slot(false, {rows, two});
  const int32_t doubled = draft.slot(false, {two, two}), done = draft.slot(false, {Dim{1, -1}});
  draft.add(Op::linear, {x, w}, between);
  draft.add(Op::linear, {between, m}, y);
  draft.add(Op::scale, {m}, doubled, {2});
  draft.add(Op::accumulate, {s, doubled}, done);
  draft.outputs = {y};
  return draft;
}

/// JavaScript's side: calls, and what they left.
class Host {
 public:
  Host() : exports_(env.make(napi_object)) { napi_register_module_v1(&env, exports_); }

  /// Null where it threw, or gave nothing; `thrown` says which.
  napi_value call(const char* name, std::vector<napi_value> arguments) {
    const auto found = exports_->properties.find(name);
    if (found == exports_->properties.end()) return nullptr;
    napi_callback_info__ info{std::move(arguments)};
    const napi_value result = found->second->function(&env, &info);
    thrown = std::exchange(env.exception, nullptr);
    CHECK(!thrown || !result, "%s gives a value and throws", name);
    CHECK(!thrown || !thrown->properties["message"]->text.empty(), "%s throws without a message", name);
    return result;
  }
  void finishWork() {
    for (napi_async_work work : std::exchange(env.queued, {})) {
      work->execute(&env, work->data);
      work->complete(&env, napi_ok, work->data);
      CHECK(!env.exception, "an exception stays pending when work ends, after %s failed", env.failed.c_str());
    }
  }

  napi_env__ env;
  napi_value thrown = nullptr;
  napi_value runFailure = nullptr;  // what the run of useAddon threw or was rejected with

 private:
  napi_value exports_;
};

/// Everything once; whether all of it succeeded.
bool useAddon(Host& host) {
  napi_env__& env = host.env;
  bool isRight = true;
  const napi_value memory = host.call("allocate", {env.makeNumber(32)});
  if (!memory) return false;
  const float m[] = {1, 2, 3, 4};
  memcpy(memory->data, m, sizeof m);
  std::vector<int32_t> words;
  std::vector<double> constants;
  program().encode(&words, &constants);
  const std::vector<float> w = {0, 1, 1, 0};
  const std::vector<uint8_t> bytes(reinterpret_cast<const uint8_t*>(w.data()),
                                   reinterpret_cast<const uint8_t*>(w.data()) + 16);
  const napi_value shape = env.makeArray({env.makeNumber(2), env.makeNumber(2)}), size = env.makeNumber(16);
  const auto view = [&](size_t offset) { return env.makeView(napi_float32_array, memory, offset, 4); };
  const auto weight = [&](const char* key, napi_value value) {
    const napi_value part = env.makeObject({{"sizeBytes", size}, {key, value}});
    return env.makeObject({{"type", env.makeNumber(0)}, {"shape", shape}, {"parts", env.makeArray({part})}});
  };
  const napi_value state = env.makeObject({{"type", env.makeNumber(0)}, {"shape", shape}, {"floats", view(16)}});
  const napi_value device = host.call("openDevice", {env.makeText("portable"), env.makeNumber(1)});
  if (!device) return false;
  const napi_value handle = host.call(
      "load", {env.makeTyped(napi_int32_array, words), env.makeTyped(napi_float64_array, constants),
               env.makeArray({weight("bytes", env.makeTyped(napi_uint8_array, bytes)), weight("floats", view(0))}),
               env.makeArray({state}), device});
  if (!handle) return false;
  CHECK(env.adjustedBytes > 0 || env.failed == "adjust_external_memory", "%s", "nothing was reported to the collector");
  // Runs in a row, of which the second comes too early.
  const auto run = [&] {
    return host.call("run", {handle, env.makeArray({env.makeTyped(napi_float32_array, std::vector<float>{10, 1})}),
                             env.makeTyped(napi_int32_array, std::vector<int32_t>{1}),
                             env.makeTyped(napi_int32_array, std::vector<int32_t>{0})});
  };
  const napi_value promise = run();
  host.runFailure = host.thrown;
  if (promise) CHECK(!run() || promise->promise != napi_value__::kPending, "%s", "two runs at once");
  host.finishWork();
  if (promise && promise->promise == napi_value__::kRejected) host.runFailure = promise->settled;
  isRight = promise && promise->promise == napi_value__::kResolved;
  if (promise) CHECK(promise->promise != napi_value__::kPending, "pending after %s failed", env.failed.c_str());
  if (isRight) {
    const napi_value y = promise->settled->elements[0];
    const float* found = reinterpret_cast<const float*>(y->buffer->data);
    CHECK(y->length == 2 && found[0] == 21 && found[1] == 43, "y = %g, %g", found[0], found[1]);
  }
  const std::vector<float> ones(64, 1.0f), importance(32, 0.5f);
  const napi_value encoded =
      host.call("encode", {env.makeNumber(8), env.makeTyped(napi_float32_array, ones), env.makeNumber(32),
                           env.makeTyped(napi_float32_array, importance), device});
  if (!host.runFailure) host.runFailure = host.thrown;
  host.finishWork();
  if (encoded && encoded->promise == napi_value__::kRejected) host.runFailure = encoded->settled;
  isRight = encoded && encoded->promise == napi_value__::kResolved && isRight;
  if (isRight) CHECK(encoded->settled->length == 68, "%zu bytes", encoded->settled->length);
  const napi_value text = env.makeTyped(napi_uint8_array, std::vector<uint8_t>{'a', ' ', 'b', ' ', 'c'});
  const std::vector<int32_t> odd(64, 1);
  const napi_value minima = host.call("minhash", {text, env.makeNumber(2), env.makeTyped(napi_int32_array, odd),
                                                  env.makeTyped(napi_int32_array, odd), device});
  if (!host.runFailure) host.runFailure = host.thrown;
  if (minima) CHECK(minima->length == 256, "%zu bytes", minima->length);
  const napi_value set = host.call("shingles", {text, env.makeNumber(2)});
  if (!host.runFailure) host.runFailure = host.thrown;
  if (set) CHECK(set->length == 16, "%zu bytes", set->length);
  isRight = minima && set && isRight;
  isRight = host.call("seconds", {handle}) && isRight;
  for (const char* name : {"cancel", "close"}) host.call(name, {handle}), isRight = !host.thrown && isRight;
  host.call("free", {memory}), isRight = !host.thrown && isRight;
  isRight = host.call("isas", {}) && isRight;
  isRight = host.call("activationKind", {env.makeNumber(8)}) && isRight;
  return host.call("activationRowBytes", {env.makeNumber(1), env.makeNumber(64)}) && isRight;
}

void leavesNothing(Host& host) {
  const char* const failed = host.env.failed.c_str();
  CHECK(host.env.numReferences == 0, "%d references left after %s failed", host.env.numReferences, failed);
  CHECK(host.env.numWorks == 0, "%d works left after %s failed", host.env.numWorks, failed);
  CHECK(host.env.numPromises == 0, "%d promises unsettled after %s failed", host.env.numPromises, failed);
  host.env.finalize();
  CHECK(host.env.adjustedBytes == 0 || host.env.failed == "adjust_external_memory", "%lld bytes said to be held",
        static_cast<long long>(host.env.adjustedBytes));
}

void survivesEveryFailure() {
  int numCalls = 0;
  {
    Host host;
    CHECK(useAddon(host), "%s", "failed although nothing was made to fail");
    numCalls = host.env.numCalls;
    leavesNothing(host);
  }
  CHECK(numCalls > 150, "only %d calls", numCalls);
  // The first calls belong to loading the addon: without it there is nothing to test.
  for (int failAt = 1; failAt <= numCalls; ++failAt) {
    Host host;
    host.env.failAt = failAt;
    if (failAt <= host.env.numCalls) continue;
    useAddon(host);
    CHECK(!host.env.failed.empty() || host.env.numCalls < failAt, "call %d did not fail", failAt);
    CHECK(useAddon(host), "stopped working after %s failed", host.env.failed.c_str());
    leavesNothing(host);
  }
}

int allowed, numAllocations;

/// The n-th allocation fails, alone or with all later ones, for each n until there is none.
void survivesWithoutMemory(bool (*mayOne)(int64_t)) {
  for (allowed = 0;; ++allowed) {
    Host host;
    numAllocations = 0;
    mayAllocate = mayOne;
    const bool isRight = useAddon(host);
    mayAllocate = nullptr;
    if (isRight) {
      CHECK(numAllocations <= allowed, "allocation %d went unmissed", allowed);
      leavesNothing(host);
      break;
    }
    // It failed the run, or what was called last.
    const napi_value failure = host.runFailure ? host.runFailure : host.thrown;
    CHECK(failure, "nothing is thrown without allocation %d", allowed);
    if (failure)
      CHECK(failure->properties["code"]->text == "resource", "allocation %d: %s", allowed,
            failure->properties["message"]->text.c_str());
    CHECK(useAddon(host), "stopped working without allocation %d", allowed);
    leavesNothing(host);
  }
  CHECK(allowed >= 30, "only %d allocations", allowed);
}

void saysWhatFailedWhileLoading() {
  for (int failAt = 1; failAt <= 4; ++failAt) {
    napi_env__ env;
    env.failAt = failAt;
    napi_register_module_v1(&env, env.make(napi_object));
    CHECK(env.exception != nullptr, "silent although %s failed", env.failed.c_str());
  }
}

}  // namespace

int main() {
  survivesEveryFailure();
  survivesWithoutMemory([](int64_t) { return numAllocations++ != allowed; });
  survivesWithoutMemory([](int64_t) { return numAllocations++ < allowed; });
  saysWhatFailedWhileLoading();
  return finishTests("addon");
}
