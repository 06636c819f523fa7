import { describe, expect, it } from 'vitest';
import { readTreeModels, sumTrees } from '../../../src/data/extract/tree-model.ts';

interface Parts {
  readonly roots: number[];
  readonly feature: number[];
  readonly threshold: number[];
  readonly left: number[];
  readonly right: number[];
  readonly leaf: number[];
}

/** Two trees: the first splits on x twice, the second is a single leaf. */
const PARTS: Parts = {
  roots: [0, ~3],
  feature: [0, 1],
  threshold: [0.5, 10],
  left: [~0, ~1],
  right: [1, ~2],
  leaf: [1, 2, 4, 100],
};

function fileOf(parts: Parts, change: (bytes: Buffer) => Buffer = (bytes) => bytes): Uint8Array {
  const header = Buffer.from(
    JSON.stringify({
      featureSets: { xy: ['x', 'y'] },
      models: [
        {
          name: 'm',
          features: 'xy',
          trees: parts.roots.length,
          nodes: parts.feature.length,
          leaves: parts.leaf.length,
        },
      ],
    }),
  );
  const length = Buffer.alloc(4);
  length.writeUInt32LE(header.length);
  const columns = [
    Int32Array.from(parts.roots),
    Int32Array.from(parts.feature),
    Float32Array.from(parts.threshold),
    Int32Array.from(parts.left),
    Int32Array.from(parts.right),
    Float32Array.from(parts.leaf),
  ].map((column) => Buffer.from(column.buffer));
  return Uint8Array.from(change(Buffer.concat([Buffer.from('dtree1\n\n'), length, header, ...columns])));
}

describe('readTreeModels()', () => {
  it('reads trees that give the sum of the leaves a row reaches', () => {
    const model = readTreeModels(fileOf(PARTS), 'trees').get('m');
    if (!model) throw new Error('no model');
    const sum = (...row: number[]): number => sumTrees(model, Float32Array.from([9, ...row]), 1);
    expect(sum(0.5, 99)).toBe(101);
    expect(sum(0.6, 10)).toBe(102);
    expect(sum(0.6, 11)).toBe(104);
  });

  it.each([
    ['another file', fileOf(PARTS, (bytes) => Buffer.concat([Buffer.from('GGUF'), bytes]))],
    ['a file that was cut', fileOf(PARTS, (bytes) => bytes.subarray(0, bytes.length - 1))],
    ['nothing', new Uint8Array(0)],
    ['a child that does not exist', fileOf({ ...PARTS, right: [7, ~2] })],
    ['a leaf that does not exist', fileOf({ ...PARTS, left: [~9, ~1] })],
    ['a walk that never ends', fileOf({ ...PARTS, right: [0, ~2] })],
    ['a feature that does not exist', fileOf({ ...PARTS, feature: [0, 2] })],
  ])('refuses %s', (_, bytes) => {
    expect(() => readTreeModels(bytes, 'trees')).toThrow(/Cannot read the models in trees/);
  });
});
