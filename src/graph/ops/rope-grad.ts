import { sameDim } from '../dim.ts';
import { check, defineOp, type Inferred } from '../op.ts';
import type { Tensor } from '../tensor.ts';

export type RopeInputs =
  | [x_TNH: Tensor, positions_T: Tensor]
  | [x_TNH: Tensor, positions_T: Tensor, factors_P: Tensor];

export type RopeAttributes = Readonly<{
  theta: number;
  /** Which elements of a head turn together: i and i + H/2 ("NeoX"), or, interleaved, 2i and 2i + 1. */
  interleaved?: boolean;
}>;

/** Gradient of `rope`: the same rotation backwards, by −angle. gradient_TNH, positions_T, factors_P? -> TNH. */
export const ropeGrad = defineOp<RopeInputs, RopeAttributes>({
  name: 'ropeGrad',
  arity: 2,
  numOptional: 1,
  inPlace: 0,
  infer: (inputs) => inferRope('ropeGrad', inputs),
});

/** What holds for the rotation and for its gradient. */
export function inferRope(op: string, inputs: readonly Tensor[]): Inferred {
  const [x, positions, factors] = inputs;
  const width = x.shape[2] as number;
  check(x.shape.length === 3 && width % 2 === 0, op, inputs, 'heads must be [tokens, heads, even width]');
  check(
    positions.type === 'i32' && sameDim(positions.shape[0], x.shape[0]),
    op,
    inputs,
    'there must be one position for each token',
  );
  check(
    factors === undefined ||
      (factors.type === 'f32' && factors.shape.length === 1 && factors.shape[0] === width / 2),
    op,
    inputs,
    'there must be one factor for each pair',
  );
  return { shape: x.shape, type: 'f32' };
}
