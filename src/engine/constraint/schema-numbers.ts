/** Minimum, maximum and step of a number in JSON Schema -> grammar. */
import type { Grammar } from './grammar.ts';
import { ANY_INTEGER, ANY_NUMBER, boundedNumber } from './number-grammar.ts';
import type { Step } from './number-steps.ts';
import type { Alternative } from './schema-alternatives.ts';
import { type Bound, boundsOf } from './schema-types.ts';

/** The numbers that all schemas of an alternative allow. */
export function schemaNumber(
  alternative: Alternative,
  { isInteger, step }: { readonly isInteger: boolean; readonly step: Step | undefined },
): Grammar {
  const low = tightest(alternative, 'Minimum');
  const high = tightest(alternative, 'Maximum');
  if (!low && !high && !step) return isInteger ? ANY_INTEGER : ANY_NUMBER;
  if (!isInteger) return boundedNumber(low, high, { isInteger, step });
  const whole = (bound: Bound | undefined, round: (value: number) => number, step: number) => {
    if (!bound) return undefined;
    const value = round(bound.value);
    return { value: bound.isExclusive && value === bound.value ? value + step : value, isExclusive: false };
  };
  return boundedNumber(whole(low, Math.ceil, 1), whole(high, Math.floor, -1), { isInteger, step });
}

/** The bound that says most. */
function tightest(alternative: Alternative, side: 'Minimum' | 'Maximum'): Bound | undefined {
  const sign = side === 'Minimum' ? -1 : 1;
  let found: Bound | undefined;
  for (const bound of alternative.flatMap((schema) => boundsOf(schema, side))) {
    // Of equal bounds, the exclusive one says more.
    const isSame = bound.value === found?.value;
    if (!found || sign * bound.value < sign * found.value || (isSame && bound.isExclusive)) found = bound;
  }
  return found;
}
