// Levels from zero up with a minimum: q4_1 and q5_1 with both for each block, q2_k, q4_k and q5_k with whole multiples
// of two halves for each sub-block.
#include "encode/affine-search.h"
#include "encode/families.h"
#include "encode/pack.h"

namespace dots {
namespace DOTS_ISA {
namespace {

// Scale and base as a block stores them, with values counted from the smallest one, `low`, or the sums of a block far
// from zero would lose what distinguishes its values.
DOTS_INLINE Affine stored(const Affine& a, Lanes low) { return {toHalf(a.scale), toHalf(a.base + low) - low}; }

void packPlain(const EncodeJob& job, int64_t at, int lanes, const Affine& fit, Lanes low, BlockCodes* blocks) {
  const int blockBytes = storageInfo(job.type)->blockBytes;
  uint16_t scales[16], bases[16];
  storeF16x16(scales, fit.scale);
  storeF16x16(bases, toHalf(fit.base + low));
  for (int lane = 0; lane < lanes; ++lane) {
    blocks[lane].d = scales[lane];
    blocks[lane].dmin = bases[lane];
    packBlock(job.type, blocks[lane], job.out + (at + lane) * blockBytes);
  }
}

DOTS_OUTLINE void encodePlain(const EncodeJob& job, int64_t first, int64_t count, float most, const AffineGrid& grid) {
  Group g;
  BlockCodes blocks[16];
  for (int64_t at = first; at < first + count; at += 16) {
    const int lanes = static_cast<int>(minOf<int64_t>(16, first + count - at));
    loadGroup(job, at, lanes, 32, &g);
    Lanes low, high;
    findRange(g, &low, &high);
    for (int j = 0; j < 32; ++j) store16(g.x[j], g.value(j) - low);
    const AffineBlocks blocks16(g, most, true);
    Affine fit = stored(blocks16.search(grid, zeros(), high - low), low), best = fit;
    Lanes least = set16(3e38f);
    for (int i = 0; i < 2; ++i) {
      const AffineSums s = blocks16.measure(fit);
      const Mask16 isBetter = lessThan(s.error, least);
      least = select(isBetter, s.error, least);
      best.scale = select(isBetter, fit.scale, best.scale);
      best.base = select(isBetter, fit.base, best.base);
      fit = stored(blocks16.solve(s), low);
    }
    blocks16.store(best, blocks[0].levels, sizeof(BlockCodes));
    packPlain(job, at, lanes, best, low, blocks);
  }
}

// The types that people choose for speed are written as fast as plain rounding: the levels of the line from the
// smallest value to the largest, and the line that fits them best. All elements count the same.
DOTS_OUTLINE void encodeQuick(const EncodeJob& job, int64_t first, int64_t count, float most) {
  const Lanes size = set16(32);
  Group g;
  BlockCodes blocks[16];
  for (int64_t at = first; at < first + count; at += 16) {
    const int lanes = static_cast<int>(minOf<int64_t>(16, first + count - at));
    loadGroup(job, at, lanes, 32, &g);
    Lanes low, high;
    findRange(g, &low, &high);
    const Lanes inverse = ratio(set16(1.0f), (high - low) * (1.0f / most));
    Lanes q = zeros(), qq = zeros(), xq = zeros(), x = zeros();
    for (int j = 0; j < 32; ++j) {
      const Lanes value = g.value(j) - low, level = roundEven(value * inverse);
      q = q + level;
      qq = qq + level * level;
      xq = xq + level * value;
      x = x + value;
    }
    const Lanes determinant = size * qq - q * q;
    const Mask16 isSingular = lessThan(determinant, size * qq * 1e-5f);
    Affine fit;
    fit.scale = select(isSingular, zeros(), ratio(size * xq - x * q, determinant));
    fit.base = select(isSingular, x * (1.0f / 32), ratio(qq * x - q * xq, determinant));
    fit = stored(fit, low);
    const Lanes fitted = ratio(set16(1.0f), fit.scale);
    for (int j = 0; j < 32; j += 16) {
      Vec16 levels[16];
      for (int i = 0; i < 16; ++i) levels[i] = roundEven(clamp((g.value(j + i) - low - fit.base) * fitted, 0.0f, most));
      storeLevels(levels, blocks[0].levels + j, sizeof(BlockCodes));
    }
    packPlain(job, at, lanes, fit, low, blocks);
  }
}

// A sub-block is d * k * level - dmin * m.
struct SuperAffine {
  Lanes d, dmin, k, m;

  DOTS_METHOD Affine line() const { return {d * k, zeros() - dmin * m}; }
};

struct SuperSearch {
  const AffineBlocks& blocks;
  int width;
  float mostMultiple;

  DOTS_METHOD Lanes whole(Lanes a) const { return roundEven(clamp(a, 0.0f, mostMultiple)); }

  // The halves that fit best for given multiples and levels.
  DOTS_OUTLINE void solve(const AffineSums& s, SuperAffine* fit) const {
    const Lanes kk = sumRuns(fit->k * fit->k * s.qq, width), km = sumRuns(fit->k * fit->m * s.q, width);
    const Lanes mm = sumRuns(fit->m * fit->m * blocks.weight, width);
    const Lanes xk = sumRuns(fit->k * s.xq, width), xm = sumRuns(fit->m * blocks.x, width);
    const Lanes determinant = kk * mm - km * km;
    const Mask16 isSingular = lessThan(determinant, kk * mm * 1e-6f + set16(1e-30f));
    const Lanes d = select(isSingular, ratio(xk, kk), ratio(xk * mm - xm * km, determinant));
    const Lanes dmin = select(isSingular, zeros(), ratio(xk * km - xm * kk, determinant));
    // Neither may be negative; without minimums the rest is a plain scale.
    const Mask16 isPlain = lessThan(dmin, zeros());
    fit->d = toHalf(max(zeros(), select(isPlain, ratio(xk, kk), d)));
    fit->dmin = toHalf(max(zeros(), dmin));
  }

  // Multiples next to the present ones, with the levels nearest for each.
  DOTS_OUTLINE AffineSums improveMultiples(SuperAffine* fit) const {
    AffineSums best = blocks.measure(fit->line());
    const SuperAffine middle = *fit;
    for (int i = 0; i < 9; ++i) {
      if (i == 4) continue;
      SuperAffine near = middle;
      near.k = clamp(middle.k + set16(static_cast<float>(i / 3 - 1)), 0.0f, mostMultiple);
      near.m = clamp(middle.m + set16(static_cast<float>(i % 3 - 1)), 0.0f, mostMultiple);
      const AffineSums s = blocks.measure(near.line());
      const Mask16 isBetter = lessThan(s.error, best.error);
      best.q = select(isBetter, s.q, best.q);
      best.qq = select(isBetter, s.qq, best.qq);
      best.xq = select(isBetter, s.xq, best.xq);
      best.error = select(isBetter, s.error, best.error);
      fit->k = select(isBetter, near.k, fit->k);
      fit->m = select(isBetter, near.m, fit->m);
    }
    return best;
  }

  // The sub-blocks' own lines, in whole multiples of the best pair of halves on a grid: with the levels that they had
  // alone, the error of any multiples is a quadratic form and needs no look at the elements.
  DOTS_OUTLINE SuperAffine start(const Affine& alone, const AffineGrid& grid) const {
    const AffineSums s = blocks.measure(alone);
    const Lanes scale = extremeOfRuns(alone.scale, width), base = extremeOfRuns(alone.base, width);
    SuperAffine best = {zeros(), zeros(), zeros(), zeros()};
    Lanes most = set16(-3e38f);
    for (int i = 0; i < grid.count; ++i)
      for (int j = 0; j < grid.count; ++j) {
        SuperAffine trial;
        trial.d = toHalf(scale * (1.0f / (grid.from + grid.step * static_cast<float>(i))));
        trial.dmin = toHalf(zeros() - base * (1.0f / (grid.from + grid.step * static_cast<float>(j))));
        trial.k = whole(ratio(alone.scale, trial.d));
        trial.m = whole(ratio(trial.d * trial.k * s.q - blocks.x, blocks.weight * trial.dmin));
        const Lanes now = sumRuns(blocks.explained(trial.line(), s), width);
        const Mask16 isBetter = lessThan(most, now);
        most = select(isBetter, now, most);
        best.d = select(isBetter, trial.d, best.d);
        best.dmin = select(isBetter, trial.dmin, best.dmin);
        best.k = select(isBetter, trial.k, best.k);
        best.m = select(isBetter, trial.m, best.m);
      }
    return best;
  }

  DOTS_OUTLINE SuperAffine search(const Affine& alone, const AffineGrid& grid) const {
    SuperAffine fit = start(alone, grid), best = fit;
    Lanes least = set16(3e38f);
    for (int i = 0; i < grid.fits; ++i) {
      const AffineSums s = improveMultiples(&fit);
      const Lanes error = sumRuns(s.error, width);
      const Mask16 isBetter = lessThan(error, least);
      least = select(isBetter, error, least);
      best.d = select(isBetter, fit.d, best.d);
      best.dmin = select(isBetter, fit.dmin, best.dmin);
      best.k = select(isBetter, fit.k, best.k);
      best.m = select(isBetter, fit.m, best.m);
      solve(s, &fit);
    }
    return best;
  }
};

DOTS_OUTLINE void encodeK(const EncodeJob& job, int64_t first, int64_t count, float most, int size, float mostMultiple,
                          const AffineGrid& grid, const AffineGrid& superGrid) {
  const int blockBytes = storageInfo(job.type)->blockBytes, width = 256 / size, perGroup = 16 / width;
  Group g;
  BlockCodes blocks[2];
  int8_t levels[16 * 32];
  for (int64_t at = first; at < first + count; at += perGroup) {
    const int numBlocks = static_cast<int>(minOf<int64_t>(perGroup, first + count - at));
    loadGroup(job, at * width, numBlocks * width, size, &g);
    const AffineBlocks sub(g, most, false);
    const SuperSearch super = {sub, width, mostMultiple};
    Lanes low, high;
    findRange(g, &low, &high);
    const SuperAffine fit = super.search(sub.search(grid, low, high), superGrid);
    sub.store(fit.line(), levels, size);
    uint16_t d[16], dmin[16];
    float k[16], m[16];
    storeF16x16(d, fit.d);
    storeF16x16(dmin, fit.dmin);
    store16(k, fit.k);
    store16(m, fit.m);
    for (int b = 0; b < numBlocks; ++b) {
      BlockCodes& block = blocks[b];
      memcpy(block.levels, levels + 256 * b, 256);
      block.d = d[b * width];
      block.dmin = dmin[b * width];
      for (int s = 0; s < width; ++s) {
        block.multiples[s] = static_cast<int16_t>(k[b * width + s]);
        block.minimums[s] = static_cast<int16_t>(m[b * width + s]);
      }
      packBlock(job.type, block, job.out + (at + b) * blockBytes);
    }
  }
}

}  // namespace

void encodeAffine(const EncodeJob& job, int64_t first, int64_t count) {
  constexpr AffineGrid kRich = {-0.4f, 0.3f, 6, 1};
  switch (job.type) {
    case StorageId::kQ4_1:
    case StorageId::kQ5_1: {
      const float most = job.type == StorageId::kQ4_1 ? 15 : 31;
      return job.importance ? encodePlain(job, first, count, most, kRich) : encodeQuick(job, first, count, most);
    }
    case StorageId::kQ2K: return encodeK(job, first, count, 3, 16, 15, {-0.45f, 0.13f, 8, 1}, {11, 0.6f, 9, 4});
    case StorageId::kQ4K: return encodeK(job, first, count, 15, 32, 63, {-0.45f, 0.2f, 9, 1}, {58, 1, 8, 4});
    default: return encodeK(job, first, count, 31, 32, 63, {-0.45f, 0.2f, 9, 1}, {58, 1, 8, 4});
  }
}

}  // namespace DOTS_ISA
}  // namespace dots
