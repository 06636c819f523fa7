#include "ops/products.h"

#include "kernels/linear.h"
#include "kernels/quantize-rows.h"
#include "kernels/storage.h"
#include "ops/routed-rows.h"

namespace dots::ops {
namespace {

/// Rows for each matrix from which products of f32 run on packed panels.
constexpr int64_t kWorthPacking = 32;

bool isAligned(const uint8_t* floats) { return reinterpret_cast<uintptr_t>(floats) % alignof(float) == 0; }

bool isProduct(const Operands& op) { return op.op() == Op::linear || op.op() == Op::groupedLinear; }

/// Whether `next` can run in one loop with `before`: neither reads what the other writes, and the lists of routed rows,
/// which are made for one choice of experts at a time, serve both.
bool areIndependent(const Operands& before, const Operands& next) {
  if (next.slot(kOut) == before.slot(kOut)) return false;
  for (int i = 0; i < next.numInputs(); ++i) {
    if (next.slot(i) == before.slot(kOut)) return false;
  }
  for (int i = 0; i < before.numInputs(); ++i) {
    if (before.slot(i) == next.slot(kOut)) return false;
  }
  if (next.op() != Op::groupedLinear || before.op() != Op::groupedLinear) return true;
  return next.id(2) == before.id(2) && next.weight(1).dims[0] == before.weight(1).dims[0];
}

size_t countProducts(const Call& op) {
  size_t count = 1;
  for (; count < op.numLeft() && count < static_cast<size_t>(kMaxLinearJobs); ++count) {
    const Call next = op.later(count);
    if (!isProduct(next)) return count;
    for (size_t i = 0; i < count; ++i) {
      if (!areIndependent(op.later(i), next)) return count;
    }
  }
  return count;
}

/// Collects products and runs them together where that is faster, to the same bits.
class Products {
 public:
  /// `scratch` is what linearScratchBytes says.
  Products(const Call& op, void* scratch) : op_(op), scratch_(scratch) {}

  void add(const LinearJob& job) {
    if (job.numTokens == 0) return;
    // The same bits as `linear` gives; packing pays from some dozens of rows for each matrix.
    if (job.weights.type == StorageId::kF32 && job.numTokens >= kWorthPacking * job.numExperts &&
        isAligned(job.weights.data)) {
      addPacked(job);
      return;
    }
    if (numJobs_ == kMaxLinearJobs) runJobs();
    jobs_[numJobs_++] = job;
  }

  bool finish() {
    runJobs();
    multiplyPending();
    return isPacked_;
  }

 private:
  /// Rows that are multiplied by several matrices in turn are packed once for all.
  void addPacked(const LinearJob& job) {
    const float* const matrices = reinterpret_cast<const float*>(job.weights.data);
    const float* const x = static_cast<const float*>(job.x);
    const bool isBeside = pending_.numTokens > 0 && pending_.numBeside < kMaxBeside && pending_.x.data == x &&
                          pending_.x.rows == job.xRows && pending_.numTokens == job.numTokens &&
                          pending_.cols == job.weights.cols && pending_.offsets == job.offsets &&
                          pending_.out.rows == job.outRows;
    if (isBeside) {
      pending_.beside[pending_.numBeside++] = {matrices, job.weights.rows, job.out, job.ldOut};
      return;
    }
    multiplyPending();
    pending_ = RowsProduct{};
    pending_.x = {x, job.xRowBytes / 4, job.xRows};
    pending_.numTokens = job.numTokens;
    pending_.offsets = job.offsets;
    pending_.numExperts = job.numExperts;
    pending_.weights = matrices;
    pending_.rows = job.weights.rows;
    pending_.cols = job.weights.cols;
    pending_.out = {job.out, job.ldOut, job.outRows};
  }

  void multiplyPending() {
    if (pending_.numTokens > 0) isPacked_ = op_.multiply(pending_) && isPacked_;
    pending_.numTokens = 0;
  }

  void runJobs() {
    if (numJobs_ > 0) dots::linear(jobs_, numJobs_, op_.device(), scratch_);
    numJobs_ = 0;
  }

  const Call& op_;
  void* scratch_;
  LinearJob jobs_[kMaxLinearJobs];
  int numJobs_ = 0;
  RowsProduct pending_;
  bool isPacked_ = true;
};

LinearJob jobOf(const Call& op) {
  const Weight& w = op.weight(1);
  LinearJob job;
  job.weights.data = w.parts[0].data();
  job.weights.type = static_cast<StorageId>(w.type);
  job.weights.rows = w.dims[w.rank - 2];
  job.weights.cols = w.dims[w.rank - 1];
  job.weights.expertBytes = w.expertBytes;
  job.x = op.floats(0);
  job.xRowBytes = op.width(0) * 4;
  job.numTokens = op.axis(kOut, 0);
  job.out = op.floats(kOut);
  job.ldOut = op.width(kOut);
  return job;
}

bool addGrouped(Call& op, Products& products) {
  const Weight& w = op.weight(1);
  const RoutedRows* const routed = routedRows(op, 2, w.dims[0]);
  if (!routed || !op.awaitExperts(1, 2)) return false;
  LinearJob job = jobOf(op);
  const bool isPerToken = op.axis(0, 0) != op.elements(2);
  const int32_t* xRows = (isPerToken ? routed->tokens_R : routed->rows_R).data();
  if (w.expertBytes >= 0) {
    job.offsets = routed->offsets_E.data();
    job.numExperts = static_cast<int32_t>(w.dims[0]);
    job.xRows = xRows;
    job.outRows = routed->rows_R.data();
    products.add(job);
    return true;
  }
  // Experts that lie here and there, as in a Hugging Face folder: a product for each that was chosen.
  for (size_t e = 0; e + 1 < routed->offsets_E.size(); ++e) {
    job.weights.data = w.parts[e].data();
    job.numTokens = routed->offsets_E[e + 1] - routed->offsets_E[e];
    job.xRows = xRows + routed->offsets_E[e];
    job.outRows = routed->rows_R.data() + routed->offsets_E[e];
    products.add(job);
  }
  return true;
}

}  // namespace

bool fitsProduct(const Operands& op, int rankOfWeight) {
  if (!op.isRows(0) || !op.isWeight(1, rankOfWeight) || !op.isRows(kOut)) return false;
  const Weight& w = op.weight(1);
  const int64_t cols = w.dims[w.rank - 1];
  const StorageInfo* storage = storageInfo(w.type);
  return linearSupports(storage->id, cols) && op.width(0) * 4 == activationRowBytes(storage->activation, cols) &&
         op.width(kOut) == w.dims[w.rank - 2];
}

bool runProducts(Call& op) {
  op.numDone = countProducts(op);
  LargeMemory& scratch = op.workspace().linearScratch;
  const int64_t scratchBytes = linearScratchBytes(op.pool().numThreads());
  if (scratch.sizeBytes() < scratchBytes && !scratch.allocate(scratchBytes)) return op.outOfMemory("scratch");
  Products products(op, scratch.data());
  for (size_t i = 0; i < op.numDone; ++i) {
    Call next = op.later(i);
    if (next.op() == Op::linear)
      products.add(jobOf(next));
    else if (!addGrouped(next, products))
      return false;
  }
  return products.finish();
}

}  // namespace dots::ops
