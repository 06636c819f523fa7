import { defineOp } from '../op.ts';
import { inferRope, type RopeAttributes, type RopeInputs, ropeGrad } from './rope-grad.ts';

/**
 * Rotary position embedding on all H dimensions. x_TNH, positions_T, factors_P? -> TNH. The angle of pair i is
 * position · theta^(−2i/H), divided by its factor where there are factors. Source: arXiv:2104.09864.
 */
export const rope = defineOp<RopeInputs, RopeAttributes>({
  name: 'rope',
  arity: 2,
  numOptional: 1,
  inPlace: 0,
  infer: (inputs) => inferRope('rope', inputs),
  vjp: ({ gradient, inputs: [, positions, factors], attributes }) =>
    factors
      ? [ropeGrad(gradient, positions, factors, attributes), undefined, undefined]
      : [ropeGrad(gradient, positions, attributes), undefined],
});
