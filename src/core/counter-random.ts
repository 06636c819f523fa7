import { InternalError } from './errors.ts';
import { Draws } from './random.ts';

/**
 * Random numbers by their place in a sequence: the n-th number of a stream is a function of (seed, stream, n) alone, so
 * nobody has to keep a state, and no two streams overlap. What needs several streams of one seed takes them from here: a seed
 * computed from another one (a thousand times the seed and an index) would be that of a neighbour. Philox4x32-10. Source:
 * Salmon and others, "Parallel random numbers: as easy as 1, 2, 3", 2011.
 */
const ROUNDS = 10;
const MULTIPLIERS = [0xd2511f53, 0xcd9e8d57] as const;
/** The golden ratio and the square root of 3, less 1: what the key grows by in each round. */
const KEY_STEPS = [0x9e3779b9, 0xbb67ae85] as const;

/** 128 bits of counter and 64 bits of key -> 128 random bits, as words of 32. */
export function philox(counter: readonly number[], key: readonly number[]): [number, number, number, number] {
  let [a, b, c, d] = counter;
  let [k0, k1] = key;
  for (let round = 0; round < ROUNDS; round++) {
    const high0 = multiplyHigh(MULTIPLIERS[0], a);
    const low0 = Math.imul(MULTIPLIERS[0], a);
    const high1 = multiplyHigh(MULTIPLIERS[1], c);
    const low1 = Math.imul(MULTIPLIERS[1], c);
    [a, b, c, d] = [high1 ^ b ^ k0, low1, high0 ^ d ^ k1, low0];
    k0 = (k0 + KEY_STEPS[0]) | 0;
    k1 = (k1 + KEY_STEPS[1]) | 0;
  }
  return [a >>> 0, b >>> 0, c >>> 0, d >>> 0];
}

/**
 * One stream of one seed. Seeds are 64 bits (negative ones count as their two's complement); a stream has a name of two
 * numbers of 32 bits: what is drawn, and for which one of its kind.
 */
export class CounterRandom {
  private readonly key: readonly [number, number];
  private readonly stream: readonly [number, number];

  constructor(seed: number | bigint, stream = 0, substream = 0) {
    for (const word of [stream, substream]) {
      if (word >>> 0 !== word)
        throw new InternalError(`the random stream ${word} is not a number of 32 bits`);
    }
    const bits = BigInt.asUintN(64, BigInt(seed));
    this.key = [Number(bits & 0xffffffffn), Number(bits >> 32n)];
    this.stream = [stream, substream];
  }

  /** The number at place `index`, uniform in [0, 1) with 53 bits. */
  uniform(index: number): number {
    const [a, b] = philox([index >>> 0, Math.floor(index / 2 ** 32), ...this.stream], this.key);
    return ((a >>> 5) * 67108864 + (b >>> 6)) / 9007199254740992;
  }

  /** The numbers from place `index` on, one after the other. */
  drawsFrom(index: number): Draws {
    return new DrawsInPlace(this, index);
  }
}

class DrawsInPlace extends Draws {
  private readonly random: CounterRandom;
  private index: number;

  constructor(random: CounterRandom, index: number) {
    super();
    this.random = random;
    this.index = index;
  }

  override uniform(): number {
    return this.random.uniform(this.index++);
  }
}

/** The upper 32 bits of the product of two words. */
function multiplyHigh(x: number, y: number): number {
  const xLow = x & 0xffff;
  const xHigh = x >>> 16;
  const yLow = y & 0xffff;
  const yHigh = y >>> 16;
  const low = xLow * yLow;
  const middle = xHigh * yLow + (low >>> 16);
  const carry = (middle & 0xffff) + xLow * yHigh;
  return (xHigh * yHigh + Math.floor(middle / 65536) + Math.floor(carry / 65536)) | 0;
}
