// Gradient of linear for its matrix: gradient, x.
#include "op.h"

#include "ops/weight-gradients.h"

namespace dots::ops {

bool linearGradWeight::fits(const Operands& op) {
  return op.isRows(0) && op.isRows(1) && op.isRows(kOut) && op.axis(0, 0) == op.axis(1, 0) &&
         op.axis(kOut, 0) == op.axis(0, 1) && op.axis(kOut, 1) == op.axis(1, 1);
}

bool linearGradWeight::run(Call& op) { return op.multiply(weightGradient(op, 0, 1, kOut)); }

WeightProduct weightGradient(Call& op, int gradient, int x, int sum) {
  WeightProduct product;
  product.gradient = {op.floats(gradient), op.width(gradient), nullptr};
  product.x = {op.floats(x), op.width(x), nullptr};
  product.numTokens = op.axis(gradient, 0);
  product.rows = op.axis(sum, op.rank(sum) - 2);
  product.cols = op.width(sum);
  product.out = op.floats(sum);
  return product;
}

}  // namespace dots::ops
