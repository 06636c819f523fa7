// What rope and its gradient share.
#pragma once

#include "op.h"

namespace dots::ops {

/// Heads [T, N, H], positions [T], and the factors [H/2] by which pairs turn more slowly, where they do.
bool fitsRope(const Operands& op);
/// Which elements of a head turn together.
bool areInterleaved(const Operands& op);

using TurnKernel = void(const float* x_TNH, const float* angles_T2P, int64_t numHeads, int64_t headWidth, float* y_TNH,
                        int64_t begin, int64_t end);
/// All heads by the angles of their tokens.
bool turnHeads(Call& op, TurnKernel* kernel);

}  // namespace dots::ops
