/** Numbers as JSON writes them, within bounds. Their digits are limited: otherwise a model might never end a number. */
import { UsageError } from '../../core/errors.ts';
import {
  byte,
  choice,
  EMPTY,
  type Grammar,
  type GraphEdge,
  literal,
  NOTHING_AT_ALL,
  optional,
  repeat,
  sequence,
} from './grammar.ts';
import { LIMITS, tooLarge } from './limits.ts';
import type { Step } from './number-steps.ts';
import type { Bound } from './schema-types.ts';

const MAX_DIGITS = 18;
/** Of numbers with bounds: so many digits in all that two different ones never become the same double. */
const MAX_PRECISE_DIGITS = 15;

const digit = byte(0x30, 0x39);

/** A whole number without bounds: no fraction, no exponent, at most 18 digits. */
export const ANY_INTEGER: Grammar = choice(
  literal('0'),
  sequence(optional(literal('-')), byte(0x31, 0x39), repeat(digit, 0, MAX_DIGITS - 1)),
);

export const ANY_NUMBER: Grammar = sequence(
  optional(literal('-')),
  choice(literal('0'), sequence(byte(0x31, 0x39), repeat(digit, 0, MAX_DIGITS - 1))),
  optional(sequence(literal('.'), repeat(digit, 1, MAX_DIGITS))),
  // Two digits: no double overflows, with so many before the point.
  optional(
    sequence(
      choice(literal('e'), literal('E')),
      choice(EMPTY, literal('+'), literal('-')),
      repeat(digit, 1, 2),
    ),
  ),
);

/** Beyond these, a double does not distinguish neighbouring whole numbers. */
const MAX_BOUND = 2 ** 53;

export interface Decimals {
  readonly isInteger: boolean;
  readonly step?: Step | undefined;
}

/** Numbers between two bounds, written without exponent. Throws `UsageError` if they all lie beyond 2^53. */
export function boundedNumber(
  lowest: Bound | undefined,
  highest: Bound | undefined,
  decimals: Decimals,
): Grammar {
  for (const bound of [
    lowest && lowest.value > MAX_BOUND && lowest,
    highest && highest.value < -MAX_BOUND && highest,
  ]) {
    if (!bound) continue;
    throw new UsageError(`Cannot keep numbers beyond ${bound.value}`, {
      code: 'unsupported-schema',
      hint: 'bounds must leave room between -2^53 and 2^53',
    });
  }
  // Without a bound, numbers are shorter than these.
  const low = lowest && lowest.value >= -MAX_BOUND ? lowest : undefined;
  const high = highest && highest.value <= MAX_BOUND ? highest : undefined;
  const parts: Grammar[] = [];
  if (!high || high.value >= 0) {
    parts.push(magnitudes(low && low.value >= 0 ? low : undefined, high, decimals));
  }
  if (!low || low.value < 0) {
    // Below zero the bounds change places. Zero itself has no sign here.
    const from = high && high.value < 0 ? negated(high) : { value: 0, isExclusive: true };
    parts.push(sequence(literal('-'), magnitudes(from, low && negated(low), decimals)));
  }
  return choice(...parts);
}

function negated({ value, isExclusive }: Bound): Bound {
  return { value: -value, isExclusive };
}

interface Decimal {
  readonly whole: string;
  readonly fraction: string;
  readonly isExclusive: boolean;
}

/** Digits of a number that is not negative. */
function decimal({ value, isExclusive }: Bound): Decimal {
  const [mantissa, exponent = '0'] = String(value).split('e');
  const [whole, fraction = ''] = mantissa.split('.');
  // Numbers are at most 2^53, so only small ones are written with an exponent.
  const shift = -Number(exponent);
  const digits = shift > 0 ? '0'.repeat(shift) + whole : whole;
  const point = digits.length - Math.max(shift, 0);
  return {
    whole: digits.slice(0, point).replace(/^0+(?=\d)/, '') || '0',
    fraction: digits.slice(point) + fraction,
    isExclusive,
  };
}

/** Numbers without sign: compares digit by digit, from the left, for as long as they equal those of a bound. */
function magnitudes(low: Bound | undefined, high: Bound | undefined, decimals: Decimals): Grammar {
  if (low && high && low.value > high.value) return NOTHING_AT_ALL;
  const from = decimal(low ?? { value: 0, isExclusive: false });
  const to = high && decimal(high);
  const longest = to ? to.whole.length : Math.max(MAX_PRECISE_DIGITS, from.whole.length);
  const graph = new DigitGraph(from, to, decimals);
  for (let length = from.whole.length; length <= longest; length++) graph.addLength(length);
  return graph.finish();
}

class DigitGraph {
  private readonly edges: GraphEdge[] = [];
  private readonly ends = new Set<number>();
  private readonly from: Decimal;
  private readonly to: Decimal | undefined;
  private readonly isInteger: boolean;
  private readonly step: Step | undefined;
  /** States where no bound applies, which numbers of all lengths share. */
  private readonly free = new Map<string, number>();
  private numStates = 1;

  constructor(from: Decimal, to: Decimal | undefined, { isInteger, step }: Decimals) {
    this.from = from;
    this.to = to;
    this.isInteger = isInteger;
    this.step = step;
  }

  finish(): Grammar {
    const { edges, ends, numStates } = this;
    return { kind: 'graph', numStates, edges, start: 0, ends };
  }

  /** Numbers with so many digits before the point. */
  addLength(length: number): void {
    const numFree = MAX_PRECISE_DIGITS - length;
    const mostFraction = this.isInteger || numFree < 0 ? 0 : Math.max(1, numFree);
    const maxFraction = Math.min(mostFraction, this.step?.scale ?? mostFraction);
    const modulus = this.step?.modulus ?? 1;
    const scale = this.step?.scale ?? 0;
    const lowDigits = length === this.from.whole.length ? this.from.whole + this.from.fraction : undefined;
    const highDigits = length === this.to?.whole.length ? this.to.whole + this.to.fraction : undefined;
    const known = new Map<string, number>();
    const open: { place: number; isLow: boolean; isHigh: boolean; rest: number; state: number }[] = [];
    // `rest`: what the digits so far, with zeros after them, leave when divided by the modulus.
    const weights = Array.from({ length: length + maxFraction }, (_, place) =>
      Number(10n ** BigInt(Math.max(0, length + scale - 1 - place)) % BigInt(modulus)),
    );
    const stateOf = (place: number, isLow: boolean, isHigh: boolean, rest: number): number => {
      const isFree = place > 0 && !isLow && !isHigh;
      const key = isFree ? `${length - place},${maxFraction},${rest}` : `${place},${isLow},${isHigh},${rest}`;
      const states = isFree ? this.free : known;
      let state = states.get(key);
      if (state === undefined) {
        state = place === 0 ? 0 : this.numStates++;
        states.set(key, state);
        open.push({ place, isLow, isHigh, rest, state });
      }
      return state;
    };
    stateOf(0, lowDigits !== undefined, highDigits !== undefined, 0);
    for (let item = open.pop(); item; item = open.pop()) {
      const { place, isLow, isHigh, rest, state } = item;
      if (
        place >= length &&
        rest === 0 &&
        this.mayEnd(place, isLow ? lowDigits : undefined, isHigh ? highDigits : undefined)
      ) {
        this.ends.add(state);
      }
      if (place >= length + maxFraction) continue;
      let at = state;
      if (place === length) {
        at = this.numStates++;
        this.edges.push({ from: state, to: at, item: literal('.') });
      }
      const least = Math.max(isLow ? Number(lowDigits?.[place] ?? 0) : 0, place === 0 && length > 1 ? 1 : 0);
      const most = isHigh ? Number(highDigits?.[place] ?? 0) : 9;
      for (let value = least; value <= most; value++) {
        const staysLow = isLow && value === Number(lowDigits?.[place] ?? 0);
        const staysHigh = isHigh && value === Number(highDigits?.[place] ?? 0);
        const next = (rest + value * weights[place]) % modulus;
        // No digits that may follow make up for it.
        if (next > 0 && modulus - next >= 10 ** (length + scale - 1 - place)) continue;
        const to = stateOf(place + 1, staysLow, staysHigh, next);
        this.edges.push({ from: at, to, item: byte(0x30 + value) });
        if (this.edges.length > LIMITS.states) throw tooLarge('states', LIMITS.states);
      }
    }
  }

  /** The number with the digits so far: what it equals so far, it may be equal to, or must differ from. */
  private mayEnd(place: number, lowDigits: string | undefined, highDigits: string | undefined): boolean {
    const restIsZero = (digits: string): boolean => /^0*$/.test(digits.slice(place));
    if (lowDigits !== undefined && (!restIsZero(lowDigits) || this.from.isExclusive)) return false;
    return highDigits === undefined || !restIsZero(highDigits) || this.to?.isExclusive === false;
  }
}
