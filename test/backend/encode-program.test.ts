import { describe, expect, it } from 'vitest';
import { encodeProgram } from '../../src/backend/program/encode-program.ts';
import { NATIVE_OPS } from '../../src/backend/program/native-ops.ts';
import type { Instruction, Program } from '../../src/compile/program.ts';

const numberOf = (op: string): number => Object.keys(NATIVE_OPS).indexOf(op);

function programOf(...instructions: Instruction[]): Program {
  const times = (n: number, symbol: string) => ({ times: n, symbol });
  return {
    name: 'words',
    values: [
      { kind: 'input', name: 'x', shape: [times(1, 'T'), 8], type: 'f32' },
      { kind: 'state', name: 'keys', shape: [times(1, 'P'), 2, 64, 16], type: 'f32' },
      { kind: 'slot', slot: 0, shape: [times(1, 'T'), 8], type: 'f32' },
    ],
    instructions,
    slots: [[times(32, 'T')]],
    outputs: { out: 2 },
  };
}

describe('encodeProgram()', () => {
  it('writes the words that native/program.h describes', () => {
    const program = programOf({ op: 'scale', inputs: [0], output: 2, attributes: { factor: 0.5 } });
    const { words, constants, symbols, inputs, states, outputs } = encodeProgram(program, { P: 3 });
    expect(Array.from(words.subarray(1))).toEqual([
      ...[1, 3, 1, 1, 1, 1], // symbols, values, slots, instructions, outputs, constants
      ...[0, 0, 0, 2, 1, 0, 8, -1], // input 0, f32, two axes: T and 8
      ...[2, 0, 0, 4, 3, -1, 2, -1, 64, -1, 16, -1], // a state's symbols are bound
      ...[3, 0, 0, 2, 1, 0, 8, -1],
      ...[1, 32, 0],
      ...[numberOf('scale'), 1, 0, 2, 0, 1],
      2,
    ]);
    expect(Array.from(constants)).toEqual([0.5]);
    expect({ symbols, inputs, states, outputs }).toEqual({
      symbols: ['T'],
      inputs: ['x'],
      states: ['keys'],
      outputs: ['out'],
    });
  });

  it('writes attributes in the order of ops.def, whatever order the instruction has them in', () => {
    const attributes = { decay: 0.1, eps: 1e-8, beta1: 0.9, beta2: 0.95 };
    const { constants } = encodeProgram(programOf({ op: 'adamw', inputs: [0], output: 2, attributes }), {
      P: 3,
    });
    expect(Array.from(constants)).toEqual([0.9, 0.95, 1e-8, 0.1]);
  });

  it('throws an InternalError for an op or an attribute that the native backend lacks', () => {
    const encode = (op: string, attributes: Instruction['attributes']) => () =>
      encodeProgram(programOf({ op, inputs: [0], output: 2, attributes }), { P: 3 });
    expect(encode('conv2d', {})).toThrow('no native kernel for conv2d');
    expect(encode('scale', {})).toThrow('internal:');
    expect(encode('scale', { factor: 'half' })).toThrow('"half"');
  });
});
