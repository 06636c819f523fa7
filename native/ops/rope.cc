// Heads turned by the position of their token.
#include "op.h"

#include "kernels/rope.h"
#include "ops/turn-heads.h"

namespace dots::ops {

bool rope::fits(const Operands& op) { return fitsRope(op); }

bool rope::run(Call& op) {
  return turnHeads(op, areInterleaved(op) ? op.kernels().ropeInterleaved : op.kernels().rope);
}

bool fitsRope(const Operands& op) {
  const bool hasFactors = op.numInputs() > 2;
  return op.areAlike(1) && op.isIntegers(1) && op.rank(kOut) == 3 && op.elements(1) == op.axis(kOut, 0) &&
         op.width(kOut) % 2 == 0 && op.axis(kOut, 1) >= 1 &&
         (!hasFactors || (op.isFloats(2) && 2 * op.elements(2) == op.width(kOut)));
}

bool areInterleaved(const Operands& op) { return op.constant(1) != 0; }

namespace {

/// The step's angles, made once for all layers and heads that turn alike. False with the error set where there is no
/// memory for them.
bool makeRopeAngles(Call& op) {
  RopeAngles& known = op.workspace().ropeAngles;
  const int64_t numTokens = op.axis(kOut, 0), headWidth = op.width(kOut);
  const int32_t factors = op.numInputs() > 2 ? op.id(2) : -1;
  if (known.positions != op.id(1) || known.factors != factors || known.theta != op.constant(0) ||
      known.headWidth != headWidth) {
    if (!known.angles_T2P.resize(static_cast<size_t>(numTokens * headWidth)))
      return op.outOfMemory("angles of positions");
    const float* const factors_P = factors >= 0 ? op.floats(2) : nullptr;
    // Sine and cosine in double: some fifty nanoseconds an element.
    op.share(numTokens, headWidth * 32, [&, kernel = op.kernels().ropeAngles](int64_t begin, int64_t end, int) {
      kernel(op.integers(1), op.constant(0), factors_P, headWidth, known.angles_T2P.data(), begin, end);
    });
    known.positions = op.id(1);
    known.factors = factors;
    known.theta = op.constant(0);
    known.headWidth = headWidth;
  }
  return true;
}

}  // namespace

bool turnHeads(Call& op, TurnKernel* kernel) {
  if (!makeRopeAngles(op)) return false;
  const float* const angles = op.workspace().ropeAngles.angles_T2P.data();
  op.share(op.rows(kOut), 2 * op.width(kOut), [&](int64_t begin, int64_t end, int) {
    kernel(op.floats(0), angles, op.axis(kOut, 1), op.width(kOut), op.floats(kOut), begin, end);
  });
  return true;
}

}  // namespace dots::ops
