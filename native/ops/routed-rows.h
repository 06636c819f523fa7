// Routed rows sorted by expert, for products that go expert by expert.
#pragma once

#include "op.h"

namespace dots::ops {

/// The rows that the choice in operand `experts` sends to each of the experts; null, with the error set, if it names
/// one that does not exist or where there is no memory. Kept while products use the same choice.
const RoutedRows* routedRows(Call& op, int experts, int64_t numExperts);

}  // namespace dots::ops
