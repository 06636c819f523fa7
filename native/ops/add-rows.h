// What scatterAddRows and accumulateRows share.
#pragma once

#include "op.h"

namespace dots::ops {

/// sum[rows[i]] += x[i] for all i in order; all three are numbers of operands.
bool addRows(Call& op, int x, int rows, int sum);

}  // namespace dots::ops
