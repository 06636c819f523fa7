// Routed rows times the matrix of the expert that each was sent to.
#include "op.h"

#include "ops/products.h"

namespace dots::ops {

bool groupedLinear::fits(const Operands& op) {
  if (!fitsProduct(op, 3) || !op.isIntegers(2)) return false;
  const int64_t numRouted = op.elements(2);
  return numRouted < INT32_MAX && op.axis(kOut, 0) == numRouted &&
         (op.axis(0, 0) == numRouted || op.axis(0, 0) * op.width(2) == numRouted);
}

bool groupedLinear::run(Call& op) { return runProducts(op); }

}  // namespace dots::ops
