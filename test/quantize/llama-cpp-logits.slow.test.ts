import { createHash } from 'node:crypto';
import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { openNativeBackend } from '../../src/backend/native/native-backend.ts';
import { runCli } from '../cli/run-cli.ts';
import { logitsOf } from '../convert/models.ts';
import { backendFor, IDS, POSITIONS, QUANTISED, TOKENS, writeModel } from './quantised-files.ts';

/**
 * Root mean square of the difference from llama.cpp's logits, relative to theirs: docs/numerics.md. Both round activations to
 * int8, each in its own way; 0.022 is the most that was recorded, and each is as far from unrounded activations.
 */
const TOLERANCE = 0.03;

/** Of the very files that `dots quantize` writes; see record-logits.ts there. */
const golden = new URL('../golden/quantize/', import.meta.url);
const { files } = JSON.parse(readFileSync(new URL('logits.json', golden), 'utf8')) as {
  files: Record<string, { sha256: string }>;
};
const bytes = readFileSync(new URL('logits.f32', golden));
const recorded = new Float32Array(bytes.buffer, bytes.byteOffset, bytes.length / 4);

const folder = mkdtempSync(join(tmpdir(), 'dots-quantised-'));
afterAll(() => rmSync(folder, { recursive: true }));

// Only native encoders weigh errors, and only their bytes are those that llama.cpp was given.
describe.skipIf(!openNativeBackend({ threads: 1 }).backend)('a file of dots quantize in llama.cpp', () => {
  let made: { model: string; imatrix: string };
  beforeAll(async () => {
    made = await writeModel(folder);
  });

  it.each([...QUANTISED])('%s: opens, and gives our logits', async (name, args) => {
    const path = join(folder, 'quantised.gguf');
    const argv = ['quantize', made.model, path, ...args, '--imatrix', made.imatrix, '--force'];
    expect(await runCli(argv)).toMatchObject({ code: 0 });
    const sha256 = createHash('sha256').update(readFileSync(path)).digest('hex');
    expect(sha256, 'the file has changed: record logits.json again').toBe(files[name].sha256);
    const ours = await logitsOf(path, TOKENS, backendFor(name));
    const first = [...QUANTISED.keys()].indexOf(name) * POSITIONS.length * IDS.length;
    let difference = 0;
    let size = 0;
    for (const [i, position] of POSITIONS.entries())
      for (const [j, id] of IDS.entries()) {
        const theirs = recorded[first + i * IDS.length + j];
        difference += (ours[position][id] - theirs) ** 2;
        size += theirs ** 2;
      }
    expect(Math.sqrt(difference / size)).toBeLessThan(TOLERANCE);
    expect(size / (POSITIONS.length * IDS.length)).toBeGreaterThan(0.1);
  });
});
