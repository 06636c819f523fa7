// Drivers shared by all quantised types: one for a few tokens, which multiplies codes as they are unpacked, and one for
// many, which unpacks a panel of weights into the first-level cache and runs tiles of rows x tokens over it.
//
// Both do the same arithmetic for an output element: exact integer sums inside a block, then, blocks from k = 0 upward,
//   sum = fma(d * dx, (float)isum, sum), and with a minimum sum = fma(-(dmin * dx), (float)imin, sum).
#pragma once

#include "linear-tiles.h"
#include "unpack-256.h"

namespace dots {
namespace DOTS_ISA {

constexpr int kGroups = static_cast<int>(kTileRows) / kLanes;  // row groups of a panel
constexpr int kPanelTokens = 128;                              // tokens whose sums are kept while a panel is in use
constexpr int kVecBytes = 4 * kLanes;

// The row `row` of this piece or, from endRow on, of the one that this thread reads after it; null where nobody knows.
DOTS_INLINE const uint8_t* rowToCome(const TileJob& job, int64_t row) {
  if (row < job.endRow) return job.weights + row * job.rowBytes;
  return job.next ? job.next + (row - job.endRow) * job.rowBytes : nullptr;
}

// Rows this far apart share one place in a first-level cache of 64 sets, which holds 8 to 12 of their lines and not 16:
// a line would be fetched again for each quarter of it.
constexpr int64_t kSamePlace = 4096;

// What is read next. The rows of a group lie some kilobytes apart, and the group after it is their successors: each
// lane is a stream of its own, in a page of its own, which the processor's prefetcher follows. It is helped by
// fetching, a line of each row at a time, what comes a few lines later: into the first-level cache, and further on into
// the second. Of rows that share pages it loses track (docs/log.md).
constexpr int64_t kNearBytes = 256, kFarBytes = 512;

struct Ahead {
  const uint8_t* at;
  int64_t farther, stride;
  int left = kLanes;
  /// `after`: where the streams continue when these rows end, unless that is where their successors lie.
  DOTS_METHOD Ahead(const Rows& rows, const uint8_t* after)
      : at(rows.base + kNearBytes), farther(after ? after - at : kFarBytes - kNearBytes), stride(rows.stride) {}
  /// A line of one row; those of kLanes rows, then the next line of each.
  DOTS_METHOD void line() {
    __builtin_prefetch(at);
    __builtin_prefetch(at + farther, 0, 2);
    at += stride;
    if (--left == 0) at += 64 - kLanes * stride, left = kLanes;
  }
  /// Step i of kSteps in which kLines are due.
  template <int kLines, int kSteps>
  DOTS_METHOD void step(int i) {
    for (int l = i * kLines / kSteps; l < (i + 1) * kLines / kSteps; ++l) line();
  }
};

// For panels: while the first tokens are multiplied by one panel, the rows of the next one are fetched at the same
// place, some lines with each of a panel's parts. Later tokens find them there.
struct PanelAhead {
  const uint8_t* at = nullptr;
  int64_t stride = 0, back = 0;
  int row = 0, linesEach = 0;
  PanelAhead() = default;
  /// `bytes` of each of kTileRows rows, spread over `numParts` parts.
  PanelAhead(const uint8_t* next, int64_t rowBytes, int bytes, int numParts) : at(next), stride(rowBytes) {
    const int linesOfRow = (bytes + 63) / 64;
    back = bytes / linesOfRow - kTileRows * rowBytes;
    linesEach = (linesOfRow * static_cast<int>(kTileRows) + numParts - 1) / numParts;
  }
  DOTS_METHOD void part() {
    for (int i = 0; i < linesEach; ++i) {
      __builtin_prefetch(at, 0, 2);
      at += stride;
      if (++row % kTileRows == 0) at += back;
    }
  }
};

DOTS_INLINE ActivationRow tokenRow(const TileJob& job, const ActivationLayout& at, int64_t token) {
  const int64_t row = job.xRows ? job.xRows[token] : token;
  return activationRow(job.activations + row * job.xRowBytes, at);
}

DOTS_INLINE float* outRow(const TileJob& job, int64_t token) {
  return job.out + (job.outRows ? job.outRows[token] : token) * job.ldOut;
}

// The kLanes rows from `row` on; near the matrix's end an earlier row is the first, and `skip` lanes repeat rows that
// belong to the group before. A matrix of fewer rows than lanes is done a row at a time.
struct RowGroup {
  Rows rows;
  int skip, count;
};
DOTS_INLINE RowGroup rowGroup(const TileJob& job, int64_t row) {
  RowGroup g;
  g.skip = 0;
  if (job.numRows < kLanes) {
    g.rows = {job.weights + row * job.rowBytes, 0};
    g.count = 1;
    return g;
  }
  g.count = static_cast<int>(minOf<int64_t>(kLanes, job.endRow - row));
  g.skip = static_cast<int>(maxOf<int64_t>(0, row + kLanes - job.numRows));
  g.rows = {job.weights + (row - g.skip) * job.rowBytes, job.rowBytes};
  return g;
}

DOTS_INLINE void storeGroup(float* out, int64_t row, const RowGroup& g, Vec sums) {
  if (g.skip == 0 && g.count == kLanes) {
    store(out + row, sums);
    return;
  }
  float lanes[kLanes];
  store(lanes, sums);
  for (int i = 0; i < g.count; ++i) out[row + i] = lanes[g.skip + i];
}

DOTS_INLINE void storeApart(float* out, int64_t apart, Vec sums) {
  float lanes[kLanes];
  store(lanes, sums);
  for (int i = 0; i < kLanes; ++i) out[i * apart] = lanes[i];
}

// What the sums of a tile depend on; types that agree in it share one copy of the tile kernels (`tileRows`).
template <class C, int Part, Min M>
struct Props {
  using Codes = C;
  static constexpr int kPart = Part, kSteps = Part / 4;
  static constexpr Min kMin = M;
};

// ---------------------------------------------------------------------------------------------------------------
// One float scale per 32 or 16 weights.

// -(code sum << shift), from which a block's sum starts when its codes are stored with an offset.
template <class P>
DOTS_INLINE Int offsetStart(const ActivationRow& x, int64_t k, int shift) {
  if (P::kMin != Min::kOffset) return zeroInt();
  const int32_t sum = P::kPart == 32 ? x.wideSums32[k / 32] : x.sums16[k / 16];
  return setInt(-(sum * (1 << shift)));
}

template <class P>
DOTS_INLINE Vec addBlock32(Vec acc, const ActivationRow& x, int64_t k, Vec d, Vec dmin, Int isum) {
  const Vec dx = set1(x.d[k / 32]);
  acc = fma(mul(d, dx), toFloat(isum), acc);
  if (P::kMin != Min::kAffine) return acc;
  const int32_t sum = P::kPart == 32 ? x.wideSums32[k / 32] : x.sums16[k / 16];
  return fma(negated(mul(dmin, dx)), set1(static_cast<float>(sum)), acc);
}

struct alignas(64) Panel32 {
  uint8_t codes[64 * kVecBytes];
  Vec d[16], dmin[16];
  int numParts, offsetShift;
};

// RV neighbouring row groups times NT tokens; sums are read and written, kTileRows apart for neighbouring tokens.
template <class P, int RV, int NT>
DOTS_INLINE void tile(const Panel32* panel, const ActivationRow* tokens, int64_t k0, float* sums, PanelAhead& ahead) {
  Vec acc[RV][NT];
  ActivationRow x[NT];
  DOTS_UNROLL for (int t = 0; t < NT; ++t) {
    x[t] = tokens[t];
    DOTS_UNROLL for (int r = 0; r < RV; ++r) acc[r][t] = load(sums + t * kTileRows + r * kLanes);
  }
  const Scale one = unitScale();
  const int numParts = panel->numParts, shift = panel->offsetShift;
  for (int p = 0; p < numParts; ++p) {
    const int64_t k = k0 + p * P::kPart;
    ahead.part();
    Int isum[RV][NT];
    SumOf<typename P::Codes, P::kSteps, true, true> sum[RV][NT];
    DOTS_UNROLL for (int t = 0; t < NT; ++t) {
      const Int start = offsetStart<P>(x[t], k, shift);
      DOTS_UNROLL for (int r = 0; r < RV; ++r) isum[r][t] = start;
    }
    DOTS_UNROLL for (int i = 0; i < P::kSteps; ++i) {
      Bytes code[RV];
      DOTS_UNROLL for (int r = 0; r < RV; ++r) code[r] = loadBytes(panel[r].codes + (p * P::kSteps + i) * kVecBytes);
      DOTS_UNROLL for (int t = 0; t < NT; ++t) DOTS_UNROLL for (int r = 0; r < RV; ++r) sum[r][t].step(
          i, code[r], x[t], k, one, isum[r][t]);
    }
    DOTS_UNROLL for (int r = 0; r < RV; ++r) DOTS_UNROLL for (int t = 0; t < NT; ++t) acc[r][t] =
        addBlock32<P>(acc[r][t], x[t], k, panel[r].d[p], panel[r].dmin[p], isum[r][t]);
  }
  DOTS_UNROLL for (int t = 0; t < NT; ++t) DOTS_UNROLL for (int r = 0; r < RV; ++r)
      store(sums + t * kTileRows + r * kLanes, acc[r][t]);
}

template <class T>
struct Per32 {
  using P = Props<typename T::C, T::kPart, T::kMin>;
  using Panel = Panel32;
  static constexpr Activation kActivation = Activation::kQ32;
  static constexpr bool kDecodesRows = false;
  static constexpr int kBlock = T::kPart * T::kParts;                                   // weights of a stored block
  static constexpr int kLinesOfPart = (T::kBlockBytes * kLanes / T::kParts + 63) / 64;  // of kLanes rows
  static constexpr int kPanelBytes = 256 / kBlock * T::kBlockBytes;

  static void unpack(Rows rows, int64_t cols, Panel& panel) {
    panel.numParts = static_cast<int>(minOf<int64_t>(256, cols) / T::kPart);
    panel.offsetShift = T::kOffsetShift;
    for (int p = 0; p < panel.numParts; ++p) {
      uint8_t* codes = panel.codes + p * P::kSteps * kVecBytes;
      panel.dmin[p] = zero();
      T::codes(rows, p % T::kParts, panel.d[p], panel.dmin[p],
               [&](int i, Bytes code) DOTS_LAMBDA { storeBytes(codes + i * kVecBytes, code); });
      if (p % T::kParts == T::kParts - 1) rows = advance(rows, T::kBlockBytes);
    }
  }

  // Codes are multiplied by the activations as they are unpacked: acc[t] is the sum of one row group and token t.
  template <int NT>
  DOTS_INLINE void dot(Rows rows, const ActivationRow* x, int64_t cols, Ahead ahead, Vec* acc) {
    const Scale one = unitScale();
    for (int64_t k = 0; k < cols; k += kBlock, rows = advance(rows, T::kBlockBytes)) {
      for (int part = 0; part < T::kParts; ++part) {
        const int64_t kp = k + part * T::kPart;
        Vec d, dmin = zero();
        Int isum[NT];
        SumOf<typename T::C, P::kSteps, true, false> sum[NT];
        DOTS_UNROLL for (int t = 0; t < NT; ++t) isum[t] = offsetStart<P>(x[t], kp, T::kOffsetShift);
        T::codes(rows, part, d, dmin, [&](int i, Bytes code) DOTS_LAMBDA {
          ahead.template step<kLinesOfPart, P::kSteps>(i);
          DOTS_UNROLL for (int t = 0; t < NT; ++t) sum[t].step(i, code, x[t], kp, one, isum[t]);
        });
        DOTS_UNROLL for (int t = 0; t < NT; ++t) acc[t] = addBlock32<P>(acc[t], x[t], kp, d, dmin, isum[t]);
      }
    }
  }
};

// ---------------------------------------------------------------------------------------------------------------
// One float scale per 256 weights, integer scales per 32 or 16.

template <class P>
DOTS_INLINE Vec addBlock256(Vec acc, const ActivationRow& x, int64_t k, const Bytes* mins, Vec d, Vec dmin, Int isum) {
  const Vec dx = set1(x.d[k / 256]);
  Int imin = zeroInt();
  if (P::kMin != Min::kNone) {
    const int16_t* sums = P::kPart == 32 ? x.sums32 + k / 32 : x.sums16 + k / 16;
    DOTS_UNROLL for (int p = 0; p < 128 / P::kPart; ++p) imin = addPair(imin, mins[p], loadI32(sums + 2 * p));
  }
  if (P::kMin == Min::kOffset) isum = sub(isum, imin);
  acc = fma(mul(d, dx), toFloat(isum), acc);
  return P::kMin == Min::kAffine ? fma(negated(mul(dmin, dx)), toFloat(imin), acc) : acc;
}

struct alignas(64) Panel256 {
  uint8_t codes[64 * kVecBytes];
  Header head;
};

template <class P, int RV, int NT>
DOTS_INLINE void tile(const Panel256* panel, const ActivationRow* tokens, int64_t k0, float* sums, PanelAhead& ahead) {
  ActivationRow x[NT];
  Int isum[RV][NT];
  DOTS_UNROLL for (int t = 0; t < NT; ++t) {
    x[t] = tokens[t];
    DOTS_UNROLL for (int r = 0; r < RV; ++r) isum[r][t] = zeroInt();
  }
  for (int s = 0; s < 256 / P::kPart; ++s) {
    const int64_t k = k0 + s * P::kPart;
    ahead.part();
    SumOf<typename P::Codes, P::kSteps, false, true> sum[RV][NT];
    DOTS_UNROLL for (int i = 0; i < P::kSteps; ++i) {
      Bytes code[RV];
      DOTS_UNROLL for (int r = 0; r < RV; ++r) code[r] = loadBytes(panel[r].codes + (s * P::kSteps + i) * kVecBytes);
      DOTS_UNROLL for (int t = 0; t < NT; ++t) DOTS_UNROLL for (int r = 0; r < RV; ++r) sum[r][t].step(
          i, code[r], x[t], k, panel[r].head.scales[s], isum[r][t]);
    }
  }
  DOTS_UNROLL for (int r = 0; r < RV; ++r) DOTS_UNROLL for (int t = 0; t < NT; ++t) {
    const Header& h = panel[r].head;
    float* at = sums + t * kTileRows + r * kLanes;
    store(at, addBlock256<P>(load(at), x[t], k0, h.mins, h.d, h.dmin, isum[r][t]));
  }
}

template <class T>
struct Per256 {
  using P = Props<typename T::C, T::kSub, T::kMin>;
  using Panel = Panel256;
  static constexpr Activation kActivation = Activation::kQ256;
  static constexpr bool kDecodesRows = false;
  static constexpr int kLinesOfSub = (T::kBlockBytes * kLanes * T::kSub / 256 + 63) / 64;  // of kLanes rows
  static constexpr int kPanelBytes = T::kBlockBytes;

  static void unpack(Rows rows, int64_t, Panel& panel) {
    panel.head.dmin = zero();
    T::block(rows, panel.head, [&](int s, int i, Bytes code) DOTS_LAMBDA {
      storeBytes(panel.codes + (s * P::kSteps + i) * kVecBytes, code);
    });
  }

  template <int NT>
  DOTS_INLINE void dot(Rows rows, const ActivationRow* x, int64_t cols, Ahead ahead, Vec* acc) {
    for (int64_t k = 0; k < cols; k += 256, rows = advance(rows, T::kBlockBytes)) {
      Header h;
      h.dmin = zero();
      Int isum[NT];
      SumOf<typename T::C, P::kSteps, false, false> sum[NT];
      DOTS_UNROLL for (int t = 0; t < NT; ++t) isum[t] = zeroInt();
      T::block(rows, h, [&](int s, int i, Bytes code) DOTS_LAMBDA {
        ahead.template step<kLinesOfSub, P::kSteps>(i);
        DOTS_UNROLL for (int t = 0; t < NT; ++t) sum[t].step(i, code, x[t], k + s * T::kSub, h.scales[s], isum[t]);
      });
      DOTS_UNROLL for (int t = 0; t < NT; ++t) acc[t] = addBlock256<P>(acc[t], x[t], k, h.mins, h.d, h.dmin, isum[t]);
    }
  }
};

// ---------------------------------------------------------------------------------------------------------------

// The tokens of one tile, so that their sums stay in registers.
#if defined(DOTS_AVX512)
constexpr int kTileTokens = 8;
#elif defined(DOTS_PORTABLE)
constexpr int kTileTokens = 1;
#else
constexpr int kTileTokens = 4;
#endif
constexpr int kTileGroups = kTileTokens == 1 ? 1 : 2;

// Up to NT tokens; missing ones repeat the last one, into sums that nobody reads. Lanes are `apart` rows apart: the
// piece falls into kLanes streams. Gives the first row that is left, fewer than kLanes from the piece's end.
template <class F, int NT>
static int64_t few(const TileJob& job) {
  const ActivationLayout at = activationLayout(F::kActivation, job.cols);
  ActivationRow x[NT];
  const int numTokens = static_cast<int>(job.numTokens);
  for (int t = 0; t < NT; ++t) x[t] = tokenRow(job, at, minOf(t, numTokens - 1));
  int64_t apart = maxOf<int64_t>(1, (job.endRow - job.firstRow) / kLanes);
  if (kLanes >= 8 && apart * job.rowBytes % kSamePlace == 0) apart = 1;
  int64_t row = job.firstRow;
  for (const int64_t block = apart * kLanes; row + block <= job.endRow; row += block)
    for (int64_t i = row; i < row + apart; ++i) {
      const Rows rows = {job.weights + i * job.rowBytes, apart * job.rowBytes};
      Vec acc[NT];
      DOTS_UNROLL for (int t = 0; t < NT; ++t) acc[t] = zero();
      F::template dot<NT>(rows, x, job.cols, Ahead(rows, i + 1 == row + apart ? rowToCome(job, row + block) : nullptr),
                          acc);
      DOTS_UNROLL for (int t = 0; t < NT; ++t) if (t < numTokens) storeApart(outRow(job, t) + i, apart, acc[t]);
    }
  return row;
}

// All row groups of a panel for tokens 0...NT-1. The last group may be one past the panel's: its sums go nowhere. One
// copy for all types with the same P, not one in each caller: these are the largest functions, and are compiled
// longest.
template <class P, int NT, class Panel>
DOTS_NOINLINE void tileRows(const Panel* panels, int numGroups, const ActivationRow* x, int64_t k0, float* sums,
                            PanelAhead& ahead) {
  for (int g = 0; g < numGroups; g += kTileGroups)
    tile<P, kTileGroups, NT>(panels + g, x, k0, sums + g * kLanes, ahead);
}

template <class F>
static void many(const TileJob& job) {
  using P = typename F::P;
  using Panel = typename F::Panel;
  static_assert(sizeof(Panel) * kGroups + kPanelTokens * (kTileRows * 4 + sizeof(ActivationRow)) <= kTileScratchBytes,
                "panel, sums and token rows share the scratch memory");
  Panel* const panels = reinterpret_cast<Panel*>(job.scratch);
  float* const sums = reinterpret_cast<float*>(job.scratch + sizeof(Panel) * kGroups);
  ActivationRow* const x = reinterpret_cast<ActivationRow*>(sums + kPanelTokens * kTileRows);
  const ActivationLayout at = activationLayout(F::kActivation, job.cols);

  for (int64_t firstToken = 0; firstToken < job.numTokens; firstToken += kPanelTokens) {
    const int numTokens = static_cast<int>(minOf<int64_t>(kPanelTokens, job.numTokens - firstToken));
    // Tiles are whole: missing tokens repeat the last one, into sums that nobody reads.
    for (int t = 0; t < kPanelTokens && t < numTokens + kTileTokens; ++t)
      x[t] = tokenRow(job, at, firstToken + minOf(t, numTokens - 1));
    for (int64_t firstRow = job.firstRow; firstRow < job.endRow;) {
      RowGroup groups[kGroups];
      int64_t rowOf[kGroups + 1] = {firstRow};
      int numGroups = 0;
      for (; numGroups < kGroups && rowOf[numGroups] < job.endRow; ++numGroups) {
        groups[numGroups] = rowGroup(job, rowOf[numGroups]);
        rowOf[numGroups + 1] = rowOf[numGroups] + groups[numGroups].count;
      }
      memset(sums, 0, sizeof(float) * kTileRows * static_cast<size_t>(minOf(kPanelTokens, numTokens + kTileTokens)));
      const uint8_t* const next = rowToCome(job, rowOf[numGroups]);
      PanelAhead nextPanel;
      if (next && firstToken == 0)
        nextPanel = PanelAhead(next, job.rowBytes, F::kPanelBytes, kGroups / kTileGroups * (256 / F::P::kPart));
      for (int64_t k0 = 0; k0 < job.cols; k0 += 256) {
        for (int g = 0; g < numGroups; ++g)
          F::unpack(advance(groups[g].rows, k0 / 256 * F::kPanelBytes), job.cols - k0, panels[g]);
        for (int t = 0; t < numTokens;) {
          const ActivationRow* xt = x + t;
          float* st = sums + t * kTileRows;
          PanelAhead nothing;
          PanelAhead& ahead = t == 0 ? nextPanel : nothing;
          if (kTileTokens == 8 && numTokens - t > 4) {
            tileRows<P, kTileTokens == 8 ? 8 : 1>(panels, numGroups, xt, k0, st, ahead);
            t += 8;
          } else if (kTileTokens >= 4 && numTokens - t > 1) {
            tileRows<P, kTileTokens >= 4 ? 4 : 1>(panels, numGroups, xt, k0, st, ahead);
            t += 4;
          } else {
            tileRows<P, 1>(panels, numGroups, xt, k0, st, ahead);
            t += 1;
          }
        }
      }
      for (int t = 0; t < numTokens; ++t)
        for (int g = 0; g < numGroups; ++g)
          storeGroup(outRow(job, firstToken + t), rowOf[g], groups[g], load(sums + t * kTileRows + g * kLanes));
      firstRow = rowOf[numGroups];
    }
  }
}

// With 32 registers codes are multiplied for up to eight tokens as they are unpacked; panels pay from more of them.
template <class F>
constexpr bool kMeets8 = kTileTokens == 8 && !F::kDecodesRows;

template <class F>
static void multiply(const TileJob& job) {
  TileJob rest = job;
  if (job.numTokens == 1)
    rest.firstRow = few<F, 1>(job);
  else if (job.numTokens == 2 && kTileTokens > 1)
    rest.firstRow = few<F, 2>(job);
  else if (kMeets8<F> && job.numTokens <= 4)
    rest.firstRow = few<F, kMeets8<F> ? 4 : 1>(job);
  else if (kMeets8<F> && job.numTokens <= 8)
    rest.firstRow = few<F, kMeets8<F> ? 8 : 1>(job);
  // Rows that fill no vector are the same sums to the bit here, and rare: no weight matrix of a real model has them.
  if (rest.firstRow < rest.endRow) many<F>(rest);
}

}  // namespace DOTS_ISA
}  // namespace dots
