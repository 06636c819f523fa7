// What crossEntropy and its gradient share.
#pragma once

#include "op.h"

namespace dots::ops {

/// How many rows of logits have a target; -1 with the error set if one is outside of the vocabulary.
int64_t countTargets(Call& op, int logits, int targets);

}  // namespace dots::ops
