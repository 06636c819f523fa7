// What a sequence's balance loss asks of each expert's score: experts, sequences, factor.
#include "op.h"

#include <cstring>

#include "kernels/embedding.h"

namespace dots::ops {

bool balanceWeights::fits(const Operands& op) {
  const int64_t numTokens = op.axis(kOut, 0);
  return op.isRows(kOut) && op.isRouting(0) && op.axis(0, 0) == numTokens && op.isIntegers(1) &&
         op.elements(1) == numTokens && op.isFloats(2) && op.elements(2) == 1;
}

bool balanceWeights::run(Call& op) {
  const int64_t numTokens = op.axis(kOut, 0), numExperts = op.width(kOut), k = op.width(0);
  const int32_t *experts_TK = op.integers(0), *sequences_T = op.integers(1);
  if (op.kernels().findOutside(experts_TK, numTokens * k, numExperts) >= 0)
    return op.fail("an expert that does not exist was chosen");
  float* const y_TE = op.floats(kOut);
  int64_t numSequences = 0;
  for (int64_t t = 0; t < numTokens; ++t) numSequences += t == 0 || sequences_T[t] != sequences_T[t - 1];
  const double factor = op.floats(2)[0];
  for (int64_t start = 0, end = 0; start < numTokens; start = end) {
    for (end = start + 1; end < numTokens && sequences_T[end] == sequences_T[start];) ++end;
    // The first row collects the counts; the others are copies of what it becomes.
    float* const row = y_TE + start * numExperts;
    std::memset(row, 0, static_cast<size_t>(numExperts) * sizeof(float));
    for (int64_t i = start * k; i < end * k; ++i) row[experts_TK[i]] += 1;
    const double length = static_cast<double>(end - start);
    const double each = factor * static_cast<double>(numExperts) /
                        (static_cast<double>(k) * length * length * static_cast<double>(numSequences));
    for (int64_t e = 0; e < numExperts; ++e) row[e] = static_cast<float>(row[e] * each);
    for (int64_t t = start + 1; t < end; ++t)
      std::memcpy(y_TE + t * numExperts, row, static_cast<size_t>(numExperts) * sizeof(float));
  }
  return true;
}

}  // namespace dots::ops
