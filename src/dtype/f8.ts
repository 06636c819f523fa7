import { defineScalarType } from './define-type.ts';

// Eight-bit floats occur in safetensors only; GGUF has no id for them, hence the negative ones. Each decodes by a
// table of its 256 values.

/** f8_e4m3 of safetensors (the "fn" variant): bias 7, no infinities, 0x7f and 0xff are NaN, largest value 448. */
export const f8_e4m3 = floatByteType('f8_e4m3', -1, (byte) => {
  const magnitude = byte & 0x7f;
  return magnitude === 0x7f ? Number.NaN : smallFloat(magnitude, 3, 7);
});

/** f8_e5m2 of safetensors: the upper byte of a half, so bias 15 with infinities and NaN. */
export const f8_e5m2 = floatByteType('f8_e5m2', -2, (byte) => {
  const magnitude = byte & 0x7f;
  if (magnitude > 0x7c) return Number.NaN;
  return magnitude === 0x7c ? Number.POSITIVE_INFINITY : smallFloat(magnitude, 2, 15);
});

function smallFloat(magnitude: number, mantissaBits: number, bias: number): number {
  const exponent = magnitude >> mantissaBits;
  const fraction = (magnitude & ((1 << mantissaBits) - 1)) / (1 << mantissaBits);
  return exponent === 0 ? fraction * 2 ** (1 - bias) : (1 + fraction) * 2 ** (exponent - bias);
}

function floatByteType(name: string, id: number, magnitudeOf: (byte: number) => number) {
  const values = Float32Array.from({ length: 256 }, (_, byte) =>
    byte & 0x80 ? -magnitudeOf(byte) : magnitudeOf(byte),
  );
  return defineScalarType({
    name,
    id,
    sizeBytes: 1,
    isFloat: true,
    decodeRun(source, sourceOffset, target, targetOffset, numElements) {
      for (let i = 0; i < numElements; i++) target[targetOffset + i] = values[source[sourceOffset + i]];
    },
  });
}
