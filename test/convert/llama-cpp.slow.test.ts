import { createHash } from 'node:crypto';
import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, describe, expect, it } from 'vitest';
import { openNativeBackend } from '../../src/backend/native/native-backend.ts';
import { argmax } from '../../src/engine/candidates.ts';
import { runJson } from '../cli/run-cli.ts';
import { llamaCppModel, llamaCppModelNames, writeLlamaCppFolder } from './llama-cpp-models.ts';
import { logitsOf } from './models.ts';

/** What llama.cpp made of the very files that `dots convert` writes; see `record.ts` there. */
interface Recorded {
  readonly sha256: string;
  /** Why it does not load. */
  readonly refused?: string;
  /** The id with the largest logit at each position. */
  readonly argmax?: readonly number[];
}

const models: Readonly<Record<string, Recorded>> = JSON.parse(
  readFileSync(new URL('../golden/llama-cpp/models.json', import.meta.url), 'utf8'),
).models;
const folder = mkdtempSync(join(tmpdir(), 'dots-llama-cpp-'));
afterAll(() => rmSync(folder, { recursive: true }));

const BACKENDS = ['reference', ...(openNativeBackend({ threads: 1 }).backend ? ['native'] : [])] as const;

describe('a folder converted to GGUF, next to what llama.cpp computes with the file', () => {
  it.each(llamaCppModelNames())('%s: the same greedy tokens, or a warning', async (name) => {
    const from = await writeLlamaCppFolder(folder, name);
    const converted = await runJson<{ warnings: string[] }>([
      'convert',
      from,
      `${from}.gguf`,
      '--type',
      'f32',
    ]);
    // Others are about the tokenizer, and tokens are given here.
    const warnings = converted.warnings.filter((text) => /^llama\.cpp (?:cannot|computes)/.test(text));
    const { sha256, refused, argmax: theirs } = models[name];
    const hash = createHash('sha256')
      .update(readFileSync(`${from}.gguf`))
      .digest('hex');
    expect(hash, 'the file has changed: record models.json again').toBe(sha256);

    if (refused !== undefined) {
      expect(warnings).toEqual([expect.stringMatching(/^llama\.cpp cannot load this model: /)]);
      return;
    }
    for (const backend of BACKENDS) {
      const rows = await logitsOf(`${from}.gguf`, llamaCppModel(name).tokens, backend as 'reference');
      const ours = rows.map((row) => argmax(row));
      if (warnings.length === 0) expect(ours, backend).toEqual(theirs);
      else expect(ours, backend).not.toEqual(theirs);
    }
    if (warnings.length > 0)
      expect(warnings).toEqual([expect.stringMatching(/^llama\.cpp computes different logits: /)]);
  });
});
