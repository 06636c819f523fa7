import { expect, test } from 'vitest';
import { bf16, f16, f32, storageTypeByName } from '../../src/dtype/index.ts';
import { decodeAll, encodeAll } from './blocks.ts';

const everyPattern = Uint16Array.from({ length: 65_536 }, (_, bits) => bits);
const everyPatternBytes = new Uint8Array(everyPattern.buffer);

// The definition of an IEEE-like float, in arithmetic rather than in bits.
function floatValue(bits: number, exponentBits: number, mantissaBits: number): number {
  const sign = bits >> (exponentBits + mantissaBits) === 1 ? -1 : 1;
  const exponent = (bits >> mantissaBits) % 2 ** exponentBits;
  const fraction = (bits % 2 ** mantissaBits) / 2 ** mantissaBits;
  const bias = 2 ** (exponentBits - 1) - 1;
  if (exponent === 2 ** exponentBits - 1)
    return fraction === 0 ? sign * Number.POSITIVE_INFINITY : Number.NaN;
  return exponent === 0 ? sign * fraction * 2 ** (1 - bias) : sign * (1 + fraction) * 2 ** (exponent - bias);
}

const halfWidth = [
  { type: f16, exponentBits: 5, mantissaBits: 10 },
  { type: bf16, exponentBits: 8, mantissaBits: 7 },
];

test.each(halfWidth)('$type.name: all 65,536 patterns decode to their value', (format) => {
  const values = decodeAll(format.type, everyPatternBytes);
  const wrong = everyPattern.findIndex(
    (bits) => !Object.is(values[bits], floatValue(bits, format.exponentBits, format.mantissaBits)),
  );
  expect(wrong).toBe(-1);
});

test.each(halfWidth)('$type.name: all 65,536 patterns encode to themselves, NaN to a quiet NaN', (format) => {
  const values = decodeAll(format.type, everyPatternBytes);
  const bits = new Uint16Array(encodeAll(format.type, values).buffer);
  const quiet = 1 << (format.mantissaBits - 1);
  const exponentMask = (2 ** format.exponentBits - 1) << format.mantissaBits;
  const wrong = everyPattern.findIndex((pattern) =>
    Number.isNaN(values[pattern])
      ? (bits[pattern] & exponentMask) !== exponentMask || (bits[pattern] & quiet) === 0
      : bits[pattern] !== pattern,
  );
  expect(wrong).toBe(-1);
});

test('f16 and bf16: a value between two neighbours goes to the nearer, a tie to the even one', () => {
  for (const { type, exponentBits, mantissaBits } of halfWidth) {
    const largestFinite = ((2 ** exponentBits - 1) << mantissaBits) - 1;
    for (let lower = 0; lower < largestFinite; lower += 7) {
      const low = floatValue(lower, exponentBits, mantissaBits);
      const high = floatValue(lower + 1, exponentBits, mantissaBits);
      const even = lower % 2 === 0 ? lower : lower + 1;
      // Quarters and the middle are exact in f32, but for the smallest bf16, where quarters are still above 2^-149.
      const values = Float32Array.of(0.75 * low + 0.25 * high, (low + high) / 2, 0.25 * low + 0.75 * high);
      const bits = [...new Uint16Array(encodeAll(type, values).buffer)];
      expect(bits, `${type.name} above ${low}`).toEqual([lower, even, lower + 1]);
    }
  }
});

test('f16: encodeRow() turns 65,520 and more into infinity, and 2^-25 into zero', () => {
  const values = Float32Array.of(65_519, 65_520, -1e30, 2 ** -25, 1.001 * 2 ** -25, -(2 ** -26));
  expect([...new Uint16Array(encodeAll(f16, values).buffer)]).toEqual([
    0x7bff, 0x7c00, 0xfc00, 0x0000, 0x0001, 0x8000,
  ]);
});

test('bf16: encodeRow() never turns a NaN into infinity', () => {
  // The mantissa's only bit is among those dropped.
  const values = new Float32Array(Uint32Array.of(0x7f80_0001, 0xff80_0001, 0x7fff_ffff).buffer);
  expect([...new Uint16Array(encodeAll(bf16, values).buffer)]).toEqual([0x7fc0, 0xffc0, 0x7fff]);
});

test('f32: every bit survives a round trip, NaN payloads too', () => {
  const bits = Uint32Array.of(0, 0x8000_0000, 1, 0x7f80_0000, 0x7f80_0001, 0xffc1_2345, 0x3f80_0000);
  const bytes = encodeAll(f32, new Float32Array(bits.buffer));
  expect(new Uint32Array(bytes.buffer)).toEqual(bits);
  expect(new Uint32Array(decodeAll(f32, bytes).buffer)).toEqual(bits);
});

test('f8_e5m2 is the upper byte of f16', () => {
  const codes = Uint8Array.from({ length: 256 }, (_, code) => code);
  const halves = new Uint8Array(Uint16Array.from(codes, (code) => code << 8).buffer);
  expect(decodeAll(storageTypeByName('f8_e5m2'), codes)).toEqual(decodeAll(f16, halves));
});

test('f64 and the integers decode to the nearest f32', () => {
  const cases = [
    { name: 'f64', bytes: Float64Array.of(0.1, -1e300, 5e-324), values: [Math.fround(0.1), -Infinity, 0] },
    { name: 'i8', bytes: Int8Array.of(-128, -1, 127), values: [-128, -1, 127] },
    { name: 'i16', bytes: Int16Array.of(-32_768, 1, 32_767), values: [-32_768, 1, 32_767] },
    {
      name: 'i32',
      bytes: Int32Array.of(-(2 ** 31), 16_777_217, 16_777_219),
      values: [-(2 ** 31), 2 ** 24, 2 ** 24 + 4],
    },
    {
      name: 'i64',
      // The last two lie just above the middle of two f32, by too little for a double to show it.
      bytes: BigInt64Array.of(
        -1n,
        -(2n ** 63n),
        2n ** 40n + 1n,
        2n ** 60n + 2n ** 36n + 1n,
        -(2n ** 60n) - 2n ** 36n - 1n,
      ),
      values: [-1, -(2 ** 63), 2 ** 40, 2 ** 60 + 2 ** 37, -(2 ** 60) - 2 ** 37],
    },
  ];
  for (const { name, bytes, values } of cases) {
    const decoded = decodeAll(storageTypeByName(name), new Uint8Array(bytes.buffer));
    expect([...decoded], name).toEqual(values);
  }
});
