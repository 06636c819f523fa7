// Gradient of linear for its rows: gradient, matrix.
#include "op.h"

namespace dots::ops {

bool linearGradInput::fits(const Operands& op) {
  return op.isRows(0) && op.isMatrix(1, 2) && op.isRows(kOut) && op.axis(0, 0) == op.axis(kOut, 0) &&
         op.axis(0, 1) == op.axis(1, 0) && op.width(kOut) == op.axis(1, 1);
}

bool linearGradInput::run(Call& op) {
  RowsProduct product;
  product.x = {op.floats(0), op.width(0), nullptr};
  product.numTokens = op.axis(0, 0);
  product.weights = op.matrix(1);
  if (!product.weights) return false;
  product.rows = op.axis(1, 0);
  product.cols = op.axis(1, 1);
  product.isTransposed = true;
  product.out = {op.floats(kOut), op.width(kOut), nullptr};
  return op.multiply(product);
}

}  // namespace dots::ops
