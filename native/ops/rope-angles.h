// What rope and its gradient share.
#pragma once

#include "op.h"

namespace dots::ops {

/// Heads [T, N, H] and positions [T].
bool fitsRope(const Operands& op);
/// The step's angles, made once for all layers and heads that turn alike.
const float* ropeAngles(Call& op);

}  // namespace dots::ops
