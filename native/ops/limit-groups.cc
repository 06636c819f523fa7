// Scores outside of the best groups become minus infinity.
#include "op.h"

#include "kernels/router.h"
#include "ops/groups.h"

namespace dots::ops {

bool limitGroups::fits(const Operands& op) {
  return op.areAlike(1) && op.isRows(0) && op.width(0) == op.width(kOut) &&
         areGroups(op.constant(0), op.constant(1), op.width(kOut));
}

bool limitGroups::run(Call& op) {
  Routing routing;
  routing.numExperts = static_cast<int32_t>(op.width(kOut));
  routing.numExpertsPerToken = 1;
  routing.numGroups = static_cast<int32_t>(op.constant(0));
  routing.numKept = static_cast<int32_t>(op.constant(1));
  float* const scratch = op.scratch(routing.numGroups);
  if (!scratch) return false;
  op.kernels().limitGroups(routing, op.floats(0), scratch, op.floats(kOut), 0, op.rows(kOut));
  return true;
}

}  // namespace dots::ops
