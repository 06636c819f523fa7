import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { runCli } from './run-cli.ts';

const folder = mkdtempSync(join(tmpdir(), 'dots-compare-'));
afterAll(() => rmSync(folder, { recursive: true }));
const at = (name: string): string => join(folder, name);
const TEXT = 'The quick brown fox jumps over the lazy dog. 今天天气很好。 It was the best of times.';

beforeAll(async () => {
  writeFileSync(at('text.txt'), TEXT);
  writeFileSync(at('one.txt'), 'a');
  for (const type of ['q4_0', 'q5_1'])
    await runCli([
      'quantize',
      'mini',
      at(`${type}.gguf`),
      '--type',
      type,
      '--requantize',
      '--backend',
      'reference',
    ]);
});

/** Raw logits of every position, from another command. */
async function logitsOf(model: string, tokens: readonly number[]): Promise<Float32Array[]> {
  await runCli(['logits', model, '--tokens', tokens.join(), '--all', '--out', at('l.f32')]);
  const bytes = readFileSync(at('l.f32'));
  const all = new Float32Array(bytes.buffer, bytes.byteOffset, bytes.length / 4);
  const vocab = all.length / tokens.length;
  return tokens.map((_, i) => all.subarray(i * vocab, (i + 1) * vocab));
}

describe('dots compare', () => {
  it('gives the divergence, losses and agreement that the definition gives', async () => {
    const models = ['mini', at('q4_0.gguf'), at('q5_1.gguf')];
    const { stdout } = await runCli([
      'compare',
      ...models,
      '--file',
      at('text.txt'),
      '--json',
      '--backend',
      'reference',
    ]);
    const report = JSON.parse(stdout);
    const { tokens } = JSON.parse((await runCli(['tokenize', 'mini', '--text', TEXT, '--json'])).stdout);
    const logits = [];
    for (const model of models) logits.push(await logitsOf(model, tokens));
    const probabilities = logits.map((rows) =>
      rows.map((row) => {
        const max = Math.max(...row);
        const weights = Array.from(row, (x) => Math.exp(x - max));
        const sum = weights.reduce((a, b) => a + b, 0);
        return weights.map((x) => x / sum);
      }),
    );
    const positions = tokens.length - 1;
    for (const [i, { kl, perplexity, sameTop, tokens: counted }] of report.models.entries()) {
      let [klSum, loss, same] = [0, 0, 0];
      for (let t = 0; t < positions; t++) {
        const [p, q] = [probabilities[0][t], probabilities[i][t]];
        klSum += p.reduce((sum, x, v) => sum + (x > 0 ? x * Math.log(x / q[v]) : 0), 0);
        loss -= Math.log(q[tokens[t + 1]]);
        if (p.indexOf(Math.max(...p)) === q.indexOf(Math.max(...q))) same++;
      }
      expect(counted).toBe(positions);
      expect(kl.value).toBeCloseTo(klSum / positions, 6);
      expect(perplexity).toBeCloseTo(Math.exp(loss / positions), 4);
      expect(sameTop.value).toBeCloseTo(same / positions, 9);
      expect(kl.low).toBeLessThanOrEqual(kl.value + 1e-12);
      expect(kl.high).toBeGreaterThanOrEqual(kl.value - 1e-12);
    }
    expect(report.models[1].kl.value).toBeGreaterThan(report.models[2].kl.value);
    expect(report.models[2].kl.value).toBeGreaterThan(1e-4);
    expect(report.pairs).toHaveLength(1);
    expect(report.pairs[0].difference.value).toBeCloseTo(
      report.models[1].kl.value - report.models[2].kl.value,
      9,
    );
    expect(report.models[1].worst[0].kl).toBeCloseTo(report.models[1].kl.max, 12);
    expect(TEXT).toContain(report.models[1].worst[0].next);
  });

  it('--html writes one page with everything, and nothing from elsewhere', async () => {
    const models = ['mini', at('q4_0.gguf'), at('q5_1.gguf')];
    const args = [
      '--file',
      at('text.txt'),
      '--html',
      at('page.html'),
      '--worst',
      '3',
      '--json',
      '--backend',
      'reference',
    ];
    const report = JSON.parse((await runCli(['compare', ...models, ...args])).stdout);
    const page = readFileSync(at('page.html'), 'utf8');
    expect(page).not.toMatch(/<script|https?:\/\/(?!www\.w3\.org)|src=/);
    expect(page.match(/<circle/g)).toHaveLength(4);
    for (const { name, error } of report.models[1].worstTensors) {
      expect(page).toContain(name);
      // Four bits with a scale for 32 values.
      expect(error).toBeGreaterThan(0.03);
      expect(error).toBeLessThan(0.3);
    }
    expect(report.models[1].worstTensors).toHaveLength(3);
    expect(report.models[1].worst).toHaveLength(3);
  });

  it('a page that cannot be written is refused before any model computes', async () => {
    const args = ['--file', at('text.txt'), '--html', at('no-folder/page.html'), '--backend', 'reference'];
    const { code, stderr } = await runCli(['compare', 'mini', 'mini', ...args]);
    expect(code).toBe(2);
    expect(stderr).toMatch(/^error: Cannot write .*no-folder/m);
    expect(stderr).not.toMatch(/comparing|internal/);
  });

  it('a model and itself are the same', async () => {
    const { stdout } = await runCli([
      'compare',
      'mini',
      'mini',
      '--file',
      at('text.txt'),
      '--backend',
      'reference',
    ]);
    expect(stdout).toMatch(/mini .* 0–0 .* 100\.00 %/);
    expect(stdout).not.toContain('largest KL:\n  ');
  });

  it('a text of one token is refused', async () => {
    const { code, stderr } = await runCli([
      'compare',
      'mini',
      'mini',
      '--file',
      at('one.txt'),
      '--backend',
      'reference',
    ]);
    expect(stderr).toContain('no document has two tokens');
    expect(code).toBe(2);
  });
});
