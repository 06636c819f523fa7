import { type ChildProcess, spawn } from 'node:child_process';
import { mkdtemp, readFile, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { describe, expect, it } from 'vitest';
import { Random } from '../../src/core/random.ts';
import { RunFolder } from '../../src/train/run-folder.ts';
import { runCli } from '../cli/run-cli.ts';
import { candidates } from '../conformance/backends.ts';
import { TINY_HF_FOLDER } from '../fixtures/golden-dots1.ts';

const [native] = candidates();
const BACKEND = native.backend?.supports('adamw') ? 'native' : 'reference';
/** Enough that hardly a process gets to the end before it is killed. */
const STEPS = BACKEND === 'native' ? 300 : 60;

// Whole processes, killed as `kill -9` does: what they leave on disk is all that the next one has.
const BIN = fileURLToPath(new URL('../../bin/dots.js', import.meta.url));

/** A folder with text, shards and a run of small steps. */
async function makeRun(): Promise<{ folder: string; file: string; fields: Record<string, unknown> }> {
  const folder = await mkdtemp(join(tmpdir(), 'dots-killed-'));
  const random = new Random(2);
  const words = ['the', 'cat', 'dog', 'sees', 'likes', 'a', 'red', 'fish', 'house', 'and'];
  const lines = Array.from({ length: 400 }, () => {
    const text = Array.from({ length: 5 + random.below(40) }, () => words[random.below(words.length)]).join(
      ' ',
    );
    return `${JSON.stringify({ text })}\n`;
  });
  await writeFile(join(folder, 'text.jsonl'), lines.join(''));
  const shard = join(folder, 'text.tok');
  const made = await runCli([
    'data',
    'tokenize',
    join(folder, 'text.jsonl'),
    '--tokenizer',
    TINY_HF_FOLDER,
    '--out',
    shard,
  ]);
  expect(made.code).toBe(0);
  const fields = {
    out: 'run',
    model: {
      hiddenSize: 16,
      numLayers: 2,
      numHeads: 2,
      denseSize: 32,
      expertSize: 8,
      numExperts: 8,
      numExpertsPerToken: 2,
    },
    data: { mix: [{ shards: ['text.tok'] }], sequenceLength: 32 },
    validation: { shards: ['text.tok'], tokens: 64, everySteps: 20 },
    tokens: STEPS * 64,
    microBatchTokens: 32,
    batch: [{ tokens: 64 }],
    init: { std: 0.1 },
    checkpoint: { everySteps: 3 },
    logEverySteps: 3,
  };
  const file = join(folder, 'run.json');
  await writeFile(file, JSON.stringify(fields));
  return { folder, file, fields };
}

function start(file: string): ChildProcess {
  return spawn(
    process.execPath,
    [BIN, 'train', file, '--resume', '--json', '--threads', '1', '--backend', BACKEND],
    {
      stdio: 'ignore',
    },
  );
}

async function losses(folder: string): Promise<unknown[]> {
  const records = await (await RunFolder.open(folder)).readLog();
  return records
    .filter(({ type }) => type === 'step' || type === 'validation')
    .map(({ tokensPerSecond: _, ...record }) => record);
}

describe('a killed run', () => {
  it('killed up to five times at random it ends with the same bits as one that was left alone', async () => {
    const { folder, file, fields } = await makeRun();
    const whole = await runCli(['train', file, '--json', '--threads', '1', '--backend', BACKEND]);
    expect(whole.code).toBe(0);
    const expected = JSON.parse(whole.stdout);
    const expectedLosses = await losses(join(folder, 'run'));

    const killedFile = join(folder, 'killed.json');
    await writeFile(killedFile, JSON.stringify({ ...fields, out: 'killed' }));
    const log = join(folder, 'killed', 'log.jsonl');
    const random = new Random(Date.now());
    let kills = 0;
    for (; kills < 5; kills++) {
      const before = await readFile(log, 'utf8').then(
        (text) => text.length,
        () => 0,
      );
      const child = start(killedFile);
      const ended = new Promise<number | null>((resolve) =>
        child.on('exit', (_, signal) => resolve(signal ? 9 : 0)),
      );
      // Once it has logged something new it gets a moment of random length, then no chance to tidy up.
      for (;;) {
        const text = await readFile(log, 'utf8').catch(() => '');
        if (text.length > before + 300 || child.exitCode !== null) break;
        await new Promise((resolve) => setTimeout(resolve, 10));
      }
      await new Promise((resolve) => setTimeout(resolve, random.below(200)));
      child.kill('SIGKILL');
      // On a busy machine the kill may come after the end of the run.
      if ((await ended) !== 9) break;
    }
    expect(kills).toBeGreaterThan(0);
    const last = await runCli([
      'train',
      killedFile,
      '--resume',
      '--json',
      '--threads',
      '1',
      '--backend',
      BACKEND,
    ]);
    expect(last.code).toBe(0);
    const { loss, validLoss, steps } = JSON.parse(last.stdout);
    expect({ loss, validLoss, steps }).toEqual({
      loss: expected.loss,
      validLoss: expected.validLoss,
      steps: expected.steps,
    });
    expect(await losses(join(folder, 'killed'))).toEqual(expectedLosses);
  });
});
