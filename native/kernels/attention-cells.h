// Reading the cells of one head's page, sixteen elements at a time.
#pragma once

#include "attention.h"
#include "vec16.h"

namespace dots {
namespace DOTS_ISA {

constexpr int kScaleBlock = 32;  // elements that share a scale in kQ8_0

DOTS_INLINE int scalesPerCell(int headWidth) { return (headWidth + kScaleBlock - 1) / kScaleBlock; }

/// load(j, c): elements 16c...16c+15 of position j, zeros behind the head's end. kWhole: H is a multiple of 16.
/// All three give exact f32 copies of what is stored: 8 bits times the 11 of a scale fit into 24.
template <KvType kType, bool kWhole>
class Cells;

template <bool kWhole>
class Cells<KvType::kF32, kWhole> {
 public:
  inline __attribute__((always_inline)) Cells(const uint8_t* page, int headWidth, float*)
      : cells_(reinterpret_cast<const float*>(page)), headWidth_(headWidth) {}
  inline __attribute__((always_inline)) Vec16 load(int j, int c) const {
    const float* p = cells_ + static_cast<size_t>(j) * headWidth_ + 16 * c;
    if (kWhole || 16 * c + 16 <= headWidth_) return load16(p);
    return loadTail16(p, headWidth_ - 16 * c);
  }

 private:
  const float* cells_;
  int headWidth_;
};

template <bool kWhole>
class Cells<KvType::kF16, kWhole> {
 public:
  inline __attribute__((always_inline)) Cells(const uint8_t* page, int headWidth, float*)
      : cells_(reinterpret_cast<const uint16_t*>(page)), headWidth_(headWidth) {}
  inline __attribute__((always_inline)) Vec16 load(int j, int c) const {
    const uint16_t* p = cells_ + static_cast<size_t>(j) * headWidth_ + 16 * c;
    if (kWhole || 16 * c + 16 <= headWidth_) return loadF16x16(p);
    uint16_t lanes[16];
    return loadF16x16(padded(p, headWidth_ - 16 * c, lanes));
  }

 private:
  const uint16_t* cells_;
  int headWidth_;
};

template <bool kWhole>
class Cells<KvType::kQ8_0, kWhole> {
 public:
  // The page's scales are widened once: a scalar conversion for every 32 elements would cost as much as the elements.
  inline __attribute__((always_inline)) Cells(const uint8_t* page, int headWidth, float* scales)
      : cells_(reinterpret_cast<const int8_t*>(page)),
        headWidth_(headWidth),
        numScales_(scalesPerCell(headWidth)),
        scales_(scales) {
    const uint16_t* stored = reinterpret_cast<const uint16_t*>(page + static_cast<size_t>(kPageSize) * headWidth);
    for (int i = 0; i < kPageSize * numScales_; i += 16) store16(scales + i, loadF16x16(stored + i));
  }
  inline __attribute__((always_inline)) Vec16 load(int j, int c) const {
    const int8_t* p = cells_ + static_cast<size_t>(j) * headWidth_ + 16 * c;
    const Vec16 scale = set16(scales_[j * numScales_ + c / 2]);
    if (kWhole || 16 * c + 16 <= headWidth_) return mul(scale, loadI8x16(p));
    int8_t lanes[16];
    return mul(scale, loadI8x16(padded(p, headWidth_ - 16 * c, lanes)));
  }

 private:
  const int8_t* cells_;
  int headWidth_;
  int numScales_;
  const float* scales_;
};

}  // namespace DOTS_ISA
}  // namespace dots
