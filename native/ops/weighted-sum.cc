// What the experts of a token give, added up by weight: routed rows, weights.
#include "op.h"

#include "kernels/combine.h"

namespace dots::ops {

bool weightedSum::fits(const Operands& op) {
  return op.areFloats(0, 1, kOut) && op.width(0) == op.width(kOut) && op.rows(0) == op.elements(1) &&
         op.rows(1) == op.rows(kOut);
}

bool weightedSum::run(Call& op) {
  const int64_t k = op.width(1), width = op.width(kOut);
  op.share(op.rows(kOut), k * width, [&, kernel = op.kernels().weightedSum](int64_t begin, int64_t end, int) {
    kernel(op.floats(0), op.floats(1), k, width, nullptr, op.floats(kOut), begin, end);
  });
  return true;
}

}  // namespace dots::ops
