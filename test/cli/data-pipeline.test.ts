import { mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { STEPS, writeInputs } from '../data/pipeline/run-pipeline.ts';
import { runCli, runJson } from './run-cli.ts';

const folder = mkdtempSync(join(tmpdir(), 'dots-data-cli-'));
const pipeline = join(folder, 'pipeline.json');
const out = join(folder, 'web');
afterAll(() => rmSync(folder, { recursive: true }));

describe('commands of pipelines', () => {
  beforeAll(async () => {
    writeInputs(folder);
    writeFileSync(pipeline, JSON.stringify({ inputs: ['a.warc.gz', 'b.jsonl.gz'], steps: STEPS }));
    const { code, stdout } = await runCli(['data', 'run', pipeline, '--out', out, '--memory', '1GB']);
    expect(code).toBe(0);
    expect(stdout).toMatch(/^identity +22 rows, 5 removed$/m);
  });

  it('data status says what is done, and --verify finds a file that was changed', async () => {
    const status = await runJson<{ nodes: { node: string; isDone: boolean }[] }>([
      'data',
      'status',
      pipeline,
      '--out',
      out,
    ]);
    expect(status.nodes.map(({ node, isDone }) => [node, isDone])).toContainEqual(['identity', true]);
    const verified = await runCli(['data', 'status', pipeline, '--out', out, '--verify']);
    expect(verified.code).toBe(0);
    const lid = join(out, 'stage=lid', readdirSync(join(out, 'stage=lid'))[0]);
    const file = join(lid, readdirSync(lid).find((name) => name.startsWith('rows')) as string);
    const bytes = readFileSync(file);
    bytes[bytes.length >> 1] ^= 1;
    writeFileSync(file, bytes);
    const changed = await runCli(['data', 'status', pipeline, '--out', out, '--verify']);
    expect(changed.stderr).toContain('differs from what its step has written');
    bytes[bytes.length >> 1] ^= 1;
    writeFileSync(file, bytes);
  });

  it('data why names step, rule and the document that was kept', async () => {
    // One of the two goes, and names the other.
    const both = ['page-0', 'http://site0.example/page/0'];
    const stories = await Promise.all(
      both.map((name) => runJson<{ events: object[] }>(['data', 'why', pipeline, name, '--out', out])),
    );
    expect(stories.flatMap(({ events }) => events.slice(-1))).toContainEqual({
      step: 'identity',
      outcome: 'excluded',
      rule: 'exact-duplicate',
      kept: expect.any(Number),
    });
    const blocked = await runCli(['data', 'why', pipeline, 'http://bet365.com/x', '--out', out]);
    expect(blocked.stdout).toMatch(/scan +kept\n {2}url-filter +removed: blocked-domain, bet365\.com\n$/);
    const missing = await runCli(['data', 'why', pipeline, 'nothing', '--out', out]);
    expect([missing.code, missing.stderr]).toEqual([
      2,
      expect.stringContaining('There is no document nothing'),
    ]);
  });

  it('data report writes one page with funnel, rules and samples, and nothing from outside', async () => {
    const html = join(folder, 'report.html');
    await runCli(['data', 'report', pipeline, '--out', out, '--html', html]);
    const page = readFileSync(html, 'utf8');
    for (const text of [
      'Documents after each step',
      'blocked-domain',
      'exact-duplicate',
      'Clusters of duplicates',
      'weather',
    ])
      expect(page).toContain(text);
    expect(page).not.toMatch(/<script|src=|href=|url\(/);
  });

  it('data explain prints the plan, its queries, and a picture', async () => {
    const html = join(folder, 'plan.html');
    const { stdout } = await runCli(['data', 'explain', pipeline, '--sql', '--html', html]);
    expect(stdout).toContain('identity = stage drop {"rule":"exact-duplicate"} <- lid, identity.removed');
    expect(stdout).toContain('row_number() OVER (PARTITION BY "key" ORDER BY "draw" ASC NULLS FIRST');
    expect(readFileSync(html, 'utf8').match(/<rect /g)).toHaveLength(8);
  });

  it('says what is missing: a folder, a file, a step', async () => {
    const codes = [
      ['data', 'run', pipeline],
      ['data', 'run', join(folder, 'missing.json'), '--out', out],
      ['data', 'run', pipeline, '--out', out, '--until', 'minhsh'],
    ];
    for (const argv of codes) expect((await runCli(argv)).code).toBe(2);
    expect((await runCli(codes[2])).stderr).toContain(
      'choose one of scan, url-filter, extract, lid, identity',
    );
  });

  it('writes over no input, and no two outputs to one file', async () => {
    const inputs = ['b.jsonl.gz'];
    const steps = ['extract'];
    const before = readFileSync(join(folder, 'b.jsonl.gz'));
    const file = join(folder, 'over.json');
    writeFileSync(file, JSON.stringify({ inputs, steps, output: { jsonl: '../b.jsonl.gz' } }));
    const over = await runCli(['data', 'run', file, '--out', join(folder, 'over')]);
    expect([over.code, over.stderr]).toEqual([2, expect.stringContaining('is what the pipeline reads')]);
    expect(readFileSync(join(folder, 'b.jsonl.gz'))).toEqual(before);
    writeFileSync(file, JSON.stringify({ inputs, steps, output: { jsonl: 'one', parquet: './one' } }));
    const twice = await runCli(['data', 'run', file, '--out', join(folder, 'over')]);
    expect(twice.stderr).toContain('./one (parquet) is written twice');
  });

  it('refuses to extract twice, and an output folder that is a file', async () => {
    const file = join(folder, 'twice.json');
    writeFileSync(file, JSON.stringify({ inputs: ['b.jsonl.gz'], steps: ['extract', 'extract'] }));
    const twice = await runCli(['data', 'run', file, '--out', join(folder, 'twice')]);
    expect([twice.code, twice.stderr]).toEqual([2, expect.stringContaining('"extract" comes twice')]);
    const { code, stderr } = await runCli(['data', 'run', pipeline, '--out', file]);
    expect([code, stderr]).toEqual([2, expect.stringContaining('there is a file of that name')]);
  });
});
