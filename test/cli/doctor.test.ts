import { mkdtempSync, openSync, readdirSync, readFileSync, rmSync, truncateSync, writeSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { afterAll, describe, expect, it } from 'vitest';
import { openGguf } from '../../src/format/gguf-shards.ts';
import { findNumberArray, findStringArray, type GgufValue } from '../../src/format/gguf-values.ts';
import { TINY_HF_FOLDER, TINY_LLAMACPP_GGUF } from '../fixtures/golden-dots1.ts';
import { editedGguf } from './edited-gguf.ts';
import { runCli } from './run-cli.ts';

const folder = mkdtempSync(join(tmpdir(), 'dots-doctor-'));
afterAll(() => rmSync(folder, { recursive: true }));
const at = (name: string): string => join(folder, name);

interface Report {
  readonly isHealthy: boolean;
  readonly findings: readonly { code: string; message: string; canFix: boolean }[];
}

async function examine(path: string, ...flags: string[]): Promise<Report & { code: number }> {
  const { code, stdout, stderr } = await runCli(['doctor', path, ...flags, '--json']);
  expect(stderr).toBe('');
  return { code, ...JSON.parse(stdout) };
}

const tiny = await openGguf(TINY_LLAMACPP_GGUF);
const tokens = findStringArray(tiny.metadata, 'tokenizer.ggml.tokens') ?? [];
const kinds = Int32Array.from(findNumberArray(tiny.metadata, 'tokenizer.ggml.token_type') ?? []);
await tiny.close();
const comma: GgufValue = { type: 'u32', value: tokens.indexOf(',') };
const text = (value: string): GgufValue => ({ type: 'string', value });

/** A healthy file, to make others from. */
const HEALTHY = { 'tokenizer.ggml.add_bos_token': { type: 'bool', value: false } } as const;

const FAULTS: [code: string, metadata: Record<string, GgufValue | undefined>][] = [
  ['missing-gating', { 'dots1.expert_gating_func': undefined }],
  ['wrong-pre-tokenizer', { 'tokenizer.ggml.pre': undefined }],
  ['wrong-pre-tokenizer', { 'tokenizer.ggml.pre': text('default') }],
  ['wrong-pre-tokenizer', { 'tokenizer.ggml.pre': text('none-such') }],
  ['wrong-start-token', { 'tokenizer.ggml.bos_token_id': comma }],
  ['wrong-start-token', { 'tokenizer.ggml.bos_token_id': { type: 'u32', value: 1e6 } }],
  ['no-start-token', { 'tokenizer.ggml.bos_token_id': undefined, 'tokenizer.ggml.add_bos_token': undefined }],
  ['no-end-token', { 'tokenizer.ggml.eos_token_id': undefined, 'tokenizer.ggml.eot_token_id': undefined }],
  ['no-end-token', { 'tokenizer.ggml.eos_token_id': { type: 'u32', value: 1e6 } }],
  ['no-chat-template', { 'tokenizer.chat_template': undefined }],
  ['broken-chat-template', { 'tokenizer.chat_template': text('{% for m in messages %}<|response|>') }],
  ['broken-chat-template', { 'tokenizer.chat_template': text('<|response|>') }],
  [
    'markers-as-text',
    { 'tokenizer.ggml.token_type': { type: 'array', elementType: 'i32', value: kinds.map(() => 1) } },
  ],
];

describe('dots doctor', () => {
  it('calls the shipped model and files of dots convert healthy', async () => {
    expect(await examine('mini')).toMatchObject({ code: 0, isHealthy: true, findings: [] });
    await runCli([
      'convert',
      fileURLToPath(new URL('../fixtures/tiny-hf', import.meta.url)),
      at('converted.gguf'),
    ]);
    expect(await examine(at('converted.gguf'))).toMatchObject({ code: 0, findings: [] });
    expect((await runCli(['doctor', 'mini', '--no-values'])).stdout).toMatch(
      /is healthy \(weights were not read\)/,
    );
  });

  it.each(FAULTS)('finds %s and mends it, the weights unchanged', async (code, metadata) => {
    const path = await editedGguf(at('bad.gguf'), { metadata: { ...HEALTHY, ...metadata } });
    const found = await examine(path);
    expect(found.findings.map((finding) => finding.code)).toContain(code);
    expect(found).toMatchObject({ code: 1, isHealthy: false });
    const mended = await examine(path, '--fix', at('good.gguf'), '--force');
    expect(mended.code).toBe(0);
    expect(await examine(at('good.gguf'))).toMatchObject({ code: 0, findings: [] });
    await using before = await openGguf(path);
    await using after = await openGguf(at('good.gguf'));
    expect([...after.tensors.keys()]).toEqual([...before.tensors.keys()]);
    for (const [name, { source, offset, sizeBytes }] of before.tensors) {
      const same = after.tensors.get(name) as typeof tiny.tensors extends ReadonlyMap<string, infer T>
        ? T
        : never;
      expect(await same.source.read(same.offset, sizeBytes)).toEqual(await source.read(offset, sizeBytes));
    }
  });

  it('names weights that are not numbers', async () => {
    const path = await editedGguf(at('nan.gguf'), { metadata: HEALTHY });
    const file = await openGguf(path);
    const tensor = file.tensors.get('blk.1.ffn_norm.weight') as NonNullable<
      ReturnType<typeof file.tensors.get>
    >;
    await file.close();
    const handle = openSync(path, 'r+');
    writeSync(
      handle,
      Buffer.from(Float32Array.of(Number.NaN, Number.POSITIVE_INFINITY).buffer),
      0,
      8,
      tensor.offset + 12,
    );
    const { code, findings } = await examine(path);
    expect(code).toBe(1);
    expect(findings).toEqual([
      expect.objectContaining({
        code: 'not-a-number',
        message:
          '2 values of blk.1.ffn_norm.weight (f32) are not numbers, the first of them in row 0, column 3',
        canFix: false,
      }),
    ]);
  });

  it('reports missing, cut and mixed-up shards', async () => {
    await runCli(['quantize', TINY_LLAMACPP_GGUF, at('s.gguf'), '--type', 'f16', '--split-size', '100kB']);
    const shards = readdirSync(folder)
      .filter((name) => name.startsWith('s-'))
      .sort();
    truncateSync(at(shards[1]), readFileSync(at(shards[1])).length - 64);
    expect(await examine(at(shards[0]))).toMatchObject({ code: 1, findings: [{ canFix: false }] });
    rmSync(at(shards[1]));
    expect((await examine(at(shards[0]))).findings[0].message).toContain(shards[1]);
  });

  it('finds that an importance matrix is of another model', async () => {
    await runCli([
      'imatrix',
      'mini',
      at('mini.imatrix'),
      '--file',
      fileURLToPath(import.meta.url),
      '--chunks',
      '1',
    ]);
    expect(await examine('mini', '--imatrix', at('mini.imatrix'))).toMatchObject({ code: 0 });
    const path = await editedGguf(at('tiny.gguf'), { metadata: HEALTHY });
    const { code, findings } = await examine(path, '--imatrix', at('mini.imatrix'));
    expect(code).toBe(1);
    expect(findings).toEqual([expect.objectContaining({ code: 'other-model' })]);
  });

  it('a folder is wrong usage and no fault of the model', async () => {
    const { code, stdout, stderr } = await runCli(['doctor', TINY_HF_FOLDER]);
    expect({ code, stdout }).toEqual({ code: 2, stdout: '' });
    expect(stderr).toMatch(/it is a folder, and dots doctor reads GGUF files\nhint: .*dots convert/);
  });

  it('a file that is not there is wrong usage', async () => {
    expect((await runCli(['doctor', at('missing.gguf')])).code).toBe(2);
  });
});
