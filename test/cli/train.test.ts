import { mkdtemp, readFile, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { beforeAll, describe, expect, it } from 'vitest';
import { TINY_HF_FOLDER } from '../fixtures/golden-dots1.ts';
import { runCli } from './run-cli.ts';

const TOKENIZER = join(TINY_HF_FOLDER, 'tokenizer.json');

let folder = '';

const RUN = {
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
  validation: { shards: ['text.tok'], tokens: 64, everySteps: 5 },
  tokens: 10 * 64,
  microBatchTokens: 64,
  checkpoint: { everySteps: 5 },
  logEverySteps: 5,
};

async function write(name: string, run: Record<string, unknown>): Promise<string> {
  const file = join(folder, name);
  await writeFile(file, JSON.stringify(run));
  return file;
}

const dots = (...args: string[]) => runCli([...args, '--backend', 'reference']);

beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'dots-train-cli-'));
  const text = 'one two three four five six seven eight nine ten '.repeat(20);
  await writeFile(join(folder, 'text.jsonl'), `${JSON.stringify({ text })}\n`.repeat(5));
  const args = ['data', 'tokenize', join(folder, 'text.jsonl'), '--tokenizer', TOKENIZER];
  expect((await runCli([...args, '--language', 'en', '--out', join(folder, 'text.tok')])).code).toBe(0);
});

describe('dots train', () => {
  it('trains, reports, resumes, and fine-tunes what came out', async () => {
    const file = await write('run.json', {
      ...RUN,
      out: 'run',
      tokenizer: TOKENIZER,
    });
    const { code, stdout } = await dots('train', file, '--json');
    expect(code).toBe(0);
    const result = JSON.parse(stdout);
    expect(result).toMatchObject({
      steps: 10,
      tokens: 640,
      checkpoint: join(folder, 'run/checkpoints/step-00000010'),
    });
    expect(result.validation.en.bitsPerByte).toBe(result.bitsPerByte);
    expect(result.validLoss).toBeGreaterThan(0);

    const again = await dots('train', file);
    expect(again.code).toBe(2);
    expect(again.stderr).toContain('continue it with --resume');
    const resumed = await dots('train', file, '--resume', '--json');
    expect(JSON.parse(resumed.stdout)).toMatchObject({ steps: 10, loss: result.loss });

    const report = await runCli(['train', 'report', file, '--json']);
    const page = await readFile(JSON.parse(report.stdout).report, 'utf8');
    expect(page).toContain('layer 1, expert 7');
    // Nothing from outside, nothing that runs.
    expect(page).not.toMatch(/<script|src=|href=|https?:|url\(/);

    const conversation = {
      messages: [
        { role: 'user', content: 'Hi' },
        { role: 'assistant', content: 'Hello' },
      ],
    };
    await writeFile(join(folder, 'chat.jsonl'), `${JSON.stringify(conversation)}\n`.repeat(8));
    const tuned = await write('sft.json', {
      out: 'sft',
      initFrom: result.checkpoint,
      data: { mix: [{ chat: [{ files: ['chat.jsonl'] }] }], sequenceLength: 64 },
      epochs: 2,
      microBatchTokens: 64,
      learningRate: { peak: 1e-4, decays: [{ to: 1e-5 }] },
    });
    // The same from a GGUF file, whose tokenizer becomes that of a folder.
    const gguf = join(folder, 'start.gguf');
    expect((await runCli(['convert', result.checkpoint, gguf])).code).toBe(0);
    const fromGguf = await write('sft-gguf.json', {
      ...JSON.parse(await readFile(tuned, 'utf8')),
      out: 'sft-gguf',
      initFrom: gguf,
    });
    const other = await dots('sft', fromGguf, '--json');
    expect(other.code, other.stderr).toBe(0);
    const fineTuned = await dots('sft', tuned, '--json');
    expect(fineTuned.code, fineTuned.stderr).toBe(0);
    const { checkpoint } = JSON.parse(fineTuned.stdout);
    const greedy = ['--temperature', '0', '--max-tokens', '2', '--ignore-eos'];
    const answer = await dots('run', checkpoint, '--prompt', 'one two', ...greedy, '--json');
    expect(JSON.parse(answer.stdout).tokens).toHaveLength(2);
    expect(JSON.parse(other.stdout).loss).toBe(JSON.parse(fineTuned.stdout).loss);
  });

  it('resumes with the same data only, and reports what else has changed', async () => {
    const fields = { ...RUN, out: 'same', tokenizer: TOKENIZER };
    const file = await write('same.json', fields);
    expect((await dots('train', file)).code).toBe(0);
    expect(JSON.parse(await readFile(join(folder, 'same/run.json'), 'utf8'))).toEqual(fields);
    const resume = async (changed: Record<string, unknown>) =>
      dots('train', await write('same.json', { ...fields, ...changed }), '--resume');

    const seed = await resume({ data: { ...RUN.data, seed: 1 } });
    expect([seed.code, seed.stderr]).toEqual([2, expect.stringContaining('data.seed is 1, it was 0')]);
    // As many documents, as many tokens, another text.
    const text = 'ten nine eight seven six five four three two one '.repeat(20);
    await writeFile(join(folder, 'other.jsonl'), `${JSON.stringify({ text })}\n`.repeat(5));
    const other = ['data', 'tokenize', join(folder, 'other.jsonl'), '--tokenizer', TOKENIZER];
    await runCli([...other, '--language', 'en', '--out', join(folder, 'other.tok')]);
    const swapped = await resume({ data: { ...RUN.data, mix: [{ shards: ['other.tok'] }] } });
    expect([swapped.code, swapped.stderr]).toEqual([
      2,
      expect.stringContaining('other.tok is not what the run has read'),
    ]);
    // The same shard under another name is the same data.
    await writeFile(join(folder, 'moved.tok'), await readFile(join(folder, 'text.tok')));
    const moved = await resume({ data: { ...RUN.data, mix: [{ shards: ['moved.tok'] }] } });
    expect(moved.code, moved.stderr).toBe(0);

    const longer = await resume({
      tokens: 12 * 64,
      learningRate: { peak: 0.001 },
      optimizer: { beta2: 0.9 },
    });
    expect(longer.code, longer.stderr).toBe(0);
    expect(longer.stderr).toMatch(/changed since it was started last: "tokens" is 768, it was 640/);
    expect(longer.stderr).toMatch(/"optimizer.beta2" is 0.9, it was left out/);
    expect(longer.stderr).toMatch(/the learning rate continues at 1.00e-3 instead of 3.00e-4/);
  });

  it('says what it does before the first line of the log, and that it will not chat without a tokenizer', async () => {
    const file = await write('silent.json', { ...RUN, out: 'silent' });
    const { stderr } = await dots('train', file);
    const lines = stderr.split('\n');
    expect(lines[0]).toMatch(/the run names no "tokenizer".*cannot chat/);
    expect(lines[1]).toBe('reading the data');
    expect(stderr).toMatch(/640 tokens, 0.\d+ passes over the data it begins with, in micro-batches of 64/);
    const [first, second] = ['training; the first step', 'step 1  loss'].map((text) => stderr.indexOf(text));
    expect([first > 0, second > first, second < stderr.indexOf('step 5')]).toEqual([true, true, true]);
    expect(stderr).not.toContain('rounded up');
    const longer = await dots('train', await write('longer.json', { ...RUN, tokens: 650, out: 'longer' }));
    expect(longer.stderr).toMatch(
      /650 tokens, .* begins with, rounded up to whole steps of \d+, in micro-batches/,
    );
    expect(stderr).toMatch(/step 1 {2}loss \d\.\d{4} {2}[\d,]+ tok\/s, about \S+ left/);
  });

  it('refuses data of another tokenizer anywhere, and less data than a step', async () => {
    const vocabulary = join(folder, 'small.json');
    const trained = ['tokenizer', 'train', join(folder, 'text.jsonl'), '--vocab-size', '300'];
    expect((await runCli([...trained, '--out', vocabulary])).code).toBe(0);
    const args = ['data', 'tokenize', join(folder, 'text.jsonl'), '--tokenizer', vocabulary];
    expect((await runCli([...args, '--out', join(folder, 'small.tok')])).code).toBe(0);
    const shards = ['small.tok'];
    for (const more of [
      { laterData: [{ from: 64, data: { mix: [{ shards }], sequenceLength: 32 } }] },
      { validation: { shards } },
    ]) {
      const { code, stderr } = await dots(
        'train',
        await write('mixed.json', { ...RUN, out: 'mixed', ...more }),
      );
      expect([code, stderr]).toEqual([2, expect.stringContaining('their tokenizers differ')]);
    }
    const short = { ...RUN, out: 'short', tokens: undefined, epochs: 0.01 };
    const { code, stderr } = await dots('train', await write('short.json', short));
    expect([code, stderr]).toEqual([
      2,
      expect.stringMatching(/0.01 passes over its data are \d+ tokens, less than a step, which has 64/),
    ]);
  });

  it('reports conversations that lose answers', async () => {
    const turn = (content: string) => [
      { role: 'user', content: 'Hi' },
      { role: 'assistant', content },
    ];
    const messages = [...turn('one'), ...turn('two '.repeat(100))];
    await writeFile(join(folder, 'two.jsonl'), `${JSON.stringify({ messages })}\n`.repeat(8));
    const run = {
      ...RUN,
      out: 'lost',
      tokenizer: TOKENIZER,
      data: { mix: [{ chat: [{ files: ['two.jsonl'] }] }], sequenceLength: 32 },
      validation: {},
    };
    const { stderr } = await dots('train', await write('lost.json', run));
    expect(stderr).toContain('8 conversations lose later answers: they do not end within 32 tokens');
  });

  it.each([
    ['a field that is not known', { ...RUN, out: 'a', optimiser: {} }, 2, /did you mean "optimizer"/],
    [
      'a shard that is missing',
      { ...RUN, out: 'b', data: { ...RUN.data, mix: [{ shards: ['none.tok'] }] } },
      2,
      /none\.tok/,
    ],
    [
      'a vocabulary too small for its data',
      { ...RUN, out: 'c', model: { ...RUN.model, vocabSize: 10 } },
      2,
      /the model only 10/,
    ],
    ['no data', { ...RUN, out: 'd', data: { mix: [] } }, 2, /"data\.mix" is \[\], expected a list/],
    [
      'a learning rate that diverges',
      { ...RUN, out: 'e', learningRate: { peak: 1e30 } },
      1,
      /Training stopped at step \d+/,
    ],
  ])('refuses %s', async (_, run, code, message) => {
    const result = await dots('train', await write('bad.json', run));
    expect(result.stderr).toMatch(message);
    expect(result.code).toBe(code);
  });

  it('refuses what is not JSON and what does not exist', async () => {
    const file = join(folder, 'broken.json');
    await writeFile(file, '{"out": ');
    expect((await dots('train', file)).code).toBe(1);
    expect((await dots('train', join(folder, 'nowhere.json'))).code).toBe(2);
    expect((await runCli(['train', 'report', folder])).code).toBe(2);
  });

  it('fine-tuning needs a model and conversations', async () => {
    const result = await dots('sft', await write('sft-bad.json', { ...RUN, out: 'f' }));
    expect(result.code).toBe(2);
    expect(result.stderr).toContain('fine-tuning needs initial weights');
  });

  it('Ctrl-C saves before it ends', async () => {
    const file = await write('stopped.json', {
      ...RUN,
      out: 'stopped',
      tokens: 64_000,
      checkpoint: { everySteps: 1000 },
    });
    const result = await runCli(['train', file, '--backend', 'reference'], {
      onStderr: (text, interrupt) => {
        if (text.includes('step 5 ')) interrupt();
      },
    });
    expect(result.code).toBe(130);
    const resumed = await runCli(['train', file, '--resume', '--backend', 'reference'], {
      onStderr: (text, interrupt) => {
        if (text.includes('resumes from')) interrupt();
      },
    });
    expect(resumed.stderr).toMatch(/resumes from .*step-0000000[5-9]/);
  });
});
