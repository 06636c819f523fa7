// Gradient of swiglu for the gate: gradient, gate, up.
#include "op.h"

#include "kernels/gradients.h"

namespace dots::ops {

bool swigluGradGate::fits(const Operands& op) { return op.areAlike(3); }

bool swigluGradGate::run(Call& op) {
  op.share(op.elements(kOut), 4, [&, kernel = op.kernels().swigluGradGate](int64_t begin, int64_t end, int) {
    kernel(op.floats(0), op.floats(1), op.floats(2), op.floats(kOut), begin, end);
  });
  return true;
}

}  // namespace dots::ops
