import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, describe, expect, it } from 'vitest';
import { llamaCppWarnings } from '../../src/convert/llama-cpp.ts';
import { configFromHf } from '../../src/model/config-hf.ts';
import { runCli, runJson } from '../cli/run-cli.ts';
import { llamaCppModel, writeLlamaCppFolder } from './llama-cpp-models.ts';

const folder = mkdtempSync(join(tmpdir(), 'dots-llama-cpp-'));
afterAll(() => rmSync(folder, { recursive: true }));

// llama-cpp.slow.test.ts compares with llama.cpp which models get a warning; this is what the warnings say.
describe('warnings about llama.cpp', () => {
  it.each([
    ['dots1/wide-heads', 'cannot load this model: its 8 query heads share 2 key/value heads'],
    ['dots1/no-shared-expert', 'cannot load this model: it has no shared expert'],
    ['dots1/groups-of-one', 'cannot load this model: its 8 groups hold one expert each'],
    ['dots1/1025-experts', 'cannot load this model: it has 1025 experts'],
    ['qwen3moe/dense-layers', 'cannot load this model: 4 of its 6 layers have no experts'],
    [
      'qwen3moe/raw-weights',
      "computes different logits: the weights of a token's experts are not normalised",
    ],
    ['llama/513-layers', 'cannot load this model: it has 513 layers'],
  ])('give the reason: %s', (name, text) => {
    const warnings = llamaCppWarnings(configFromHf(llamaCppModel(name).config));
    expect(warnings).toEqual([expect.stringContaining(`llama.cpp ${text}`)]);
    expect(warnings[0]).toContain('; run it with dots.ts, or train a ');
  });

  it.each([
    'dots1/tied',
    'dots1/1024-experts',
    'dots1/all-groups-kept',
    'qwen3moe/plain',
    'llama/512-layers',
  ])('are not given without a reason: %s', (name) => {
    expect(llamaCppWarnings(configFromHf(llamaCppModel(name).config))).toEqual([]);
  });

  it('are on stderr and in the JSON document, for GGUF files only', async () => {
    const from = await writeLlamaCppFolder(folder, 'qwen3moe/raw-weights');
    const text = 'train a Qwen3 MoE model with norm_topk_prob';
    const { code, stderr } = await runCli(['convert', from, join(folder, 'noted.gguf')]);
    expect({ code, stderr }).toEqual({ code: 0, stderr: expect.stringContaining(text) });
    expect(await runJson(['convert', from, join(folder, 'json.gguf')])).toMatchObject({
      warnings: expect.arrayContaining([expect.stringContaining(text)]),
    });
    expect(await runCli(['convert', from, join(folder, 'folder')])).toMatchObject({ code: 0, stderr: '' });
  });
});
