#include "ops/routed-rows.h"

#include "kernels/embedding.h"
#include "kernels/router.h"

namespace dots::ops {

const RoutedRows* routedRows(Call& op, int experts, int64_t numExperts) {
  RoutedRows& routed = op.workspace().routedRows;
  if (routed.experts == op.id(experts) && routed.numExperts == numExperts) return &routed;
  const int32_t* experts_R = op.integers(experts);
  const int64_t numRows = op.elements(experts), k = op.width(experts);
  if (op.kernels().findOutside(experts_R, numRows, numExperts) >= 0)
    return op.fail("an expert that does not exist was chosen"), nullptr;
  if (!routed.offsets_E.resize(static_cast<size_t>(numExperts) + 1) ||
      !routed.rows_R.resize(static_cast<size_t>(numRows)) || !routed.tokens_R.resize(static_cast<size_t>(numRows)))
    return op.outOfMemory("routed rows"), nullptr;
  op.kernels().groupByExpert(experts_R, numRows, numExperts, routed.offsets_E.data(), routed.rows_R.data());
  for (size_t i = 0; i < routed.rows_R.size(); ++i) routed.tokens_R[i] = static_cast<int32_t>(routed.rows_R[i] / k);
  routed.experts = op.id(experts);
  routed.numExperts = numExperts;
  return &routed;
}

}  // namespace dots::ops
