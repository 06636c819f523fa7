import { FormatError } from '../core/errors.ts';

/** Throws `FormatError` (`not-a-number`) for logits of which one is NaN or plus infinity; minus infinity excludes a token. */
export function checkLogits(logits_V: Float32Array, position: number): void {
  if (logits_V.some((logit) => Number.isNaN(logit) || logit === Number.POSITIVE_INFINITY))
    throw notNumbers(`predict what follows position ${position}`);
}

/** `attempt` completes "Cannot ...". */
export function notNumbers(attempt: string, what = 'logits'): FormatError {
  return new FormatError(`Cannot ${attempt}: the ${what} of the model are not numbers`, {
    code: 'not-a-number',
    hint: 'its weights are damaged, or its training went wrong; load it again, or take an earlier checkpoint',
  });
}
