import { copyFileSync, existsSync, mkdirSync, readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { hostname } from 'node:os';
import { basename, join } from 'node:path';

import { describe, expect, it } from 'vitest';
import { jsonLines, TEXTS, temporaryFolder } from '../data/helpers.ts';
import { TINY_HF_FOLDER, TINY_LLAMACPP_GGUF } from '../fixtures/golden-dots1.ts';
import { runCli } from './run-cli.ts';

const MODEL = TINY_HF_FOLDER;
const folder = temporaryFolder();
const corpus = folder.write('corpus.jsonl', jsonLines(TEXTS.map((text) => ({ text, source: 'hen' }))));
const out = join(folder.path, 'out.tok');

describe('dots data tokenize', () => {
  it('makes a shard with the tokenizer of a model', async () => {
    const { code, stdout } = await runCli([
      'data',
      'tokenize',
      corpus,
      '--tokenizer',
      MODEL,
      '--out',
      out,
      '--json',
    ]);
    expect(code).toBe(0);
    expect(JSON.parse(stdout)).toMatchObject({
      documents: TEXTS.length,
      bytes: Buffer.byteLength(TEXTS.join('')),
    });
  });

  it('leaves the old shard when a line is bad', async () => {
    writeFileSync(out, 'old');
    const bad = folder.write('bad.jsonl', '{"text": "fine"}\n{"text": oops}\n');
    const { code, stderr } = await runCli(['data', 'tokenize', bad, '--tokenizer', MODEL, '--out', out]);
    expect(code).toBe(1);
    expect(stderr).toContain(`line 2 of ${bad}: it is not JSON`);
    expect(readFileSync(out, 'utf8')).toBe('old');
  });

  it('says when --source matches nothing', async () => {
    const argv = ['data', 'tokenize', corpus, '--tokenizer', MODEL, '--out', out, '--source', 'cat'];
    expect((await runCli(argv)).stderr).toContain('check --source');
  });

  it('knows a tokenizer.json and a model by their content, whatever their names', async () => {
    const names = ['tokenizer', 'model.json'].map((name) => join(folder.path, name));
    copyFileSync(join(TINY_HF_FOLDER, 'tokenizer.json'), names[0]);
    copyFileSync(TINY_LLAMACPP_GGUF, names[1]);
    for (const name of names) {
      const argv = ['data', 'tokenize', corpus, '--tokenizer', name, '--out', join(folder.path, 'named.tok')];
      const { code, stderr } = await runCli(argv);
      expect(code, stderr).toBe(0);
    }
  });
});

const run = join(folder.path, 'run');
mkdirSync(run);
writeFileSync(join(run, 'log.jsonl'), '');

describe('an output that another process writes', () => {
  // The parent process is there for as long as this test runs.
  const holder = { pid: process.ppid, host: hostname(), processStart: '', since: 'noon' };
  const processStart = (): string => {
    if (process.platform !== 'linux') return '';
    return readFileSync(`/proc/${process.ppid}/stat`, 'utf8').split(') ')[1].split(' ')[19];
  };

  it.skipIf(process.platform === 'win32' || process.platform === 'darwin').each([
    [
      'data tokenize',
      'o.tok',
      (to: string) => ['data', 'tokenize', corpus, '--tokenizer', MODEL, '--out', to],
    ],
    [
      'tokenizer train',
      'o.json',
      (to: string) => ['tokenizer', 'train', corpus, '--vocab-size', '300', '--out', to],
    ],
    ['convert to a file', 'o.gguf', (to: string) => ['convert', MODEL, to, '--force']],
    [
      'quantize',
      'q.gguf',
      (to: string) => [
        'quantize',
        TINY_LLAMACPP_GGUF,
        to,
        '--type',
        'q8_0',
        '--backend',
        'reference',
        '--force',
      ],
    ],
    ['logits', 'o.f32', (to: string) => ['logits', MODEL, '--tokens', '1,2', '--out', to]],
    ['perplexity', 'o.logits', (to: string) => ['perplexity', MODEL, '--file', corpus, '--save-logits', to]],
    ['train report', 'o.html', (to: string) => ['train', 'report', run, '--out', to]],
    [
      'compare',
      'c.html',
      (to: string) => ['compare', MODEL, MODEL, '--file', corpus, '--html', to, '--backend', 'reference'],
    ],
    ['convert to a folder', 'o', (to: string) => ['convert', TINY_LLAMACPP_GGUF, `${to}/`, '--force']],
  ])('%s leaves it alone', async (_, name, argv) => {
    const to = join(folder.path, name);
    writeFileSync(`${to}.lock`, JSON.stringify({ ...holder, processStart: processStart() }));
    const { code, stderr } = await runCli(argv(to));
    expect(code).toBe(1);
    expect(stderr).toContain(`process ${process.ppid} on ${hostname()} has been writing it since noon`);
    expect(existsSync(to)).toBe(false);
    writeFileSync(`${to}.lock`, '');
    const again = await runCli(argv(to));
    expect(again.code, again.stderr).toBe(0);
    expect(readdirSync(folder.path).filter((file) => file.startsWith(`${basename(to)}.`))).toEqual(
      name.includes('.') ? [] : expect.not.arrayContaining([`${name}.lock`]),
    );
  });
});

describe('dots data sample', () => {
  it('writes the answers that the verifier accepts', async () => {
    const questions = folder.write(
      'questions.jsonl',
      jsonLines([
        {
          messages: [
            { role: 'user', content: '1+1?' },
            { role: 'assistant', content: '2' },
          ],
        },
      ]),
    );
    const accepted = join(folder.path, 'accepted.jsonl');
    const argv = ['data', 'sample', MODEL, '--questions', questions, '--out', accepted, '--json'];
    const { code, stdout, stderr } = await runCli([
      ...argv,
      '-n',
      '4',
      '--samples',
      '2',
      '--backend',
      'reference',
    ]);
    expect(stderr).toBe('');
    expect(code).toBe(0);
    // A model of random weights: all we can check is that it is asked twice.
    expect(JSON.parse(stdout)).toMatchObject({ questions: 1, sampled: 2 });
    expect(readFileSync(accepted, 'utf8').split('\n').length - 1).toBe(JSON.parse(stdout).accepted);
  });
});
