// Muon: steps along the nearest orthogonal matrix of the gradients' running mean.
#include "executor.h"

#include <algorithm>
#include <cmath>

namespace dots {
namespace {

// The quintic a x + b x^3 + c x^5 that takes singular values towards 1; graph/ops/muon.ts says where it is from.
constexpr float kA = 3.4445f, kB = -4.7750f, kC = 2.0315f;
constexpr int kIterations = 5;
/// Floats of all the matrices that are worked on at a time.
constexpr int64_t kFloatsAtOnce = 16 << 20;

}  // namespace

bool Executable::runMuon(const Instruction& instruction, std::string* error) {
  const std::vector<int32_t>& in = instruction.inputs;
  const bool isStack = value(in[0]).rank == 3;
  const int64_t rows = axis(in[0], isStack ? 1 : 0), cols = lastAxis(in[0]), size = rows * cols,
                numMatrices = elements(in[0]) / size;
  // Products are of the smaller side: X·Xᵀ where there are fewer rows, Xᵀ·X where there are fewer columns.
  const bool isWide = rows <= cols;
  const int64_t side = isWide ? rows : cols, square = side * side, floatsEach = 2 * size + 3 * square;
  const int64_t most = std::min(numMatrices, std::max<int64_t>(1, kFloatsAtOnce / floatsEach));
  float* const scratch = scratchFloats(most * floatsEach, error);
  if (!scratch) return false;
  const float* rates = floats(in[3]);
  const float beta = static_cast<float>(instruction.constants[0]), rate = rates[0], clip = rates[1];
  const float kept = static_cast<float>(1 - static_cast<double>(rate) * instruction.constants[1]);
  const float length =
      static_cast<float>(static_cast<double>(rate) * 0.2 * std::sqrt(static_cast<double>(std::max(rows, cols))));
  std::vector<int32_t> bySize(static_cast<size_t>(most) + 1), bySide(static_cast<size_t>(most) + 1);
  for (int64_t i = 0; i <= most; ++i) {
    bySize[static_cast<size_t>(i)] = static_cast<int32_t>(i * rows);
    bySide[static_cast<size_t>(i)] = static_cast<int32_t>(i * side);
  }

  for (int64_t first = 0; first < numMatrices; first += most) {
    const int32_t n = static_cast<int32_t>(std::min(most, numMatrices - first));
    float* x = scratch;
    float* next = x + n * size;
    float* const gram = next + n * size;
    float* const scaledGram = gram + n * square;
    float* const both = scaledGram + n * square;
    float *const parameter = floats(in[0]) + first * size, *const gradient = floats(in[1]) + first * size,
                 *const mean = floats(in[2]) + first * size;
    pool_.parallelFor(n, [&](int64_t matrix, int) {
      const int64_t begin = matrix * size, end = begin + size;
      double squares = 0;
      for (int64_t i = begin; i < end; ++i) {
        const float g = gradient[i] * clip;
        mean[i] = beta * mean[i] + g;
        x[i] = beta * mean[i] + g;
        squares += static_cast<double>(x[i]) * x[i];
        gradient[i] = 0;
      }
      const float inverse = static_cast<float>(1 / (std::sqrt(squares) + 1e-20));
      for (int64_t i = begin; i < end; ++i) x[i] *= inverse;
    });
    for (int iteration = 0; iteration < kIterations; ++iteration) {
      const bool hasGram = isWide ? multiply(RowsProduct{x, cols, nullptr, n * rows, bySize.data(), n, x, rows, cols,
                                                         false, gram, side, nullptr, false},
                                             error)
                                  : multiply(WeightProduct{x, cols, nullptr, x, cols, nullptr, n * rows, bySize.data(),
                                                           n, cols, cols, gram, false},
                                             error);
      if (!hasGram) return false;
      share(n * square, 1, [&](int64_t begin, int64_t end, int) {
        for (int64_t i = begin; i < end; ++i) {
          scaledGram[i] = kC * gram[i];
          both[i] = kB * gram[i];
        }
      });
      share(n * size, 1, [&](int64_t begin, int64_t end, int) {
        for (int64_t i = begin; i < end; ++i) next[i] = kA * x[i];
      });
      // both = b·G + c·G·G, for G is symmetric; next = a·X + both·X, or a·X + X·both.
      if (!multiply(RowsProduct{scaledGram, side, nullptr, n * side, bySide.data(), n, gram, side, side, false, both,
                                side, nullptr, true},
                    error))
        return false;
      const RowsProduct last = isWide ? RowsProduct{both, side, nullptr, n * side, bySide.data(), n,       x,
                                                    side, cols, true,    next,     cols,          nullptr, true}
                                      : RowsProduct{x,    cols, nullptr, n * rows, bySize.data(), n,       both,
                                                    side, side, false,   next,     cols,          nullptr, true};
      if (!multiply(last, error)) return false;
      std::swap(x, next);
    }
    share(n * size, 1, [&](int64_t begin, int64_t end, int) {
      for (int64_t i = begin; i < end; ++i) parameter[i] = parameter[i] * kept - length * x[i];
    });
  }
  floats(instruction.output)[0] = 0;
  return true;
}

}  // namespace dots
