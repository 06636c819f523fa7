import { readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';

import { describe, expect, it } from 'vitest';
import { jsonLines, TEXTS, temporaryFolder } from '../data/helpers.ts';
import { TINY_HF_FOLDER } from '../fixtures/golden-dots1.ts';
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
