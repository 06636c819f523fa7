#include "linear.h"

#include <atomic>
#include <new>

namespace dots {

int64_t weightRowBytes(const WeightMatrix& weights) {
  const StorageInfo* info = storageInfo(weights.type);
  return weights.cols / info->blockElements * info->blockBytes;
}

bool linearSupports(StorageId type, int64_t cols) {
  const StorageInfo* info = storageInfo(type);
  return info && cols > 0 && cols % info->blockElements == 0;
}

namespace {

using TileKernel = void (*)(StorageId, const TileJob&);

TileKernel tileKernel(const Kernels& kernels, StorageId type) {
  switch (type) {
    case StorageId::kF32:
    case StorageId::kF16:
    case StorageId::kBf16: return kernels.linearTileFloat;
    case StorageId::kIq2Xxs:
    case StorageId::kIq2Xs:
    case StorageId::kIq2S:
    case StorageId::kIq3Xxs:
    case StorageId::kIq3S:
    case StorageId::kIq1S:
    case StorageId::kIq1M:
    case StorageId::kTq1_0: return kernels.linearTileCodebook;
    default: return storageInfo(type)->activation == Activation::kQ256 ? kernels.linearTileK : kernels.linearTile32;
  }
}

constexpr int64_t kPieceTokens = 512;
constexpr int64_t kPieceNs = 10000;  // how long a piece takes, about

// A job cut into pieces: for each expert, for each 512 of its tokens, numRowPieces pieces of pieceRows rows.
struct Plan {
  TileKernel kernel;
  int64_t rowBytes, pieceRows, numRowPieces, numPieces;
};

int64_t tokenPieces(int64_t tokens) { return (tokens + kPieceTokens - 1) / kPieceTokens; }

int64_t tokensBefore(const LinearJob& job, int32_t expert) {
  return job.offsets ? job.offsets[expert] : expert * job.numTokens;
}

Plan planJob(const LinearJob& job, const Kernels& kernels) {
  Plan plan;
  plan.kernel = tileKernel(kernels, job.weights.type);
  plan.rowBytes = weightRowBytes(job.weights);
  int64_t used = 0, pieces = 0;
  for (int32_t e = 0; e < job.numExperts; ++e) {
    const int64_t tokens = tokensBefore(job, e + 1) - tokensBefore(job, e);
    if (tokens > 0) ++used;
    pieces += tokenPieces(tokens);
  }
  // 16 bytes of weights or 64 products take a nanosecond.
  const int64_t tokensEach = used ? (job.numTokens + used - 1) / used : 0;
  const int64_t rowNs64 =
      4 * plan.rowBytes + job.weights.cols * (tokensEach < kPieceTokens ? tokensEach : kPieceTokens);
  const int64_t most = 64 * kPieceNs / (rowNs64 + 1) / kTileRows;
  plan.pieceRows = (most < 1 ? 1 : most) * kTileRows;
  plan.numRowPieces = (job.weights.rows + plan.pieceRows - 1) / plan.pieceRows;
  plan.numPieces = pieces * plan.numRowPieces;
  return plan;
}

struct Piece {
  int32_t expert;
  int64_t firstToken, numTokens, firstRow, endRow;
};

// Row pieces are outermost within an expert's tokens, so that a piece of weights is used by all tokens while cached.
Piece pieceOf(const LinearJob& job, const Plan& plan, int64_t index) {
  for (int32_t e = 0;; ++e) {
    const int64_t first = tokensBefore(job, e), tokens = tokensBefore(job, e + 1) - first;
    const int64_t blocks = tokenPieces(tokens), here = blocks * plan.numRowPieces;
    if (index >= here) {
      index -= here;
      continue;
    }
    const int64_t row = index / blocks * plan.pieceRows, block = index % blocks * kPieceTokens;
    Piece piece;
    piece.expert = e;
    piece.firstToken = first + block;
    piece.numTokens = tokens - block < kPieceTokens ? tokens - block : kPieceTokens;
    piece.firstRow = row;
    piece.endRow = row + plan.pieceRows < job.weights.rows ? row + plan.pieceRows : job.weights.rows;
    return piece;
  }
}

const uint8_t* weightsOf(const LinearJob& job, int32_t expert) {
  return job.weights.data + (job.numExperts > 1 ? expert * job.weights.expertBytes : 0);
}

struct Place {
  const LinearJob* job;
  const Plan* plan;
  Piece piece;
  const uint8_t* weights() const { return weightsOf(*job, piece.expert) + piece.firstRow * plan->rowBytes; }
};

void runPiece(const Place& place, const uint8_t* next, uint8_t* scratch) {
  const LinearJob& job = *place.job;
  const Piece& piece = place.piece;
  TileJob tile;
  tile.weights = weightsOf(job, piece.expert);
  tile.rowBytes = place.plan->rowBytes;
  tile.cols = job.weights.cols;
  tile.numRows = job.weights.rows;
  tile.firstRow = piece.firstRow;
  tile.endRow = piece.endRow;
  tile.activations = static_cast<const uint8_t*>(job.x);
  tile.xRowBytes = job.xRowBytes;
  tile.numTokens = piece.numTokens;
  tile.ldOut = job.ldOut;
  // Where a table is missing, the token's number is the row.
  tile.xRows = job.xRows ? job.xRows + piece.firstToken : nullptr;
  if (!job.xRows) tile.activations += piece.firstToken * job.xRowBytes;
  tile.outRows = job.outRows ? job.outRows + piece.firstToken : nullptr;
  tile.out = job.outRows ? job.out : job.out + piece.firstToken * job.ldOut;
  tile.next = next;
  tile.scratch = scratch;
  place.plan->kernel(job.weights.type, tile);
}

// Pieces that nobody has taken yet of a share: begin << 32 | end. Its thread takes them from the front, so that it
// reads memory in one direction and knows what comes next; others, when theirs are done, from the back.
struct alignas(64) Share {
  std::atomic<uint64_t> left;
  explicit Share(uint64_t begin, uint64_t end) : left(begin << 32 | end) {}
  static int64_t begin(uint64_t pieces) { return static_cast<int64_t>(pieces >> 32); }
  static int64_t end(uint64_t pieces) { return static_cast<int64_t>(pieces & 0xffffffffu); }

  /// The piece and the one after it, -1 where there is none; false when nothing is left.
  bool take(bool fromFront, int64_t* piece, int64_t* next) {
    uint64_t seen = left.load(std::memory_order_relaxed);
    do {
      if (begin(seen) >= end(seen)) return false;
    } while (!left.compare_exchange_weak(seen, fromFront ? seen + (uint64_t{1} << 32) : seen - 1,
                                         std::memory_order_relaxed));
    *piece = fromFront ? begin(seen) : end(seen) - 1;
    *next = begin(seen) + 1 == end(seen) ? -1 : fromFront ? *piece + 1 : *piece - 1;
    return true;
  }
};

constexpr int64_t kThreadScratchBytes = kTileScratchBytes + static_cast<int64_t>(sizeof(Share));

}  // namespace

int64_t linearScratchBytes(int numThreads) { return kThreadScratchBytes * (numThreads < 1 ? 1 : numThreads); }

void linear(const LinearJob* jobs, int numJobs, Device& device, void* scratch) {
  ThreadPool& pool = device.pool;
  Plan plans[kMaxLinearJobs];
  int64_t total = 0;
  for (int j = 0; j < numJobs; ++j) total += (plans[j] = planJob(jobs[j], device.kernels)).numPieces;
  const auto placeOf = [&](int64_t index) {
    int j = 0;
    for (; index >= plans[j].numPieces; ++j) index -= plans[j].numPieces;
    return Place{jobs + j, plans + j, pieceOf(jobs[j], plans[j], index)};
  };
  const int64_t numShares = total < pool.numThreads() ? total : pool.numThreads();
  uint8_t* const tileScratch = static_cast<uint8_t*>(scratch);
  Share* const shares = reinterpret_cast<Share*>(tileScratch + pool.numThreads() * kTileScratchBytes);
  for (int64_t i = 0; i < numShares; ++i)
    new (shares + i)
        Share(static_cast<uint64_t>(total * i / numShares), static_cast<uint64_t>(total * (i + 1) / numShares));
  pool.parallelFor(numShares, [&](int64_t mine, int thread) {
    int64_t index, next;
    for (int64_t i = 0; i < numShares; ++i) {
      Share& share = shares[(mine + i) % numShares];
      while (share.take(i == 0, &index, &next))
        runPiece(placeOf(index), next < 0 ? nullptr : placeOf(next).weights(),
                 tileScratch + thread * kTileScratchBytes);
    }
  });
}

void quantizeActivations(Activation kind, const float* x, int64_t ldX, int64_t numRows, int64_t cols, void* out,
                         Device& device) {
  const int64_t rowBytes = activationRowBytes(kind, cols);
  const int64_t rowsEach = 1 + 65536 / (cols + 1);
  const auto kernel = device.kernels.quantizeRows;
  device.pool.parallelFor((numRows + rowsEach - 1) / rowsEach, [&](int64_t chunk, int) {
    const int64_t first = chunk * rowsEach, rows = numRows - first < rowsEach ? numRows - first : rowsEach;
    kernel(kind, x + first * ldX, ldX, rows, cols, static_cast<uint8_t*>(out) + first * rowBytes);
  });
}

}  // namespace dots
