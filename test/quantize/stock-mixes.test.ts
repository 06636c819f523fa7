import { readFileSync } from 'node:fs';
import { describe, expect, it } from 'vitest';
import { storageBytes, storageTypeByName } from '../../src/dtype/index.ts';
import { type NamedShape, STOCK_MIXES, stockTypes } from '../../src/quantize/stock-mixes.ts';

interface Recorded {
  readonly vocab: number;
  readonly models: Readonly<Record<string, { readonly shape: Shape; readonly mixes: Mixes }>>;
}
/** By mix: type -> part -> the layers in which it has the type. */
type Mixes = Readonly<Record<string, Readonly<Record<string, Readonly<Record<string, string>> | string>>>>;
interface Shape {
  readonly arch: string;
  readonly layers: number;
  readonly hidden: number;
  readonly heads: number;
  readonly kv: number;
  readonly ffn: number;
  readonly experts: number;
  readonly moe: number;
  readonly shared: number;
  readonly tied?: boolean;
}

const { vocab, models }: Recorded = JSON.parse(
  readFileSync(new URL('../golden/quantize/mixes.json', import.meta.url), 'utf8'),
);

describe.each(Object.entries(models))('named mixes of %s', (_, { shape, mixes }) => {
  const tensors = tensorsOf(shape);
  const known = Object.entries(mixes).filter(([, types]) => !('refused' in types));

  it.each(known)('%s: the same type for every tensor as llama.cpp', (key, types) => {
    const [mix, withMatrix] = key.split(' ');
    const chosen = stockTypes(
      mix,
      tensors,
      { architecture: shape.arch, numLayers: shape.layers },
      { hasImportance: withMatrix !== undefined, fallbacks: '2026' },
    );
    const expected = new Map(
      Object.entries(types).flatMap(([type, parts]) =>
        Object.entries(parts).flatMap(([part, layers]) =>
          namesOf(part, layers).map((name) => [name, type.toLowerCase()]),
        ),
      ),
    );
    expect(Object.fromEntries([...chosen].map(([name, { type }]) => [name, type]).sort())).toEqual(
      Object.fromEntries([...expected].sort()),
    );
  });
});

it('every mix is compared', () => {
  const compared = new Set(Object.keys(models['dots.llm1'].mixes).map((key) => key.split(' ')[0]));
  expect(STOCK_MIXES.filter((mix) => !compared.has(mix))).toEqual([]);
});

it('rows of 1,408 get what the files of mid-2025 have', () => {
  const shape = models['dots.llm1'].shape;
  const chosen = stockTypes(
    'q3_k_s',
    tensorsOf(shape),
    { architecture: 'dots1', numLayers: 62 },
    { hasImportance: true, fallbacks: 'mid-2025' },
  );
  expect(chosen.get('blk.1.ffn_down_exps.weight')).toEqual({ type: 'iq4_nl', insteadOf: 'q3_k' });
  expect(chosen.get('blk.1.ffn_down_shexp.weight')).toEqual({ type: 'q3_k' });
});

/** Bytes of all tensors of dots.llm1 with an importance matrix, as of mid-2025: computed from the rules by another program. */
const SIZES: Readonly<Record<string, number>> = {
  q8_0: 151793299968,
  q6_k: 128139575808,
  q5_k_m: 107980198400,
  q5_k_s: 101165003264,
  q4_k_m: 94478012928,
  q4_k_s: 86513971712,
  q4_0: 80866898432,
  iq4_nl: 80582947328,
  iq4_xs: 77550318080,
  q3_k_l: 76863554048,
  q3_k_m: 73800532480,
  q3_k_s: 67694273024,
  iq3_m: 68539015680,
  iq3_s: 67694273024,
  iq3_xs: 64293249536,
  iq3_xxs: 63010537984,
  q2_k_s: 58413699584,
  q2_k: 58120974848,
  iq2_m: 57434948096,
  iq2_s: 54487876096,
  iq2_xs: 54274826752,
  iq2_xxs: 51295248896,
  iq1_m: 47611408896,
  iq1_s: 45401104896,
};

it.each(Object.entries(SIZES))('dots.llm1 in %s has %d bytes', (mix, expected) => {
  const tensors = [
    ...tensorsOf(models['dots.llm1'].shape).map(({ name, shape }) => ({
      name,
      shape: /^(output|token_embd)\.weight$/.test(name) ? [152_064, shape[1]] : shape,
    })),
    ...Array.from({ length: 62 }, (_, layer) => [
      { name: `blk.${layer}.attn_q_norm.weight`, shape: [128] },
      { name: `blk.${layer}.attn_k_norm.weight`, shape: [128] },
      ...(layer === 0 ? [] : [{ name: `blk.${layer}.exp_probs_b.bias`, shape: [128] }]),
    ]).flat(),
  ];
  const chosen = stockTypes(
    mix,
    tensors,
    { architecture: 'dots1', numLayers: 62 },
    { hasImportance: true, fallbacks: 'mid-2025' },
  );
  const bytes = tensors.map(({ name, shape }) =>
    storageBytes(
      storageTypeByName(chosen.get(name)?.type ?? 'f32'),
      shape.reduce((a, b) => a * b, 1),
    ),
  );
  expect(bytes.reduce((a, b) => a + b, 0)).toBe(expected);
});

function namesOf(part: string, layers: string): string[] {
  if (layers === '') return [`${part}.weight`];
  return layers.split(' ').flatMap((run) => {
    const [first, last = first] = run.split('-').map(Number);
    return Array.from({ length: last - first + 1 }, (_, i) => `blk.${first + i}.${part}.weight`);
  });
}

function tensorsOf(shape: Shape): NamedShape[] {
  const { layers, hidden, heads, kv, ffn, experts, moe, shared } = shape;
  const keys = (hidden / heads) * kv;
  const layer = (i: number): [string, number[]][] => [
    ['attn_norm', [hidden]],
    ['attn_q', [hidden, hidden]],
    ['attn_k', [keys, hidden]],
    ['attn_v', [keys, hidden]],
    ['attn_output', [hidden, hidden]],
    ['ffn_norm', [hidden]],
    ...((experts === 0 || (shape.arch === 'dots1' && i === 0)
      ? [
          ['ffn_gate', [ffn, hidden]],
          ['ffn_up', [ffn, hidden]],
          ['ffn_down', [hidden, ffn]],
        ]
      : [
          ['ffn_gate_inp', [experts, hidden]],
          ['ffn_gate_exps', [experts, moe, hidden]],
          ['ffn_up_exps', [experts, moe, hidden]],
          ['ffn_down_exps', [experts, hidden, moe]],
          ...(shared === 0
            ? []
            : [
                ['ffn_gate_shexp', [shared * moe, hidden]],
                ['ffn_up_shexp', [shared * moe, hidden]],
                ['ffn_down_shexp', [hidden, shared * moe]],
              ]),
        ]) as [string, number[]][]),
  ];
  return [
    { name: 'token_embd.weight', shape: [vocab, hidden] },
    ...Array.from({ length: layers }, (_, i) =>
      layer(i).map(([part, dims]) => ({ name: `blk.${i}.${part}.weight`, shape: dims })),
    ).flat(),
    { name: 'output_norm.weight', shape: [hidden] },
    ...(shape.tied ? [] : [{ name: 'output.weight', shape: [vocab, hidden] }]),
  ];
}
