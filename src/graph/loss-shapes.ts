import { sameDim } from './dim.ts';
import { check } from './op.ts';
import type { Tensor } from './tensor.ts';

/** What a loss asks that multiplies its rows by the output matrix itself. */
export function checkLinearCrossEntropy(
  op: string,
  inputs: readonly Tensor[],
  parts: { x: Tensor; weight: Tensor; targets: Tensor; weights: Tensor },
): void {
  const { x, weight, targets, weights } = parts;
  check(
    x.shape.length === 2 && weight.shape.length === 2 && sameDim(x.shape[1], weight.shape[1]),
    op,
    inputs,
    'rows of x and rows of the matrix must be equally long',
  );
  check(
    targets.type === 'i32' && targets.shape.length === 1 && sameDim(targets.shape[0], x.shape[0]),
    op,
    inputs,
    'there must be one target for each row',
  );
  check(
    weights.type === 'f32' && weights.shape.length === 1 && sameDim(weights.shape[0], x.shape[0]),
    op,
    inputs,
    'there must be one weight for each row',
  );
}
