// The sum of all squares, for the norm of the gradients.
#include "op.h"

#include "kernels/gradients.h"

namespace dots::ops {

namespace {

/// Elements whose squares are summed in f32 before their sums are added in f64.
constexpr int64_t kSquaresEach = 1 << 14;

}  // namespace

bool sumSquares::fits(const Operands& op) { return op.isMark() && op.isFloats(0); }

bool sumSquares::run(Call& op) {
  const int64_t length = op.elements(0), numChunks = (length + kSquaresEach - 1) / kSquaresEach;
  float* const sums = op.scratch(numChunks);
  if (!sums) return false;
  op.pool().parallelFor(numChunks, [&, kernel = op.kernels().sumSquares](int64_t chunk, int) {
    const int64_t begin = chunk * kSquaresEach;
    sums[chunk] = kernel(op.floats(0), begin, begin + kSquaresEach < length ? begin + kSquaresEach : length);
  });
  double sum = 0;
  for (int64_t chunk = 0; chunk < numChunks; ++chunk) sum += sums[chunk];
  op.floats(kOut)[0] = static_cast<float>(sum);
  return true;
}

}  // namespace dots::ops
