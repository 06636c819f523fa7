// Levels from a table: iq4_nl with one scale a block, iq4_xs with a scale for each 32 elements, and the four-bit floats
// of mxfp4 and nvfp4, whose scales are powers of two and eight-bit floats.
#include "encode/families.h"
#include "encode/scaled-blocks.h"

namespace dots {
namespace DOTS_ISA {
namespace {

struct Iq4Levels {
  DOTS_METHOD Lanes nearest(Lanes y) const {
    static const float kValues[16] = {-127, -104, -83, -65, -49, -35, -22, -10, 1, 13, 25, 38, 53, 69, 89, 113};
    Lanes q = set16(kValues[0]);
    DOTS_UNROLL
    for (int i = 1; i < 16; ++i) {
      const Mask16 isHigher = lessThan(set16((kValues[i - 1] + kValues[i]) / 2), y);
      q = q + select(isHigher, set16(kValues[i] - kValues[i - 1]), zeros());
    }
    return q;
  }
};

struct Float4Levels {
  DOTS_METHOD Lanes nearest(Lanes y) const {
    // Steps of one up to 4, of two up to 8, of four up to 12.
    const Lanes size = magnitude(y);
    const Mask16 isFine = lessThan(size, set16(4.0f)), isCoarse = lessThan(set16(8.0f), size);
    const Lanes step = select(isFine, set16(1.0f), select(isCoarse, set16(4.0f), set16(2.0f)));
    const Lanes inverse = select(isFine, set16(1.0f), select(isCoarse, set16(0.25f), set16(0.5f)));
    return clamp(roundEven(y * inverse) * step, -12, 12);
  }
};

// The value of nvfp4's scale bytes 0...126, with the half that its doubled levels need: unsigned, four bits of
// exponent.
float scaleOfByte(int byte) {
  const int exponent = byte >> 3, mantissa = byte & 7;
  if (exponent == 0) return static_cast<float>(mantissa) * (1.0f / 1024);
  return floatFromBits(static_cast<uint32_t>(exponent - 8 + 127) << 23) * (1.0f + static_cast<float>(mantissa) / 8);
}

int byteOfScale(float scale) {
  int byte = 0;
  for (int step = 64; step > 0; step /= 2)
    if (byte + step <= 126 && scaleOfByte(byte + step) <= scale) byte += step;
  return byte;
}

// Power of two 2^(byte - 128) as mxfp4 has it; 0 for the smallest ones, which are subnormal floats.
float powerOfByte(int byte) { return byte < 2 ? 0.0f : floatFromBits(static_cast<uint32_t>(byte - 1) << 23); }

// One byte as the scale of each lane: the best of `below` + 1 + `above` around the one that puts the largest value
// at 8.
template <class ByteOf, class ScaleOf>
DOTS_INLINE Lanes searchByte(const Group& g, const LevelCoder<Float4Levels>& coder, ByteOf byteOf, ScaleOf scaleOf,
                             int most, int below, int above, uint8_t (&bytes)[16]) {
  float extreme[16], error[16], least[16], scale[16], best[16] = {};
  int middle[16];
  store16(extreme, magnitude(extremeOf(g)));
  for (int lane = 0; lane < 16; ++lane) {
    middle[lane] = byteOf(extreme[lane] / 8);
    least[lane] = 3e38f;
    bytes[lane] = 0;
  }
  for (int i = -below; i <= above; ++i) {
    int trial[16];
    for (int lane = 0; lane < 16; ++lane) {
      trial[lane] = minOf(most, maxOf(0, middle[lane] + i));
      scale[lane] = scaleOf(trial[lane]);
    }
    store16(error, coder.measure(g, load16(scale)).error);
    for (int lane = 0; lane < 16; ++lane) {
      if (!(error[lane] < least[lane])) continue;
      least[lane] = error[lane];
      best[lane] = scale[lane];
      bytes[lane] = static_cast<uint8_t>(trial[lane]);
    }
  }
  return load16(best);
}

void encodeMxfp4(const EncodeJob& job, int64_t first, int64_t count) {
  const LevelCoder<Float4Levels> coder = {};
  Group g;
  BlockCodes blocks[16];
  uint8_t bytes[16];
  const auto byteOf = [](float scale) { return static_cast<int>(bitsFromFloat(scale) >> 23) + 1; };
  for (int64_t at = first; at < first + count; at += 16) {
    const int lanes = static_cast<int>(minOf<int64_t>(16, first + count - at));
    loadGroup(job, at, lanes, 32, &g);
    const Lanes scale = searchByte(g, coder, byteOf, powerOfByte, 254, 2, 1, bytes);
    coder.store(g, scale, blocks[0].levels, sizeof(BlockCodes));
    for (int lane = 0; lane < lanes; ++lane) {
      blocks[lane].d = bytes[lane];
      packBlock(job.type, blocks[lane], job.out + (at + lane) * 17);
    }
  }
}

void encodeNvfp4(const EncodeJob& job, int64_t first, int64_t count) {
  const LevelCoder<Float4Levels> coder = {};
  Group g;
  BlockCodes block;
  uint8_t bytes[16];
  int8_t levels[16 * 16];
  for (int64_t at = first; at < first + count; at += 4) {
    const int numBlocks = static_cast<int>(minOf<int64_t>(4, first + count - at));
    loadGroup(job, at * 4, numBlocks * 4, 16, &g);
    const Lanes scale = searchByte(g, coder, byteOfScale, scaleOfByte, 126, 7, 4, bytes);
    coder.store(g, scale, levels, 16);
    for (int b = 0; b < numBlocks; ++b) {
      memcpy(block.levels, levels + 64 * b, 64);
      for (int s = 0; s < 4; ++s) block.multiples[s] = bytes[4 * b + s];
      packBlock(job.type, block, job.out + (at + b) * 36);
    }
  }
}

}  // namespace

void encodeTable(const EncodeJob& job, int64_t first, int64_t count) {
  if (job.type == StorageId::kMxfp4) return encodeMxfp4(job, first, count);
  if (job.type == StorageId::kNvfp4) return encodeNvfp4(job, first, count);
  const LevelCoder<Iq4Levels> coder = {};
  Positions p, super;
  p.add(-148, 3, 13);
  p.add(96, 3, 11);
  if (job.type == StorageId::kIq4Nl) return encodeScaled(job, first, count, coder, p);
  super.add(-34.0f, 0.5f, 10);
  super.add(29.0f, 0.5f, 6);
  encodeSuper(job, first, count, coder, 32, p, {8, -32, 31, 1, 1, false, 4}, super);
}

}  // namespace DOTS_ISA
}  // namespace dots
