// The cells of the key/value cache: their size, their writing, and the checks before either.
#include "attention-cells.h"

namespace dots {
namespace DOTS_ISA {

size_t headPageBytes(KvType type, int headWidth) {
  const size_t elements = static_cast<size_t>(kPageSize) * static_cast<size_t>(headWidth);
  switch (type) {
    case KvType::kF32: return elements * 4;
    case KvType::kF16: return elements * 2;
    default: return bytesBeforeScales(headWidth) + static_cast<size_t>(kPageSize * scaleBlocks(headWidth)) * 2;
  }
}

const char* checkKvStep(const KvLayer& layer, const KvStep& step, int64_t numQueryHeads) {
  if (layer.type != KvType::kF32 && layer.type != KvType::kF16 && layer.type != KvType::kQ8_0)
    return "unknown type of cell";
  if (layer.headWidth < 1 || layer.headWidth > kMaxHeadWidth) return "head width out of range";
  if (layer.numHeads < 1 || numQueryHeads < 1 || numQueryHeads % layer.numHeads != 0)
    return "query heads are not a multiple of key/value heads";
  if (step.numTokens < 0 || step.numTokens > INT32_MAX || step.numSequences < 0 || step.pagesPerSequence < 0)
    return "negative or too large counts";
  for (int64_t t = 0; t < step.numTokens; ++t) {
    const int32_t sequence = step.sequences_T[t], position = step.positions_T[t];
    if (sequence < 0 || sequence >= step.numSequences) return "sequence out of range";
    if (position < 0 || position / kPageSize >= step.pagesPerSequence) return "position without a page";
    if (t > 0 && sequence == step.sequences_T[t - 1] && position <= step.positions_T[t - 1])
      return "positions of a sequence do not ascend";
    // Its last token sees all that the earlier ones see.
    if (t + 1 < step.numTokens && step.sequences_T[t + 1] == sequence) continue;
    const int32_t* pages = step.pages_BP + sequence * step.pagesPerSequence;
    for (int32_t block = 0; block <= position / kPageSize; ++block)
      if (pages[block] < 0 || pages[block] >= layer.numPages) return "page out of range";
  }
  return nullptr;
}

// The largest f16 stands for everything beyond it: one infinity in a cell would make later tokens NaN.
DOTS_INLINE Vec16 clampToF16(Vec16 x) { return min(set16(65504.0f), max(set16(-65504.0f), x)); }

static void writeF16(uint16_t* cell, const float* x_H, int headWidth) {
  int h = 0;
  for (; h + 16 <= headWidth; h += 16) storeF16x16(cell + h, clampToF16(load16(x_H + h)));
  if (h == headWidth) return;
  uint16_t lanes[16];
  storeF16x16(lanes, clampToF16(loadTail16(x_H + h, headWidth - h)));
  memcpy(cell + h, lanes, 2 * static_cast<size_t>(headWidth - h));
}

template <bool kIsKey>
static void writeQ8(uint8_t* page, int slot, const float* x_H, int headWidth) {
  uint16_t* scales = reinterpret_cast<uint16_t*>(page + bytesBeforeScales(headWidth));
  for (int block = 0; block < scaleBlocks(headWidth); ++block) {
    const int begin = block * kScaleBlock, count = minOf(kScaleBlock, headWidth - begin);
    const uint16_t scale = f16FromF32(minOf(scaleOfBlock(x_H + begin, count), 65504.0f));
    scales[block * kPageSize + slot] = scale;
    // Divided by the scale as it will be read, not as it was before rounding.
    int8_t bytes[kScaleBlock];
    quantizeBlock(x_H + begin, count, f32FromF16(scale), bytes);
    if (kIsKey) {
      for (int i = 0; i < kScaleBlock; i += 4)
        memcpy(page + offsetOfKeyQuad(slot, (begin + i) / 4, headWidth), bytes + i, 4);
    } else {
      memcpy(page + (slot * scaleBlocks(headWidth) + block) * kScaleBlock, bytes, kScaleBlock);
    }
  }
}

template <bool kIsKey>
static void writeCell(KvType type, uint8_t* page, int slot, const float* x_H, int headWidth) {
  const size_t offset = static_cast<size_t>(slot) * static_cast<size_t>(headWidth);
  if (type == KvType::kF32) {
    memcpy(page + 4 * offset, x_H, 4 * static_cast<size_t>(headWidth));
  } else if (type == KvType::kF16) {
    writeF16(reinterpret_cast<uint16_t*>(page) + offset, x_H, headWidth);
  } else {
    writeQ8<kIsKey>(page, slot, x_H, headWidth);
  }
}

void writeKv(const KvLayer& layer, const KvStep& step, const float* k_TGH, const float* v_TGH, int64_t begin,
             int64_t end) {
  const size_t pageBytes = headPageBytes(layer.type, layer.headWidth);
  for (int64_t item = begin; item < end; ++item) {
    const int64_t t = item / layer.numHeads, head = item % layer.numHeads;
    const int32_t position = step.positions_T[t];
    const int64_t page = step.pages_BP[step.sequences_T[t] * step.pagesPerSequence + position / kPageSize];
    const size_t offset = static_cast<size_t>(page * layer.numHeads + head) * pageBytes;
    const int slot = position % kPageSize;
    writeCell<true>(layer.type, layer.keys + offset, slot, k_TGH + item * layer.headWidth, layer.headWidth);
    writeCell<false>(layer.type, layer.values + offset, slot, v_TGH + item * layer.headWidth, layer.headWidth);
  }
}

}  // namespace DOTS_ISA
}  // namespace dots
