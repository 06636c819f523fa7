// Float weights (f32, f16, bf16) and float activations.
//
// The order of an output's sum: within each 64 neighbours, one fused multiply-add after the other from k = 0 upward,
// starting at zero; the sums of 64 are added in the same direction. Lanes are weight rows here too, so the order is the
// same for every instruction set, and the error grows with 64 + K / 64 roundings and not with K.
#include "dot-tiles.h"

namespace dots {
namespace DOTS_ISA {
namespace {

constexpr int kChunk = 64;

// Each type turns 16 bytes of every row into kStep vectors of floats, one for each k.
struct F32Weights {
  static constexpr int kStep = 4, kBytes = 4;
  DOTS_INLINE void floats(const Bytes (&v)[4], Vec* w) {
    DOTS_UNROLL for (int j = 0; j < 4; ++j) w[j] = asFloats(v[j]);
  }
};
struct F16Weights {
  static constexpr int kStep = 8, kBytes = 2;
  DOTS_INLINE void floats(const Bytes (&v)[4], Vec* w) {
    DOTS_UNROLL for (int j = 0; j < 4; ++j) {
      w[2 * j] = f16LowHalves(v[j]);
      w[2 * j + 1] = f16HighHalves(v[j]);
    }
  }
};
struct Bf16Weights {
  static constexpr int kStep = 8, kBytes = 2;
  DOTS_INLINE void floats(const Bytes (&v)[4], Vec* w) {
    DOTS_UNROLL for (int j = 0; j < 4; ++j) {
      w[2 * j] = asFloats(shiftLeft(v[j], 16));
      w[2 * j + 1] = asFloats(v[j] & set4(0xffff0000u));
    }
  }
};

// What is read next. While one group of rows is multiplied, the one after it is fetched, a line at a time, row by row
// at the same place, as it will be read; and once more, into the second-level cache, from kFarRows further on. Rows are
// streams through several pages at once, and the processor's own prefetcher runs ahead in each page. Fetched front to
// back, lines wait for the core's few miss buffers instead, at two thirds of the speed (docs/log.md).
constexpr int64_t kFarRows = 48;

struct RowsAhead {
  const uint8_t* at;
  int64_t farther, stride;
  int left;
  RowsAhead() = default;
  /// For the rows from `row` on. Where nothing follows, `here` is fetched: lines that are there already.
  DOTS_METHOD RowsAhead(const TileJob& job, int64_t row, const uint8_t* here) : stride(job.rowBytes), left(kLanes) {
    const uint8_t *const near = rowToCome(job, row), *const far = rowToCome(job, row + kFarRows);
    at = near ? near : here;
    farther = (far ? far : here) - at;
  }
  /// A line of one row; those of kLanes rows, then the next line of each.
  DOTS_METHOD void line() {
    __builtin_prefetch(at);
    __builtin_prefetch(at + farther, 0, 2);
    at += stride;
    if (--left == 0) at += 64 - kLanes * stride, left = kLanes;
  }
};

// The last, partial step of all rows, followed by zeros: a row's end may be the file's end.
template <class W>
DOTS_INLINE Rows copyTail(const Rows& rows, int64_t k, int64_t cols, uint8_t* buffer) {
  memset(buffer, 0, 16 * kLanes);
  for (int r = 0; r < kLanes; ++r)
    memcpy(buffer + 16 * r, rows.base + r * rows.stride + k * W::kBytes, static_cast<size_t>(cols - k) * W::kBytes);
  return {buffer, 16};
}

constexpr int kLineBytes = 64;

// A line of every row, one after the other.
DOTS_INLINE Rows copyLines(const Rows& rows, uint8_t* buffer) {
  DOTS_UNROLL for (int r = 0; r < kLanes; ++r) memcpy(buffer + r * kLineBytes, rows.base + r * rows.stride, kLineBytes);
  return {buffer, kLineBytes};
}

// 16 bytes of kLanes rows are multiplied by the activations from k on.
template <class W, int NT>
DOTS_INLINE void multiplyStep(const Rows& rows, int64_t k, const float* const* x, Vec* sum) {
  Bytes v[4];
  Vec w[W::kStep];
  loadRows(rows, 0, v);
  W::floats(v, w);
  DOTS_UNROLL for (int j = 0; j < W::kStep; ++j) DOTS_UNROLL for (int t = 0; t < NT; ++t) sum[t] =
      fma(w[j], set1(x[t][k + j]), sum[t]);
}

template <class W, int RV, int NT>
static void fewFloat(const TileJob& job, const RowGroup* groups, const float* const* x, int64_t row) {
  Vec total[RV][NT];
  DOTS_UNROLL for (int r = 0; r < RV; ++r) DOTS_UNROLL for (int t = 0; t < NT; ++t) total[r][t] = zero();
  const bool isCopied = job.rowBytes % kSamePlace == 0;
  RowsAhead ahead[RV];
  for (int r = 0; r < RV; ++r) ahead[r] = RowsAhead(job, row + (RV + r) * kLanes, groups[r].rows.base);
  for (int64_t k0 = 0; k0 < job.cols; k0 += kChunk) {
    Vec sum[RV][NT];
    DOTS_UNROLL for (int r = 0; r < RV; ++r) DOTS_UNROLL for (int t = 0; t < NT; ++t) sum[r][t] = zero();
    const int64_t end = minOf<int64_t>(k0 + kChunk, job.cols);
    int64_t k = k0;
    for (; k + 4 * W::kStep <= end; k += 4 * W::kStep) {
      DOTS_UNROLL for (int r = 0; r < RV; ++r) {
        alignas(64) uint8_t buffer[kLineBytes * kLanes];
        Rows rows = advance(groups[r].rows, k * W::kBytes);
        if (isCopied) rows = copyLines(rows, buffer);
        for (int step = 0; step < 4; ++step, rows = advance(rows, 16)) {
          DOTS_UNROLL for (int i = 0; i < kLanes / 4; ++i) ahead[r].line();
          multiplyStep<W, NT>(rows, k + step * W::kStep, x, sum[r]);
        }
      }
    }
    for (; k + W::kStep <= end; k += W::kStep)
      DOTS_UNROLL for (int r = 0; r < RV; ++r)
          multiplyStep<W, NT>(advance(groups[r].rows, k * W::kBytes), k, x, sum[r]);
    if (k < end)
      for (int r = 0; r < RV; ++r) {
        alignas(64) uint8_t buffer[16 * kLanes];
        Bytes v[4];
        Vec w[W::kStep];
        loadRows(copyTail<W>(groups[r].rows, k, job.cols, buffer), 0, v);
        W::floats(v, w);
        for (int64_t j = 0; j < end - k; ++j)
          for (int t = 0; t < NT; ++t) sum[r][t] = fma(w[j], set1(x[t][k + j]), sum[r][t]);
      }
    DOTS_UNROLL for (int r = 0; r < RV; ++r) DOTS_UNROLL for (int t = 0; t < NT; ++t) total[r][t] =
        add(total[r][t], sum[r][t]);
  }
  for (int r = 0; r < RV; ++r)
    for (int t = 0; t < NT; ++t) storeGroup(outRow(job, t), row + r * kLanes, groups[r], total[r][t]);
}

// Row groups at a time, so that multiply-adds, each of which needs the one before, do not wait; and no more rows than
// the processor's prefetcher follows, one stream each: 64 rows at once are read at half the speed of 16 (docs/log.md).
template <class W, int NT>
static void fewRows(const TileJob& job, const float* const* x) {
  constexpr int kSide = kLanes >= 16 ? 1 : 16 / kLanes;
  for (int64_t row = job.firstRow; row < job.endRow;) {
    RowGroup groups[kSide];
    if (row + kSide * kLanes <= job.endRow) {
      for (int r = 0; r < kSide; ++r) groups[r] = rowGroup(job, row + r * kLanes);
      fewFloat<W, kSide, NT>(job, groups, x, row);
      row += kSide * kLanes;
    } else {
      groups[0] = rowGroup(job, row);
      fewFloat<W, 1, NT>(job, groups, x, row);
      row += groups[0].count;
    }
  }
}

struct alignas(64) FloatPanel {
  float w[kChunk][kLanes];
};

template <class W>
static void unpackFloat(const Rows& rows, int64_t k0, int64_t cols, FloatPanel& panel) {
  const int64_t count = minOf<int64_t>(kChunk, cols - k0);
  for (int64_t j = 0; j < count; j += W::kStep) {
    Bytes v[4];
    Vec w[W::kStep];
    alignas(64) uint8_t buffer[16 * kLanes];
    const bool whole = j + W::kStep <= count;
    loadRows(whole ? advance(rows, (k0 + j) * W::kBytes) : copyTail<W>(rows, k0 + j, cols, buffer), 0, v);
    W::floats(v, w);
    DOTS_UNROLL for (int i = 0; i < W::kStep; ++i) store(panel.w[j + i], w[i]);
  }
}

template <int RV, int NT>
static void tileFloat(const FloatPanel* panel, const float* const* x, int64_t k0, int64_t count, float* sums) {
  Vec sum[RV][NT];
  const float* xs[NT];
  DOTS_UNROLL for (int t = 0; t < NT; ++t) {
    xs[t] = x[t] + k0;
    DOTS_UNROLL for (int r = 0; r < RV; ++r) sum[r][t] = zero();
  }
  for (int64_t k = 0; k < count; ++k) {
    Vec w[RV];
    DOTS_UNROLL for (int r = 0; r < RV; ++r) w[r] = load(panel[r].w[k]);
    DOTS_UNROLL for (int t = 0; t < NT; ++t) {
      const Vec xk = set1(xs[t][k]);
      DOTS_UNROLL for (int r = 0; r < RV; ++r) sum[r][t] = fma(w[r], xk, sum[r][t]);
    }
  }
  DOTS_UNROLL for (int t = 0; t < NT; ++t) DOTS_UNROLL for (int r = 0; r < RV; ++r) {
    float* at = sums + t * kTileRows + r * kLanes;
    store(at, add(load(at), sum[r][t]));
  }
}

#if defined(DOTS_AVX512)
constexpr int kFloatTokens = 12;
#elif defined(DOTS_AVX2)
constexpr int kFloatTokens = 6;
#else
constexpr int kFloatTokens = 4;
#endif

template <class W>
static void manyFloat(const TileJob& job) {
  static_assert(sizeof(FloatPanel) * kGroups + (kPanelTokens + kFloatTokens) * (kTileRows * 4 + 8) <= kTileScratchBytes,
                "panel, sums and token rows share the scratch memory");
  FloatPanel* const panels = reinterpret_cast<FloatPanel*>(job.scratch);
  float* const sums = reinterpret_cast<float*>(job.scratch + sizeof(FloatPanel) * kGroups);
  const float** const x = reinterpret_cast<const float**>(sums + (kPanelTokens + kFloatTokens) * kTileRows);

  for (int64_t firstToken = 0; firstToken < job.numTokens; firstToken += kPanelTokens) {
    const int numTokens = static_cast<int>(minOf<int64_t>(kPanelTokens, job.numTokens - firstToken));
    for (int t = 0; t < numTokens + kFloatTokens; ++t) {
      const int64_t token = firstToken + minOf(t, numTokens - 1);
      x[t] = reinterpret_cast<const float*>(job.activations + (job.xRows ? job.xRows[token] : token) * job.xRowBytes);
    }
    for (int64_t firstRow = job.firstRow; firstRow < job.endRow;) {
      RowGroup groups[kGroups];
      int64_t rowOf[kGroups + 1] = {firstRow};
      int numGroups = 0;
      for (; numGroups < kGroups && rowOf[numGroups] < job.endRow; ++numGroups) {
        groups[numGroups] = rowGroup(job, rowOf[numGroups]);
        rowOf[numGroups + 1] = rowOf[numGroups] + groups[numGroups].count;
      }
      memset(sums, 0, sizeof(float) * kTileRows * static_cast<size_t>(numTokens + kFloatTokens));
      for (int64_t k0 = 0; k0 < job.cols; k0 += kChunk) {
        const int64_t count = minOf<int64_t>(kChunk, job.cols - k0);
        for (int g = 0; g < numGroups; ++g) unpackFloat<W>(groups[g].rows, k0, job.cols, panels[g]);
        for (int t = 0; t < numTokens;) {
          const int left = numTokens - t;
          const int step = left > kFloatTokens / 2 ? kFloatTokens : kFloatTokens / 2;
          for (int g = 0; g < numGroups; g += 2) {
            float* at = sums + t * kTileRows + g * kLanes;
            if (step == kFloatTokens)
              tileFloat<2, kFloatTokens>(panels + g, x + t, k0, count, at);
            else
              tileFloat<2, kFloatTokens / 2>(panels + g, x + t, k0, count, at);
          }
          t += step;
        }
      }
      for (int t = 0; t < numTokens; ++t)
        for (int g = 0; g < numGroups; ++g)
          storeGroup(outRow(job, firstToken + t), rowOf[g], groups[g], load(sums + t * kTileRows + g * kLanes));
      firstRow = rowOf[numGroups];
    }
  }
}

template <class W>
static void multiplyFloat(const TileJob& job) {
  if (job.numTokens > 2) return manyFloat<W>(job);
  const float* x[2];
  for (int64_t t = 0; t < job.numTokens; ++t)
    x[t] = reinterpret_cast<const float*>(job.activations + (job.xRows ? job.xRows[t] : t) * job.xRowBytes);
  if (job.numTokens == 2)
    fewRows<W, 2>(job, x);
  else
    fewRows<W, 1>(job, x);
}

}  // namespace

void linearTileFloat(StorageId type, const TileJob& job) {
  switch (type) {
    case StorageId::kF32: return multiplyFloat<F32Weights>(job);
    case StorageId::kF16: return multiplyFloat<F16Weights>(job);
    case StorageId::kBf16: return multiplyFloat<Bf16Weights>(job);
    default: return;
  }
}

}  // namespace DOTS_ISA
}  // namespace dots
