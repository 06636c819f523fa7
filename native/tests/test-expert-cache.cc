// Experts that are read when they are chosen: the file's bytes whatever is evicted, within the budget, also after
// errors.
#include <algorithm>
#include <memory>
#include <string>
#include <thread>
#include <vector>

#include "expert-cache.h"
#include "small-program.h"
#include "temporary-file.h"

using namespace dots;

namespace {

/// Tensors of experts in one file, after bytes that make their offsets odd: experts share pages with their neighbours.
struct Store {
  struct Tensor {
    int32_t layer;
    int64_t numExperts, expertBytes, offset;
  };
  std::vector<Tensor> tensors;
  std::vector<uint8_t> bytes;
  std::unique_ptr<TemporaryFile> file;
  std::shared_ptr<Mapping> mapping;

  explicit Store(TestRandom& random) {
    for (int32_t layer = 0; layer < 4; ++layer) {
      const int64_t numExperts = 3 + static_cast<int64_t>(random.next() % 7);
      for (int i = 0; i < 3; ++i) {
        const int64_t expertBytes = 1 + static_cast<int64_t>(random.next() % 20000);
        const int64_t gap = static_cast<int64_t>(random.next() % 9000);
        tensors.push_back({layer, numExperts, expertBytes, static_cast<int64_t>(bytes.size()) + gap});
        bytes.resize(bytes.size() + static_cast<size_t>(gap + numExperts * expertBytes));
      }
    }
    for (uint8_t& byte : bytes) byte = static_cast<uint8_t>(random.next());
    file.reset(new TemporaryFile(bytes));
    Error error;
    mapping = Mapping::open(file->path().c_str(), &error);
    CHECK(mapping != nullptr, "%s", error.message());
  }

  int64_t layerBytes(int32_t layer) const {
    int64_t sum = 0;
    for (const Tensor& tensor : tensors) sum += tensor.layer == layer ? tensor.numExperts * tensor.expertBytes : 0;
    return sum;
  }
  int64_t smallestBudget() const {
    int64_t largest = 0;
    for (const Tensor& tensor : tensors) largest = std::max(largest, layerBytes(tensor.layer));
    return largest;
  }
  std::vector<Weight> weights() const {
    std::vector<Weight> made(tensors.size());
    for (size_t i = 0; i < tensors.size(); ++i) {
      made[i].rank = 3;
      made[i].dims[0] = tensors[i].numExperts;
      made[i].expertBytes = tensors[i].expertBytes;
      CHECK(made[i].parts.resize(1), "%s", "no memory");
      made[i].parts[0].mapping = mapping;
      made[i].parts[0].offset = tensors[i].offset;
      made[i].parts[0].sizeBytes = tensors[i].numExperts * tensors[i].expertBytes;
    }
    return made;
  }
  bool isRight(size_t tensor, const Weight& weight, int32_t expert) const {
    const Tensor& t = tensors[tensor];
    const uint8_t* const expected = bytes.data() + t.offset + expert * t.expertBytes;
    return std::memcmp(weight.parts[0].data() + expert * t.expertBytes, expected, static_cast<size_t>(t.expertBytes)) ==
           0;
  }
};

std::unique_ptr<ExpertCache> cacheOf(const Store& store, std::vector<Weight>& weights, ExpertCacheOptions options) {
  Error error;
  std::unique_ptr<ExpertCache> cache = ExpertCache::create(options, &error);
  CHECK(cache != nullptr, "%s", error.message());
  for (size_t i = 0; i < weights.size(); ++i)
    CHECK(cache->add(&weights[i], store.tensors[i].layer, &error) == static_cast<int>(i), "%s", error.message());
  CHECK(cache->checkBudget(&error), "%s", error.message());
  return cache;
}

void holdsTheFilesBytes(bool isDirect) {
  for (uint64_t seed = 1; seed <= 6; ++seed) {
    TestRandom random(seed);
    const Store store(random);
    ExpertCacheOptions options;
    options.isDirect = isDirect;
    options.numReaders = 1 + static_cast<int>(random.next() % 8);
    options.budgetBytes = store.smallestBudget() + static_cast<int64_t>(random.next() % 100000);
    std::vector<Weight> weights = store.weights();
    const std::unique_ptr<ExpertCache> cache = cacheOf(store, weights, options);
    for (int step = 0; step < 150; ++step) {
      const int32_t layer = static_cast<int32_t>(random.next() % 4);
      std::vector<int32_t> chosen(random.next() % 12);
      for (int32_t& e : chosen) e = static_cast<int32_t>(random.next() % 12) - 1;  // some do not exist
      Error error;
      CHECK(cache->request(layer, chosen.data(), static_cast<int64_t>(chosen.size()), &error), "%s", error.message());
      // A run that is cancelled asks for the next experts without having waited for these.
      if (random.next() % 5 == 0) continue;
      for (size_t t = 0; t < weights.size(); ++t) {
        if (store.tensors[t].layer != layer) continue;
        CHECK(cache->wait(static_cast<int>(t), &error), "%s", error.message());
        for (const int32_t e : chosen) {
          if (e < 0 || e >= store.tensors[t].numExperts) continue;
          CHECK(store.isRight(t, weights[t], e), "seed %d, step %d, tensor %d, expert %d", static_cast<int>(seed), step,
                static_cast<int>(t), e);
        }
      }
      const ExpertCacheStats stats = cache->stats();
      CHECK(stats.heldBytes <= options.budgetBytes, "%lld held", static_cast<long long>(stats.heldBytes));
      CHECK(stats.numHeld <= stats.numChosen, "%s", "more hits than requests");
    }
  }
}

/// A text's favourites stay although others come by between any two of their uses.
void keepsWhatIsChosenOften() {
  TestRandom random(7);
  const Store store(random);
  const int32_t last = static_cast<int32_t>(store.tensors[0].numExperts) - 1;
  ExpertCacheOptions options;
  options.budgetBytes = store.smallestBudget();
  std::vector<Weight> weights = store.weights();
  const std::unique_ptr<ExpertCache> cache = cacheOf(store, weights, options);
  Error error;
  const auto choose = [&](int32_t layer, int32_t e) {
    CHECK(cache->request(layer, &e, 1, &error), "%s", error.message());
    for (size_t t = 0; t < weights.size(); ++t) {
      if (store.tensors[t].layer == layer) CHECK(cache->wait(static_cast<int>(t), &error), "%s", error.message());
    }
  };
  for (int i = 0; i < 50; ++i) choose(0, 0);
  const ExpertCacheStats before = cache->stats();
  CHECK(before.numChosen - before.numHeld == 1, "%s", "the favourite was read more than once");
  int64_t numAgain = 0;
  for (int32_t layer = 1; layer < 4; ++layer) {
    for (int32_t e = 0; e < static_cast<int32_t>(store.tensors[static_cast<size_t>(3 * layer)].numExperts); ++e) {
      choose(layer, e);
      const int64_t heldBefore = cache->stats().numHeld;
      choose(0, 0);
      numAgain += cache->stats().numHeld == heldBefore;
    }
  }
  CHECK(numAgain == 0, "the favourite was evicted %d times", static_cast<int>(numAgain));
  choose(0, last);
}

void saysWhatCannotBeRead() {
  TestRandom random(3);
  Store store(random);
  ExpertCacheOptions options;
  options.budgetBytes = store.smallestBudget();
  std::vector<Weight> weights = store.weights();
  const std::unique_ptr<ExpertCache> cache = cacheOf(store, weights, options);
  Error error;
  const int32_t first = 0;
  CHECK(cache->request(0, &first, 1, &error) && cache->wait(0, &error), "%s", error.message());
  // The last layer is gone.
  const size_t lost = weights.size() - 1;
  store.file->truncate(store.tensors[lost].offset);
  for (int attempt = 0; attempt < 2; ++attempt) {
    error.clear();
    CHECK(cache->request(3, &first, 1, &error), "%s", error.message());
    CHECK(cache->wait(static_cast<int>(lost) - 1, &error), "%s", error.message());
    CHECK(!cache->wait(static_cast<int>(lost), &error) && error.kind() == ErrorKind::kRead, "%s", "read what is gone");
    const std::string expected = "cannot read " + store.file->path() + " at byte " +
                                 std::to_string(store.tensors[lost].offset) + ": the file ends before";
    CHECK(error.message() == expected, "%s", error.message());
  }
  // Others are as they were.
  error.clear();
  CHECK(cache->request(0, &first, 1, &error) && cache->wait(0, &error) && store.isRight(0, weights[0], 0), "%s",
        error.message());
}

void refusesABudgetThatALayerExceeds() {
  TestRandom random(4);
  const Store store(random);
  ExpertCacheOptions options;
  options.budgetBytes = store.smallestBudget() - 1;
  std::vector<Weight> weights = store.weights();
  Error error;
  const std::unique_ptr<ExpertCache> cache = ExpertCache::create(options, &error);
  for (size_t i = 0; i < weights.size(); ++i) cache->add(&weights[i], store.tensors[i].layer, &error);
  CHECK(!cache->checkBudget(&error) && error.kind() == ErrorKind::kResource, "%s", error.message());
}

/// What docs/numerics.md promises holds for streamed experts: the bits of a program on mapped weights.
void programsGiveTheSameBits() {
  SmallModel model = makeSmallModel(5, StorageId::kQ8_0, false, KvType::kF16);
  std::vector<uint8_t> bytes(77);
  for (const WeightDraft& weight : model.weights)
    bytes.insert(bytes.end(), weight.parts[0].owned.begin(), weight.parts[0].owned.end());
  const TemporaryFile file(bytes);
  Error error;
  const std::shared_ptr<Mapping> mapping = Mapping::open(file.path().c_str(), &error);
  int64_t offset = 77, largest = 0;
  for (WeightDraft& weight : model.weights) {
    weight.parts[0].mapping = mapping;
    weight.parts[0].offset = offset;
    offset += weight.parts[0].sizeBytes;
    if (weight.rank == 3) largest += weight.parts[0].sizeBytes;
    weight.parts[0].owned.clear();
  }
  bindSmallModel(model, {70}, 0);
  const std::unique_ptr<Executable> mapped = createExecutable(model.draft, model.weights, model.states, 2, &error);
  CHECK(mapped != nullptr, "%s", error.message());
  const std::vector<float> expected = runExecutable(*mapped, model.bindings, model.inputs, &error);
  for (const bool isDirect : {true, false}) {
    ExpertCacheOptions options;
    options.budgetBytes = largest;
    options.isDirect = isDirect;
    const std::unique_ptr<Executable> streamed =
        createExecutable(model.draft, model.weights, model.states, 2, &error, bestIsa(), &options);
    CHECK(streamed != nullptr, "%s", error.message());
    if (!streamed) continue;
    for (int i = 0; i < 3; ++i) {
      CHECK(sameBits(runExecutable(*streamed, model.bindings, model.inputs, &error), expected), "%s", error.message());
    }
    ExpertCacheStats stats;
    CHECK(streamed->expertStats(&stats) && stats.numChosen > 0, "%s", "nothing was streamed");
  }
}

}  // namespace

int main() {
  holdsTheFilesBytes(true);
  holdsTheFilesBytes(false);
  keepsWhatIsChosenOften();
  saysWhatCannotBeRead();
  refusesABudgetThatALayerExceeds();
  programsGiveTheSameBits();
  return finishTests("expert-cache");
}
