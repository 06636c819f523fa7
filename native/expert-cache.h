// Experts that are read from the file when a step has chosen them, for models larger than memory.
//
// A weight of experts keeps its place in a reserved range of addresses as large as the tensor, of which only the
// experts that are held have memory. So kernels find every expert where they would find it in a mapped file, and
// compute the same bits; what is evicted gives its pages back. All matrices of one expert (gate, up, down) are held or
// not together.
//
// Reads begin as soon as the choice is known, gate before up before down, and a product waits for its own tensor only.
// Which experts stay is decided by how often they were chosen, recent steps counting more (see `Expert::score`): in
// real routing few experts get most tokens of a text, which an order by last use forgets within a layer or two.
#pragma once

#include <cstdint>
#include <memory>

#include "executor.h"
#include "file-reads.h"

namespace dots {

struct ExpertCacheOptions {
  /// For experts; 0: nothing is streamed.
  int64_t budgetBytes = 0;
  /// Reads past the system's page cache into memory of our own; otherwise experts stay in the mapped file, and the
  /// page cache is asked to have them in time.
  bool isDirect = true;
  int numReaders = 8;
};

/// Since the cache was made.
struct ExpertCacheStats {
  int64_t numChosen = 0;  // distinct experts of a layer and step
  int64_t numHeld = 0;    // those that were in memory
  int64_t bytesRead = 0;
  double waitSeconds = 0;  // of products for reads
  int64_t heldBytes = 0;
  int64_t budgetBytes = 0;
};

class ExpertCache {
 public:
  /// Null with `error` set where there are no threads or no memory.
  static std::unique_ptr<ExpertCache> create(const ExpertCacheOptions& options, Error* error);
  ~ExpertCache();
  ExpertCache(const ExpertCache&) = delete;
  ExpertCache& operator=(const ExpertCache&) = delete;

  /// Takes over a weight whose experts lie one after the other in a mapped file, and points it to their new place.
  /// Weights of one `layer`, any number that is the same for them, are chosen together. Returns the number of the
  /// weight here; -1 with `error` set. `*weight` must not change afterwards.
  int add(Weight* weight, int32_t layer, Error* error);
  /// After the last `add`. False with `error` set where the budget cannot hold all experts of every single layer.
  bool checkBudget(Error* error) const;

  /// A step has chosen: reads begin for what is not held, after others have made room. Experts that do not exist are
  /// left out, for the product to refuse.
  bool request(int32_t layer, const int32_t* experts, int64_t count, Error* error);
  /// Whether `layer` is the one requested last.
  bool isRequested(int32_t layer) const {
    return requested_ >= 0 && layers_[static_cast<size_t>(requested_)].id == layer;
  }
  int32_t layerOf(int weight) const { return layers_[tensors_[static_cast<size_t>(weight)].layer].id; }
  /// Returns when the requested experts of weight number `weight` are in memory; false with `error` set (kRead) where
  /// the file could not be read: they are then as if they had never been requested.
  bool wait(int weight, Error* error);
  /// At the start of a run: what an earlier one began is finished or forgotten.
  void settle();

  ExpertCacheStats stats() const;

 private:
  struct Tensor {
    const Mapping* mapping = nullptr;
    std::shared_ptr<Mapping> owner;
    host::OpenFile file;
    int64_t offset = 0;       // of the first expert in the file
    int64_t expertBytes = 0;  // of each
    int64_t numExperts = 0;
    uint8_t* reserved = nullptr;
    int64_t reservedBytes = 0;
    uint8_t* first = nullptr;  // of the first expert
    std::unique_ptr<ReadState[]> states_E;
    size_t layer = 0;
  };
  struct Expert {
    /// How often it was chosen, each time before counting for less the longer ago it is.
    double score = 0;
    bool isHeld = false;       // or being read
    bool isRequested = false;  // by the request under way
  };
  struct Layer {
    int32_t id = 0;
    Buffer<int> tensors;
    Buffer<Expert> experts;
    int64_t expertBytes = 0;  // all matrices of one
  };

  ExpertCache() = default;
  Layer* findLayer(int32_t id);
  bool queueReads(Layer& layer, Error* error);
  bool makeRoom(int64_t neededBytes, Error* error);
  void evict(Layer& layer, size_t expert);
  void forget(Layer& layer);

  ExpertCacheOptions options_;
  std::unique_ptr<FileReads> reads_;
  Buffer<Tensor> tensors_;
  Buffer<Layer> layers_;
  Buffer<int32_t> missing_;  // of the request under way
  int32_t requested_ = -1;   // its layer, by index
  double weight_ = 1;        // of a choice now: grows instead of all scores shrinking
  ExpertCacheStats stats_;
};

}  // namespace dots
