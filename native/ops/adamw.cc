// One step of AdamW; the gradient is left at zero: parameter, gradient, mean, square, rates.
#include "op.h"

#include "kernels/gradients.h"

namespace dots::ops {

bool adamw::fits(const Operands& op) {
  return op.isMark() && op.isStored(0) && op.isStored(1) && op.isStored(2) && op.isStored(3) &&
         op.haveElements(op.elements(0), 1, 2, 3) && op.isFloats(4) && op.elements(4) == 4;
}

bool adamw::run(Call& op) {
  const float* r = op.floats(4);
  AdamwRates rates;
  rates.beta1 = op.floatConstant(0);
  rates.oneMinusBeta1 = static_cast<float>(1 - op.constant(0));
  rates.beta2 = op.floatConstant(1);
  rates.oneMinusBeta2 = static_cast<float>(1 - op.constant(1));
  rates.eps = op.floatConstant(2);
  rates.clip = r[1];
  rates.rate = r[0];
  rates.rateTimesDecay = static_cast<float>(static_cast<double>(r[0]) * op.constant(3));
  rates.inverseCorrection1 = 1.0f / r[2];
  rates.inverseCorrection2 = 1.0f / r[3];
  op.share(op.elements(0), 2, [&, kernel = op.kernels().adamw](int64_t begin, int64_t end, int) {
    kernel(rates, op.floats(0), op.floats(1), op.floats(2), op.floats(3), begin, end);
  });
  op.floats(kOut)[0] = 0;
  return true;
}

}  // namespace dots::ops
