import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, expect, it } from 'vitest';
import { openModelFiles } from '../../src/engine/model-files.ts';
import { bindWeights } from '../../src/model/bind-weights.ts';
import { writeHfFolder } from '../convert/models.ts';
import type { NamedTensor } from '../fixtures/random-dots1.ts';
import { SMALL_RELATIVES } from '../fixtures/small-relatives.ts';

const scratch = mkdtempSync(join(tmpdir(), 'dots-bind-'));
afterAll(() => rmSync(scratch, { recursive: true }));

const NORM = 'model.norm.weight';
const EMBEDDING = 'model.embed_tokens.weight';

const takeAway = (weights: Map<string, NamedTensor>): void => void weights.delete(NORM);
const turn = (weights: Map<string, NamedTensor>): void => {
  const tensor = weights.get(EMBEDDING) as NamedTensor;
  weights.set(EMBEDDING, { ...tensor, shape: [...tensor.shape].reverse() });
};

it.each([
  ['a missing tensor', [takeAway], 'missing-tensors', [NORM], [EMBEDDING]],
  ['a wrong shape', [turn], 'wrong-tensors', [EMBEDDING], [NORM]],
  ['both at once', [takeAway, turn], 'missing-tensors', [NORM, EMBEDDING], []],
])(
  'a model with %s is refused with an error that names all of it',
  async (name, edits, code, named, others) => {
    const path = await writeHfFolder(join(scratch, name), SMALL_RELATIVES.llama, (weights) => {
      for (const edit of edits) edit(weights);
    });
    const { config, tensors, format, origin, close } = await openModelFiles(path);
    await close();
    const bind = (): unknown => bindWeights(config, tensors, format, origin);
    expect(bind).toThrow(expect.objectContaining({ name: 'FormatError', code }));
    for (const tensor of named) expect(bind).toThrow(tensor);
    for (const tensor of others) expect(bind).not.toThrow(tensor);
  },
);
