// Heads turned by the position of their token.
#include "op.h"

#include "kernels/rope.h"
#include "ops/rope-angles.h"

namespace dots::ops {

bool rope::fits(const Operands& op) { return fitsRope(op); }

bool rope::run(Call& op) {
  const float* const angles = ropeAngles(op);
  op.share(op.rows(kOut), 2 * op.width(kOut), [&, kernel = DOTS_KERNEL(rope)](int64_t begin, int64_t end, int) {
    kernel(op.floats(0), angles, op.axis(kOut, 1), op.width(kOut), op.floats(kOut), begin, end);
  });
  return true;
}

bool fitsRope(const Operands& op) {
  return op.areAlike(1) && op.isIntegers(1) && op.rank(kOut) == 3 && op.elements(1) == op.axis(kOut, 0) &&
         op.width(kOut) % 2 == 0 && op.axis(kOut, 1) >= 1;
}

const float* ropeAngles(Call& op) {
  RopeAngles& known = op.workspace().ropeAngles;
  const int64_t numTokens = op.axis(kOut, 0), headWidth = op.width(kOut);
  if (known.positions != op.id(1) || known.theta != op.constant(0) || known.headWidth != headWidth) {
    known.angles_T2P.resize(static_cast<size_t>(numTokens * headWidth));
    // Sine and cosine in double: some fifty nanoseconds an element.
    op.share(numTokens, headWidth * 32, [&, kernel = DOTS_KERNEL(ropeAngles)](int64_t begin, int64_t end, int) {
      kernel(op.integers(1), op.constant(0), headWidth, known.angles_T2P.data(), begin, end);
    });
    known.positions = op.id(1);
    known.theta = op.constant(0);
    known.headWidth = headWidth;
  }
  return known.angles_T2P.data();
}

}  // namespace dots::ops
