// Gradients of causalAttention, packed [T, N + 2 G, H]: gradient, q, k, v, sequences.
#include "op.h"

#include "ops/causal-attention.h"

namespace dots::ops {

bool causalAttentionGrad::fits(const Operands& op) {
  return fitsCausalAttention(op, 1) && op.isFloats(0) && op.elements(0) == op.elements(1) &&
         op.axis(kOut, 1) == op.axis(1, 1) + 2 * op.axis(2, 1);
}

bool causalAttentionGrad::run(Call& op) { return attendToDocuments(op, 1); }

}  // namespace dots::ops
