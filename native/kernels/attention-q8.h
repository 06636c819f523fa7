// Scores and values of a q8_0 KV cache.
//
// The query is quantised as well, 32 elements to a scale, so that a score is one exact integer dot product for each
// scale block, summed over blocks in f32 in their order. Tiles of queries compute the same integers as f32: 32 products
// of bytes stay below 2^24. A value's scale is multiplied into the weight it will get.
#pragma once

#include "attention-run.h"

namespace dots {
namespace DOTS_ISA {

constexpr int kQuads = kScaleBlock / 4;
constexpr int kScaledStride = kRunRows * kPageSize;  // in Run::scaled, from one scale block to the next

// Quantised query of one row, in the row's part of Run::q: bytes, their magnitudes, and -128 times each block's sum.
struct ByteQuery {
  int8_t* bytes;
  int8_t* magnitudes;
  int32_t* offsets;
};

DOTS_INLINE ByteQuery byteQuery(const Run& run, int row) {
  int8_t* bytes = reinterpret_cast<int8_t*>(run.q + row * run.padded);
  return {bytes, bytes + run.padded, reinterpret_cast<int32_t*>(bytes + 2 * run.padded)};
}

// The dot products of one scale block of a query with 16 keys, as f32.
#if defined(DOTS_AVX512)
DOTS_INLINE Vec16 dotBlock(const ByteQuery& q, int block, const int8_t* quads) {
  // The instruction wants one unsigned side: keys + 128, and the surplus is in the sum from the start.
  __m512i sum = _mm512_set1_epi32(q.offsets[block]);
  const __m512i flip = _mm512_set1_epi8(-128);
  DOTS_UNROLL
  for (int i = 0; i < kQuads; ++i) {
    int32_t four;
    memcpy(&four, q.bytes + kScaleBlock * block + 4 * i, 4);
    const __m512i keys = _mm512_xor_si512(_mm512_loadu_si512(quads + 64 * i), flip);
    sum = _mm512_dpbusd_epi32(sum, keys, _mm512_set1_epi32(four));
  }
  return {{{_mm512_cvtepi32_ps(sum)}}};
}
#elif defined(DOTS_AVX2)
DOTS_INLINE Vec16 dotBlock(const ByteQuery& q, int block, const int8_t* quads) {
  __m256i sum[2] = {_mm256_setzero_si256(), _mm256_setzero_si256()};
  const __m256i ones = _mm256_set1_epi16(1);
  DOTS_UNROLL
  for (int i = 0; i < kQuads; ++i) {
    int32_t four, magnitudes;
    memcpy(&four, q.bytes + kScaleBlock * block + 4 * i, 4);
    memcpy(&magnitudes, q.magnitudes + kScaleBlock * block + 4 * i, 4);
    DOTS_UNROLL
    for (int half = 0; half < 2; ++half) {
      const __m256i keys = _mm256_loadu_si256(reinterpret_cast<const __m256i*>(quads + 64 * i + 32 * half));
      // |q| * (k with q's sign): 2 * 127 * 127 still fits 16 bits.
      const __m256i pairs =
          _mm256_maddubs_epi16(_mm256_set1_epi32(magnitudes), _mm256_sign_epi8(keys, _mm256_set1_epi32(four)));
      sum[half] = _mm256_add_epi32(sum[half], _mm256_madd_epi16(pairs, ones));
    }
  }
  return {{{_mm256_cvtepi32_ps(sum[0])}, {_mm256_cvtepi32_ps(sum[1])}}};
}
#elif defined(DOTS_NEON)
DOTS_INLINE Vec16 dotBlock(const ByteQuery& q, int block, const int8_t* quads) {
  Vec16 result;
  for (int part = 0; part < 4; ++part) {
    int32x4_t sum = vdupq_n_s32(0);
    for (int i = 0; i < kQuads; ++i) {
      int32_t four;
      memcpy(&four, q.bytes + kScaleBlock * block + 4 * i, 4);
      sum = vdotq_s32(sum, vld1q_s8(quads + 64 * i + 16 * part), vreinterpretq_s8_s32(vdupq_n_s32(four)));
    }
    result.part[part].v = vcvtq_f32_s32(sum);
  }
  return result;
}
#else
DOTS_INLINE Vec16 dotBlock(const ByteQuery& q, int block, const int8_t* quads) {
  float lanes[16];
  for (int key = 0; key < 16; ++key) {
    int32_t sum = 0;
    for (int h = 0; h < kScaleBlock; ++h)
      sum += q.bytes[kScaleBlock * block + h] * quads[64 * (h / 4) + 4 * key + h % 4];
    lanes[key] = static_cast<float>(sum);
  }
  return load16(lanes);
}
#endif

// Element `e` of each of 16 quads, as f32.
DOTS_INLINE Vec16 elementOfQuads(const int8_t* quads, int e) {
#if defined(DOTS_AVX512)
  const __m512i top = _mm512_sll_epi32(_mm512_loadu_si512(quads), _mm_cvtsi32_si128(24 - 8 * e));
  return {{{_mm512_cvtepi32_ps(_mm512_srai_epi32(top, 24))}}};
#elif defined(DOTS_AVX2)
  Vec16 result;
  DOTS_UNROLL
  for (int half = 0; half < 2; ++half) {
    const __m256i keys = _mm256_loadu_si256(reinterpret_cast<const __m256i*>(quads + 32 * half));
    const __m256i top = _mm256_sll_epi32(keys, _mm_cvtsi32_si128(24 - 8 * e));
    result.part[half].v = _mm256_cvtepi32_ps(_mm256_srai_epi32(top, 24));
  }
  return result;
#else
  float lanes[16];
  for (int key = 0; key < 16; ++key) lanes[key] = quads[4 * key + e];
  return load16(lanes);
#endif
}

DOTS_INLINE void widenKeyBytes(const uint8_t* page, int visible, const Run& run) {
  for (int j0 = 0; j0 < visible; j0 += 16) {
    const int8_t* quads = reinterpret_cast<const int8_t*>(page) + j0 * run.padded;
    float* panel = run.keys + j0 * run.padded;
    for (int h = 0; h < run.padded; h += 4) {
      DOTS_UNROLL
      for (int e = 0; e < 4; ++e) store16(panel + (h + e) * 16, elementOfQuads(quads + 16 * h, e));
    }
  }
}

// Value bytes as f32, without their scales.
struct ValueBytes {
  const int8_t* bytes;
  int padded;
  DOTS_METHOD Vec16 load(int j, int c) const { return loadI8x16(bytes + j * padded + 16 * c); }
};

DOTS_INLINE void scaleWeights(const float* weights, const uint16_t* scales, int blocks, float* scaled) {
  for (int block = 0; block < blocks; ++block) {
    DOTS_UNROLL
    for (int j = 0; j < kPageSize; j += 16)
      store16(scaled + block * kScaledStride + j, mul(load16(weights + j), loadF16x16(scales + block * kPageSize + j)));
  }
}

template <int kRows, int kKeys>
static __attribute__((noinline)) void scoreByteTile(const Run& run, const uint16_t* scales, int row, int j0) {
  const int blocks = run.padded / kScaleBlock;
  const float* q = run.q + row * run.padded;
  const float* panel = run.keys + j0 * run.padded;
  const float* queryScale = run.queryScale + row * blocks;
  Vec16 total[kRows][kKeys];
  DOTS_UNROLL
  for (int m = 0; m < kRows; ++m) {
    DOTS_UNROLL
    for (int v = 0; v < kKeys; ++v) total[m][v] = set16(0.0f);
  }
  for (int block = 0; block < blocks; ++block) {
    Vec16 sum[kRows][kKeys];
    DOTS_UNROLL
    for (int m = 0; m < kRows; ++m) {
      DOTS_UNROLL
      for (int v = 0; v < kKeys; ++v) sum[m][v] = set16(0.0f);
    }
    for (int i = block * kScaleBlock; i < (block + 1) * kScaleBlock; ++i) {
      Vec16 k[kKeys];
      DOTS_UNROLL
      for (int v = 0; v < kKeys; ++v) k[v] = load16(panel + (v * run.padded + i) * 16);
      DOTS_UNROLL
      for (int m = 0; m < kRows; ++m) {
        const Vec16 qi = set16(q[m * run.padded + i]);
        DOTS_UNROLL
        for (int v = 0; v < kKeys; ++v) sum[m][v] = fma(qi, k[v], sum[m][v]);
      }
    }
    DOTS_UNROLL
    for (int v = 0; v < kKeys; ++v) {
      const Vec16 keyScale = loadF16x16(scales + block * kPageSize + j0 + 16 * v);
      DOTS_UNROLL
      for (int m = 0; m < kRows; ++m)
        total[m][v] = fma(mul(set16(queryScale[m * blocks + block]), keyScale), sum[m][v], total[m][v]);
    }
  }
  DOTS_UNROLL
  for (int m = 0; m < kRows; ++m) {
    DOTS_UNROLL
    for (int v = 0; v < kKeys; ++v) store16(run.scores + (row + m) * kPageSize + j0 + 16 * v, total[m][v]);
  }
}

struct BytePages {
  static const uint16_t* scalesOf(const Run& run, const uint8_t* page) {
    return reinterpret_cast<const uint16_t*>(page + bytesBeforeScales(run.headWidth));
  }

  static void setQuery(const Run& run, int row, const float* q_H, float scale, bool tiles) {
    const ByteQuery query = byteQuery(run, row);
    float* q = run.q + row * run.padded;
    for (int block = 0; block < run.padded / kScaleBlock; ++block) {
      const int begin = block * kScaleBlock, count = minOf(kScaleBlock, run.headWidth - begin);
      const float blockScale = scaleOfBlock(q_H + begin, count);
      run.queryScale[row * (run.padded / kScaleBlock) + block] = blockScale * scale;
      int8_t bytes[kScaleBlock];
      quantizeBlock(q_H + begin, count, blockScale, bytes);
      if (tiles) {
        for (int i = 0; i < kScaleBlock; ++i) q[begin + i] = bytes[i];
        continue;
      }
      int32_t sum = 0;
      for (int i = 0; i < kScaleBlock; ++i) {
        query.bytes[begin + i] = bytes[i];
        query.magnitudes[begin + i] = static_cast<int8_t>(bytes[i] < 0 ? -bytes[i] : bytes[i]);
        sum += bytes[i];
      }
      query.offsets[block] = -128 * sum;
    }
  }

  static void walkRow(const Run& run, const uint8_t* keys, const uint8_t* values, int row, int block,
                      const NextBlock& next) {
    const int visible = visibleKeys(run, row, block), blocks = run.padded / kScaleBlock;
    const ByteQuery query = byteQuery(run, row);
    const uint16_t* keyScales = scalesOf(run, keys);
    float weights[kPageSize];
    float* scaled = run.scaled + row * kPageSize;
    Prefetch prefetch(next.keys, next.pageBytes, kPageSize / 16 * blocks * 2);
    for (int j0 = 0; j0 < visible; j0 += 16) {
      const int8_t* quads = reinterpret_cast<const int8_t*>(keys) + j0 * run.padded;
      Vec16 total = set16(0.0f);
      for (int b = 0; b < blocks; ++b) {
        prefetch.step();
        const Vec16 dots = dotBlock(query, b, quads + b * kScaleBlock * 16);
        prefetch.step();
        const Vec16 scale = mul(set16(run.queryScale[row * blocks + b]), loadF16x16(keyScales + b * kPageSize + j0));
        total = fma(scale, dots, total);
      }
      store16(weights + j0, total);
    }
    const float decay = softmaxBlock(weights, visible, run.maximum + row, run.denominator + 16 * row);
    scaleWeights(weights, scalesOf(run, values), blocks, scaled);
    mixRow<kScaledStride>(ValueBytes{reinterpret_cast<const int8_t*>(values), run.padded}, scaled, decay, visible,
                          run.chunks, run.y + row * run.padded, next);
  }

  template <int kRows>
  static void tile(const Run& run, const uint8_t* keys, int row, int j0) {
    scoreByteTile<kRows, kTileKeys>(run, scalesOf(run, keys), row, j0);
  }

  static void walkTiles(const Run& run, const uint8_t* keys, const uint8_t* values, int first, int numRows, int block,
                        const NextBlock& next) {
    const int visible = visibleKeys(run, numRows - 1, block), blocks = run.padded / kScaleBlock;
    widenKeyBytes(keys, visible, run);
    widenValues(ValueBytes{reinterpret_cast<const int8_t*>(values), run.padded}, visible, run);
    scoreTiles<BytePages>(run, keys, first, numRows, block, next);
    for (int i = first; i < numRows; ++i)
      scaleWeights(run.scores + i * kPageSize, scalesOf(run, values), blocks, run.scaled + i * kPageSize);
    mixTiles<kScaledStride>(run, run.scaled, first, numRows, block);
  }
};

}  // namespace DOTS_ISA
}  // namespace dots
