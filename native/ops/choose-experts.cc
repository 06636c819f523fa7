// The experts of each token: the largest biased scores among the best groups.
#include "op.h"

#include "kernels/router.h"
#include "ops/groups.h"

namespace dots::ops {

bool chooseExperts::fits(const Operands& op) {
  const int64_t numExperts = op.width(0), k = op.width(kOut);
  return op.areFloats(0, 1) && op.isIntegers(kOut) && op.rank(kOut) > 1 && op.elements(1) == numExperts &&
         op.constant(0) == static_cast<double>(k) && k <= numExperts && op.rows(0) == op.rows(kOut) &&
         areGroups(op.constant(1), op.constant(2), numExperts);
}

bool chooseExperts::run(Call& op) {
  Routing routing;
  routing.numExperts = static_cast<int32_t>(op.width(0));
  routing.numExpertsPerToken = static_cast<int32_t>(op.width(kOut));
  routing.numGroups = static_cast<int32_t>(op.constant(1));
  routing.numKept = static_cast<int32_t>(op.constant(2));
  // In lines of the cache of their own, for each thread.
  const int64_t floatsEach = (routing.numExperts + routing.numGroups + 15) / 16 * 16;
  float* const scratch = op.scratch(floatsEach * op.pool().numThreads());
  if (!scratch) return false;
  op.share(op.rows(kOut), 16 * routing.numExperts,
           [&, kernel = op.kernels().chooseExperts](int64_t begin, int64_t end, int thread) {
             kernel(routing, op.floats(0), op.floats(1), scratch + thread * floatsEach, op.writableIntegers(kOut),
                    begin, end);
           });
  return true;
}

}  // namespace dots::ops
