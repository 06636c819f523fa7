import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { readPipeline } from '../../../src/data/pipeline/pipeline-file.ts';
import type { StepResult } from '../../../src/data/plan/local/executor.ts';
import { rowsOf, runPipeline } from './run-pipeline.ts';

const folder = mkdtempSync(join(tmpdir(), 'dots-filters-'));
afterAll(() => rmSync(folder, { recursive: true }));

/** Ninety different words in six sentences that end as sentences do. */
const PROSE = Array.from(
  { length: 6 },
  (_, i) =>
    `The keeper of the ${['first', 'second', 'third', 'fourth', 'fifth', 'last'][i]} house walked to the ${['river', 'market', 'forest', 'harbour', 'bridge', 'garden'][i]} and spoke with ${['Anna', 'Bruno', 'Clara', 'David', 'Elena', 'Fritz'][i]} about ${['bread', 'ships', 'winter', 'music', 'horses', 'letters'][i]} that people have.`,
).join('\n');

const DOCUMENTS = [
  { id: 'prose', url: 'http://good.example/a', text: PROSE },
  { id: 'short', url: 'http://good.example/b', text: 'Too short to be kept.' },
  {
    id: 'mail',
    url: 'http://good.example/c',
    text: `${PROSE}\nWrite to anna@good.example about that, please.`,
  },
  { id: 'unsafe', url: 'http://www.bad.example/d', text: PROSE },
];

describe('the steps rules and safety of a pipeline', () => {
  let results: StepResult[];
  beforeAll(async () => {
    writeFileSync(join(folder, 'texts.jsonl'), DOCUMENTS.map((line) => `${JSON.stringify(line)}\n`).join(''));
    writeFileSync(join(folder, 'unsafe.txt'), 'bad.example\n');
    results = await runPipeline(folder, {
      inputs: ['texts.jsonl'],
      steps: [
        'extract',
        { step: 'rules', families: ['gopher-quality'], limits: { 'too-few-words': 40 } },
        { step: 'safety', unsafeDomains: 'unsafe.txt' },
      ],
    });
  });
  const of = (node: string): StepResult => results.find((one) => one.node === node) as StepResult;

  it('drop documents, with the rule, the value and the limit', async () => {
    expect(of('rules').rules).toEqual({ 'too-few-words': 1 });
    expect(of('safety').rules).toEqual({ 'domain-is-unsafe': 1 });
  });

  it('keep a document that breaks no rule byte for byte, and mask personal data', async () => {
    const texts = new Map((await rowsOf(of('safety').folder)).map(({ id, text }) => [id, text]));
    expect([...texts.keys()].sort()).toEqual(['mail', 'prose']);
    expect(texts.get('prose')).toBe(PROSE);
    expect(texts.get('mail')).toBe(`${PROSE}\nWrite to [mail address] about that, please.`);
  });

  it('refuse a rule that does not exist', async () => {
    const steps = ['extract', { step: 'rules', off: ['too-few-word'] }];
    await expect(
      readPipeline({ inputs: ['texts.jsonl'], steps }, join(folder, 'pipeline.json')),
    ).rejects.toMatchObject({ code: 'bad-pipeline', message: expect.stringContaining('too-few-word') });
  });
});
