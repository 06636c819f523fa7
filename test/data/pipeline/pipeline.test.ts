import { existsSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { whyDocument } from '../../../src/data/pipeline/inspect.ts';
import { readPipeline } from '../../../src/data/pipeline/pipeline-file.ts';
import type { PlanProgress, StepResult } from '../../../src/data/plan/local/executor.ts';
import { digestsOf, rowsOf, runPipeline, STEPS, writeInputs } from './run-pipeline.ts';

const folder = mkdtempSync(join(tmpdir(), 'dots-pipeline-'));
afterAll(() => rmSync(folder, { recursive: true }));

describe('runPlan()', () => {
  let results: StepResult[];
  const events: PlanProgress[] = [];
  const of = (node: string): StepResult => results.find((one) => one.node === node) as StepResult;
  beforeAll(async () => {
    writeInputs(folder);
    const output = { jsonl: 'documents.jsonl', parquet: 'documents.parquet' };
    results = await runPipeline(folder, { output }, { onProgress: (event) => events.push(event) });
  });

  it('passes documents from step to step, and counts what each has removed', () => {
    const counts = Object.fromEntries(
      results.map(({ node, totals }) => [node, [totals.rows, totals.excluded]]),
    );
    expect(counts).toMatchObject({
      inputs: [2, 0],
      scan: [28, 0],
      'url-filter': [27, 1],
      extract: [27, 0],
      lid: [27, 0],
      identity: [22, 5],
    });
    expect(of('url-filter').rules).toEqual({ 'blocked-domain': 1 });
    expect(of('identity').rules).toEqual({ 'exact-duplicate': 5 });
  });

  it('numbers documents by file and record, in the order of the names', async () => {
    const numbers = (await rowsOf(of('scan').folder)).map((row) => Number(row.doc_no));
    expect(numbers.filter((n) => n < 2 ** 32)).toEqual(Array.from({ length: 21 }, (_, i) => i));
    expect(numbers.filter((n) => n >= 2 ** 32)).toEqual(Array.from({ length: 7 }, (_, i) => 2 ** 32 + i));
  });

  it('keeps texts as they are, Chinese ones too, with their language', async () => {
    const rows = await rowsOf(of('identity').folder);
    const text = rows.find((row) => row.id === 'text-1');
    expect(text).toMatchObject({ lang: 'zh', url: null });
    expect(text?.text).toMatch(/^这是一段中文文字/);
  });

  it('writes the same documents as JSON lines and as Parquet', async () => {
    const lines = readFileSync(join(folder, 'out', 'documents.jsonl'), 'utf8')
      .trimEnd()
      .split('\n');
    const documents = lines.map((line) => JSON.parse(line) as { doc_no: number; text: string });
    const rows = await rowsOf(of('identity').folder);
    expect(documents.map(({ text }) => text)).toEqual(rows.map(({ text }) => text));
    expect(existsSync(join(folder, 'out', 'documents.parquet'))).toBe(true);
  });

  it('reports progress in one form for every step', () => {
    expect(new Set(events.map((event) => Object.keys(event).join()))).toEqual(
      new Set(['plan,step,tasks_done,tasks_total,rows,bytes,eta']),
    );
    expect(events.findLast(({ step }) => step === 'scan')).toMatchObject({
      tasks_done: 2,
      tasks_total: 2,
      rows: 28,
    });
  });

  it('recomputes nothing, and leaves no temporary files', async () => {
    const again = await runPipeline(folder);
    expect(again.every(({ wasDone }) => wasDone)).toBe(true);
    const names = readdirSync(join(folder, 'out'), { recursive: true, encoding: 'utf8' });
    expect(names.filter((name) => /\.tmp$|task-|(^|\/)temp/.test(name))).toEqual([]);
  });

  it('gives a changed configuration new tables and keeps the old ones', async () => {
    const before = await digestsOf(results);
    const changed = await runPipeline(folder, {
      steps: [...STEPS.slice(0, 2), { step: 'lid', minScore: 0.31 }, 'identity'],
    });
    const wasDone = Object.fromEntries(changed.map((one) => [one.node, one.wasDone]));
    expect(wasDone).toMatchObject({
      scan: true,
      'url-filter': true,
      extract: true,
      lid: false,
      identity: false,
    });
    expect(readdirSync(join(folder, 'out', 'stage=lid'))).toHaveLength(2);
    expect(await digestsOf(results)).toEqual(before);
  });

  it('reads a file again that was changed since', async () => {
    const other = mkdtempSync(join(folder, 'other-'));
    writeInputs(other);
    await runPipeline(other, {}, { until: 'scan' });
    writeFileSync(join(other, 'b.jsonl.gz'), '');
    writeInputs(other, 21);
    const [, scan] = await runPipeline(other, {}, { until: 'scan' });
    expect(scan).toMatchObject({ wasDone: false, totals: { rows: 29 } });
  });

  it('--from refuses to start where an earlier step is not done', async () => {
    const other = mkdtempSync(join(folder, 'from-'));
    writeInputs(other);
    await expect(runPipeline(other, {}, { from: 'extract' })).rejects.toMatchObject({
      code: 'step-not-done',
    });
    await runPipeline(other, {}, { until: 'url-filter' });
    const results = await runPipeline(other, {}, { from: 'extract', until: 'extract' });
    expect(results.at(-1)).toMatchObject({ step: 'extract', wasDone: false });
  });

  it('lists lines that are not documents as errors, and reads the others', async () => {
    const other = mkdtempSync(join(folder, 'bad-'));
    writeFileSync(join(other, 'b.jsonl'), '{"text":"one"}\n{nonsense\n[1]\n{"id":5}\n\n{"text":"two"}\n');
    const [, scan] = await runPipeline(other, { inputs: ['b.jsonl'], steps: ['extract'] });
    expect(scan.totals).toMatchObject({ rows: 2, errors: 3 });
  });
});

describe('the steps on duplicates', () => {
  const other = mkdtempSync(join(folder, 'duplicates-'));
  const run = (steps: unknown[]) => runPipeline(other, { inputs: ['d.jsonl'], steps: ['extract', ...steps] });
  const words = (from: number) => Array.from({ length: 60 }, (_, i) => `word${from + i}`).join(' ');
  beforeAll(() => {
    const texts = [
      ...Array.from({ length: 6 }, (_, i) => `Log in\n${words(100 * i)}\nAll rights reserved`),
      `${words(0)} and a few more words that differ at the end`,
      'Log in',
    ];
    writeFileSync(join(other, 'd.jsonl'), texts.map((text) => `${JSON.stringify({ text })}\n`).join(''));
  });

  it('edge-lines keeps the first occurrences of a line and deletes the others', async () => {
    const results = await run([{ step: 'edge-lines', maxOccurrences: 2 }]);
    const last = results.at(-1) as StepResult;
    expect(last).toMatchObject({ totals: { rows: 7, excluded: 1, removedLines: 8 } });
    expect(last.rules).toEqual({ 'only-repeated-lines': 1 });
    const texts = (await rowsOf(last.folder)).map(({ text }) => text);
    expect(texts[1]).toBe(`Log in\n${words(100)}\nAll rights reserved`);
    expect(texts[2]).toBe(words(200));
  });

  it('minhash drops a near-duplicate in favour of the smaller document', async () => {
    const results = await run([{ step: 'edge-lines', maxOccurrences: 1 }, 'minhash']);
    const last = results.at(-1) as StepResult;
    expect(last.rules).toEqual({ 'near-duplicate': 1 });
    const steps = ['extract', { step: 'edge-lines', maxOccurrences: 1 }, 'minhash'];
    const { plan } = await readPipeline({ inputs: ['d.jsonl'], steps }, join(other, 'pipeline.json'));
    const why = await whyDocument(plan, join(other, 'out'), '6');
    expect(why.events.at(-1)).toMatchObject({ step: 'minhash', outcome: 'excluded', kept: 0 });
  });
});

describe('readPipeline()', () => {
  const read = (json: unknown) => readPipeline(json, join(folder, 'pipeline.json'));

  it('reports everything that is wrong at once, and what was meant', async () => {
    const wrong = read({
      inputs: ['a.warc.gz'],
      steps: ['url-filtre', { step: 'lid', minscore: 0.5 }, { step: 'identity', seed: -1 }],
      outpt: {},
    });
    await expect(wrong).rejects.toThrow(
      /did you mean "url-filter"\?.*"steps.minscore" is not known; did you mean/s,
    );
    await expect(wrong).rejects.toThrow(/"outpt" is not known; did you mean "output"\?/);
    await expect(wrong).rejects.toThrow(/"steps.seed" is -1/);
    await expect(wrong).rejects.toMatchObject({ code: 'bad-pipeline' });
  });

  it('refuses steps on texts before there are any', async () => {
    await expect(read({ inputs: ['a.warc.gz'], steps: ['lid'] })).rejects.toThrow(
      'put the step "extract" before it',
    );
  });

  it('refuses inputs that do not exist or that it cannot read', async () => {
    await expect(read({ inputs: ['no*.warc'], steps: ['extract'] })).rejects.toMatchObject({
      code: 'file-not-found',
    });
    writeFileSync(join(folder, 'x.txt'), '');
    await expect(read({ inputs: ['x.txt'], steps: ['extract'] })).rejects.toMatchObject({
      code: 'unknown-input',
    });
  });

  it('gives the same step twice two names', async () => {
    const { plan } = await read({ inputs: ['*.warc.gz'], steps: ['extract', 'identity', 'identity'] });
    expect(plan.steps.map(({ name }) => name)).toEqual(['scan', 'extract', 'identity', 'identity-2']);
  });
});
