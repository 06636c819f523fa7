// What causalAttention and its gradient share. Operand q is the queries; keys, values and sequences follow it. In the
// gradient the gradient of the output comes before them.
#pragma once

#include "op.h"

namespace dots::ops {

bool fitsCausalAttention(const Operands& op, int q);
/// Forward where q is 0, else the gradients.
bool attendToDocuments(Call& op, int q);

}  // namespace dots::ops
