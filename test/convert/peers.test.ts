import { createHash } from 'node:crypto';
import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, describe, expect, it } from 'vitest';
import { generate } from '../../src/engine/generate.ts';
import { openEngine } from '../../src/engine/open.ts';
import { runCli } from '../cli/run-cli.ts';
import { goldenTinyHf, TINY_HF_FOLDER, TINY_LLAMACPP_GGUF } from '../fixtures/golden-dots1.ts';

/** What llama.cpp and transformers made of the very files that `dots convert` writes; see `record.mjs` there. */
interface Peers {
  gguf: Record<string, { sha256: string; greedy: number[][] }>;
  hf: { sha256: Record<string, string>; answers: { prompt: number[]; greedy: number[] }[]; chat: string };
}

const peers: Peers = JSON.parse(
  readFileSync(new URL('../golden/convert/peers.json', import.meta.url), 'utf8'),
);
const { greedy } = goldenTinyHf();
const folder = mkdtempSync(join(tmpdir(), 'dots-peers-'));
afterAll(() => rmSync(folder, { recursive: true }));

function sha256(path: string): string {
  return createHash('sha256').update(readFileSync(path)).digest('hex');
}

async function greedyTokens(path: string): Promise<number[][]> {
  await using engine = await openEngine(path, { backend: 'reference' });
  const answers: number[][] = [];
  for (const { tokens, continuation } of greedy) {
    const options = { temperature: 0, ignoreEos: true, maxTokens: continuation.length };
    const answer: number[] = [];
    for await (const event of generate(engine, tokens, options))
      if (event.type === 'token-delta') answer.push(event.token);
    answers.push(answer);
  }
  return answers;
}

describe.each(Object.keys(peers.gguf))('a folder converted to GGUF in %s', (type) => {
  it('is the file that llama.cpp loaded, and we pick the greedy tokens that it picked', async () => {
    const path = join(folder, `${type}.gguf`);
    expect((await runCli(['convert', TINY_HF_FOLDER, path, '--type', type])).code).toBe(0);
    expect(sha256(path), 'the file has changed: record peers.json again').toBe(peers.gguf[type].sha256);
    expect(peers.gguf[type].greedy).toEqual(greedy.map(({ continuation }) => continuation));
    expect(await greedyTokens(path)).toEqual(peers.gguf[type].greedy);
  });
});

describe('a GGUF converted to a folder', () => {
  it('is the folder that transformers loaded, with the tokens and the template of the original', async () => {
    const path = join(folder, 'hf');
    expect((await runCli(['convert', TINY_LLAMACPP_GGUF, path, '--type', 'bf16'])).code).toBe(0);
    const files = Object.keys(peers.hf.sha256);
    const found = Object.fromEntries(files.map((name) => [name, sha256(join(path, name))]));
    expect(found, 'the folder has changed: record peers.json again').toEqual(peers.hf.sha256);
    expect(peers.hf.answers).toEqual(
      greedy.map(({ tokens, continuation }) => ({ prompt: tokens, greedy: continuation })),
    );
    expect(peers.hf.chat).toBe('<|userprompt|>Hello!<|endofuserprompt|><|response|>');
  });
});
