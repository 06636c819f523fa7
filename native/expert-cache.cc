#include "expert-cache.h"

#include <algorithm>
#include <new>

namespace dots {
namespace {

/// A choice counts half as much after as many requests as a model of 62 layers makes in about 30 steps: long enough to
/// know a text's experts, short enough to follow it to another subject.
constexpr double kGrowth = 1 + 0.69 / 2000;
/// Scores are scaled down together before they exceed the precision of a double.
constexpr double kMaxWeight = 1e100;

}  // namespace

std::unique_ptr<ExpertCache> ExpertCache::create(const ExpertCacheOptions& options, Error* error) {
  std::unique_ptr<ExpertCache> cache(new ExpertCache);
  cache->options_ = options;
  cache->stats_.budgetBytes = options.budgetBytes;
  cache->reads_ = FileReads::start(options.numReaders, error);
  return cache->reads_ ? std::move(cache) : nullptr;
}

ExpertCache::~ExpertCache() {
  // Readers write into what is released below.
  reads_.reset();
  for (Tensor& tensor : tensors_) {
    if (tensor.reserved) host::releaseMemory(tensor.reserved, tensor.reservedBytes);
    if (tensor.file.descriptor >= 0) host::closeFile(tensor.file);
  }
}

ExpertCache::Layer* ExpertCache::findLayer(int32_t id) {
  for (Layer& layer : layers_) {
    if (layer.id == id) return &layer;
  }
  return nullptr;
}

int ExpertCache::add(Weight* weight, int32_t id, Error* error) {
  const auto outOfMemory = [&] { return fail(error, ErrorKind::kResource, "out of memory for an expert cache"), -1; };
  WeightPart& part = weight->parts[0];
  const size_t numExperts = static_cast<size_t>(weight->dims[0]);
  Layer* layer = findLayer(id);
  if (!layer) {
    if (!layers_.push(Layer{})) return outOfMemory();
    layer = &layers_.back();
    layer->id = id;
    if (!layer->experts.resize(numExperts)) return outOfMemory();
  }
  if (layer->experts.size() != numExperts)
    return fail(error, ErrorKind::kInternal, "weights that are chosen together have different numbers of experts"), -1;
  if (!tensors_.push(Tensor{}) || !layer->tensors.push(static_cast<int>(tensors_.size()) - 1)) return outOfMemory();
  Tensor& tensor = tensors_.back();
  tensor.owner = part.mapping;
  tensor.mapping = part.mapping.get();
  tensor.offset = part.offset;
  tensor.expertBytes = weight->expertBytes;
  tensor.numExperts = weight->dims[0];
  tensor.layer = static_cast<size_t>(layer - layers_.data());
  tensor.states_E.reset(new (std::nothrow) ReadState[numExperts]);
  if (!tensor.states_E) return outOfMemory();
  layer->expertBytes += tensor.expertBytes;
  if (options_.isDirect) {
    if (!host::openFile(part.mapping->path(), true, &tensor.file, error)) return -1;
    const int64_t inPage = tensor.offset % host::kFilePageBytes;
    tensor.reservedBytes = inPage + part.sizeBytes;
    tensor.reserved = host::reserveMemory(tensor.reservedBytes, true);
    if (!tensor.reserved) return outOfMemory();
    tensor.first = tensor.reserved + inPage;
    part.stored = tensor.first;
  } else {
    tensor.first = const_cast<uint8_t*>(part.data());
  }
  return static_cast<int>(tensors_.size()) - 1;
}

bool ExpertCache::checkBudget(Error* error) const {
  int64_t largest = 0;
  for (const Layer& layer : layers_)
    largest = std::max(largest, layer.expertBytes * static_cast<int64_t>(layer.experts.size()));
  if (!options_.isDirect || options_.budgetBytes >= largest) return true;
  return fail(
      error, ErrorKind::kResource,
      "an expert cache of %lld bytes is too small: a step may need all experts of a layer, which are %lld bytes",
      static_cast<long long>(options_.budgetBytes), static_cast<long long>(largest));
}

void ExpertCache::settle() {
  if (requested_ >= 0) forget(layers_[static_cast<size_t>(requested_)]);
  requested_ = -1;
}

/// Waits for the reads of the request under way. What could not be read is no longer held.
void ExpertCache::forget(Layer& layer) {
  for (const int32_t e : missing_) {
    bool hasFailed = false;
    for (const int t : layer.tensors) {
      ReadState& state = tensors_[static_cast<size_t>(t)].states_E[static_cast<size_t>(e)];
      reads_->wait(state);
      hasFailed = hasFailed || state.failure.load(std::memory_order_relaxed) != 0;
    }
    if (hasFailed) evict(layer, static_cast<size_t>(e));
  }
  missing_.clear();
  for (Expert& expert : layer.experts) expert.isRequested = false;
}

bool ExpertCache::request(int32_t id, const int32_t* experts, int64_t count, Error* error) {
  settle();
  Layer* const layer = findLayer(id);
  if (!layer) return fail(error, ErrorKind::kInternal, "experts of a layer that is not streamed were requested");
  weight_ *= kGrowth;
  if (weight_ > kMaxWeight) {
    for (Layer& other : layers_) {
      for (Expert& expert : other.experts) expert.score /= weight_;
    }
    weight_ = 1;
  }
  requested_ = static_cast<int32_t>(layer - layers_.data());
  int64_t numChosen = 0;
  for (int64_t i = 0; i < count; ++i) {
    const int32_t e = experts[i];
    if (e < 0 || static_cast<size_t>(e) >= layer->experts.size()) continue;
    Expert& expert = layer->experts[static_cast<size_t>(e)];
    if (expert.isRequested) continue;
    expert.isRequested = true;
    expert.score += weight_;
    ++numChosen;
    bool isThere = expert.isHeld;
    if (!options_.isDirect) {
      // Only the system knows what its cache holds.
      isThere = true;
      for (const int t : layer->tensors) {
        const Tensor& tensor = tensors_[static_cast<size_t>(t)];
        isThere = isThere && host::absentBytes(tensor.first + e * tensor.expertBytes, tensor.expertBytes) == 0;
      }
    }
    if (!isThere && !missing_.push(e)) return fail(error, ErrorKind::kResource, "out of memory for a list of experts");
  }
  stats_.numChosen += numChosen;
  stats_.numHeld += numChosen - static_cast<int64_t>(missing_.size());
  if (missing_.empty()) return true;
  // In the order in which they lie in the file.
  std::sort(missing_.begin(), missing_.end());
  const int64_t neededBytes = static_cast<int64_t>(missing_.size()) * layer->expertBytes;
  return (!options_.isDirect || makeRoom(neededBytes, error)) && queueReads(*layer, error);
}

bool ExpertCache::queueReads(Layer& layer, Error* error) {
  for (const int32_t e : missing_) {
    layer.experts[static_cast<size_t>(e)].isHeld = true;
    if (options_.isDirect) stats_.heldBytes += layer.expertBytes;
    for (const int t : layer.tensors)
      tensors_[static_cast<size_t>(t)].states_E[static_cast<size_t>(e)].failure.store(0);
  }
  for (const int t : layer.tensors) {
    Tensor& tensor = tensors_[static_cast<size_t>(t)];
    for (const int32_t e : missing_) {
      FileRead read;
      read.file = tensor.file;
      read.offset = tensor.offset + e * tensor.expertBytes;
      read.sizeBytes = tensor.expertBytes;
      uint8_t* const place = tensor.first + e * tensor.expertBytes;
      (options_.isDirect ? read.to = place : nullptr);
      read.mapped = options_.isDirect ? nullptr : place;
      read.state = &tensor.states_E[static_cast<size_t>(e)];
      if (reads_->add(read)) continue;
      // As reads that fail: all of the request is forgotten together.
      for (const int32_t lost : missing_) tensor.states_E[static_cast<size_t>(lost)].failure.store(-1);
      return fail(error, ErrorKind::kResource, "out of memory for a list of reads");
    }
  }
  return true;
}

bool ExpertCache::makeRoom(int64_t neededBytes, Error* error) {
  while (stats_.heldBytes + neededBytes > options_.budgetBytes) {
    Layer* worstLayer = nullptr;
    size_t worst = 0;
    double least = 0;
    for (Layer& layer : layers_) {
      for (size_t e = 0; e < layer.experts.size(); ++e) {
        const Expert& expert = layer.experts[e];
        if (!expert.isHeld || expert.isRequested || (worstLayer && expert.score >= least)) continue;
        worstLayer = &layer;
        worst = e;
        least = expert.score;
      }
    }
    if (!worstLayer) return fail(error, ErrorKind::kInternal, "experts of one step do not fit into their cache");
    evict(*worstLayer, worst);
  }
  return true;
}

/// Its memory goes back to the system, but for pages at its ends that a neighbour is in.
void ExpertCache::evict(Layer& layer, size_t expert) {
  if (!options_.isDirect || !layer.experts[expert].isHeld) {
    layer.experts[expert].isHeld = false;
    return;
  }
  layer.experts[expert].isHeld = false;
  stats_.heldBytes -= layer.expertBytes;
  for (const int t : layer.tensors) {
    const Tensor& tensor = tensors_[static_cast<size_t>(t)];
    const int64_t page = host::memoryPageBytes(), bytes = tensor.expertBytes, start = tensor.first - tensor.reserved;
    // Small experts lie in one page with many others.
    const auto isInUse = [&](int64_t pageBegin) {
      int64_t e = std::max<int64_t>(0, (pageBegin - start) / bytes);
      for (; e < tensor.numExperts && start + e * bytes < pageBegin + page; ++e) {
        if (layer.experts[static_cast<size_t>(e)].isHeld) return true;
      }
      return false;
    };
    const int64_t begin = start + static_cast<int64_t>(expert) * bytes, last = begin + bytes - 1;
    int64_t from = begin / page * page, to = last / page * page + page;
    if (isInUse(from)) from += page;
    if (from < to && isInUse(to - page)) to -= page;
    if (from < to) host::discardMemory(tensor.reserved + from, std::min(to, tensor.reservedBytes) - from);
  }
}

bool ExpertCache::wait(int weight, Error* error) {
  Tensor& tensor = tensors_[static_cast<size_t>(weight)];
  Layer& layer = layers_[tensor.layer];
  const double start = host::seconds();
  const ReadState* failed = nullptr;
  for (const int32_t e : missing_) {
    const ReadState& state = tensor.states_E[static_cast<size_t>(e)];
    reads_->wait(state);
    if (state.failure.load(std::memory_order_relaxed) != 0) failed = &state;
  }
  stats_.waitSeconds += host::seconds() - start;
  if (!failed) return true;
  fail(error, ErrorKind::kRead, "cannot read %s at byte %lld: %s", tensor.mapping->path(),
       static_cast<long long>(failed->failedAt.load()), host::readFailure(failed->failure.load()));
  forget(layer);
  requested_ = -1;
  return false;
}

ExpertCacheStats ExpertCache::stats() const {
  ExpertCacheStats stats = stats_;
  stats.bytesRead = reads_->bytesRead();
  return stats;
}

}  // namespace dots
