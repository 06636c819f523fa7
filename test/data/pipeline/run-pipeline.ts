/** Runs pipelines in this process, as tests do. */
import { mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { gzipSync } from 'node:zlib';
import { readPipeline } from '../../../src/data/pipeline/pipeline-file.ts';
import { Database } from '../../../src/data/plan/local/database.ts';
import { type LocalOptions, runPlan, type StepResult } from '../../../src/data/plan/local/executor.ts';
import { tableDigest } from '../../../src/data/plan/local/table-digest.ts';
import { readManifest } from '../../../src/data/plan/manifest.ts';
import type { Row, Schema } from '../../../src/data/plan/row.ts';
import { pages, warcGz } from '../warc/archives.ts';

/** An archive, a file of pages and a file of texts, with duplicates across them. */
export function writeInputs(folder: string, numPages = 20): void {
  mkdirSync(folder, { recursive: true });
  const all = pages(numPages);
  writeFileSync(join(folder, 'a.warc.gz'), warcGz([...all, { ...all[0], url: 'http://bet365.com/x' }]));
  const lines = [
    ...all.slice(0, 5).map(({ html }, i) => ({ id: `page-${i}`, url: `http://mirror.example/${i}`, html })),
    { id: 'text-1', text: '这是一段中文文字,讲的是天气和别的事情。今天天气很好,我们去公园散步,看见很多花。' },
    {
      id: 'text-2',
      text: 'Texts need no extraction. They pass through it and are numbered like any other document.',
    },
  ];
  writeFileSync(
    join(folder, 'b.jsonl.gz'),
    gzipSync(lines.map((line) => `${JSON.stringify(line)}\n`).join('')),
  );
}

export const STEPS = ['url-filter', 'extract', { step: 'lid', minScore: 0.3 }, 'identity'];

export async function runPipeline(
  folder: string,
  json: object = {},
  options: Partial<LocalOptions> = {},
): Promise<StepResult[]> {
  const pipeline = { inputs: ['a.warc.gz', 'b.jsonl.gz'], steps: STEPS, ...json };
  const { plan } = await readPipeline(pipeline, join(folder, 'pipeline.json'));
  return await runPlan(plan, { out: join(folder, 'out'), workers: 1, memoryBytes: 1e9, ...options });
}

/** All rows of a table, sorted. */
export async function rowsOf(folder: string, schema?: Schema): Promise<Row[]> {
  const manifest = await readManifest(folder);
  if (!manifest) throw new Error(`${folder} is not done`);
  await using database = await Database.open({
    tempFolder: join(folder, 'temp'),
    memoryBytes: 1e9,
    threads: 1,
  });
  const files = manifest.files.map(({ name }) => `'${join(folder, name)}'`).join(', ');
  return await database.all(`SELECT * FROM read_parquet([${files}])`, schema ?? manifest.schema);
}

/** SHA-256 of each table, by node. */
export async function digestsOf(results: readonly StepResult[]): Promise<Record<string, string>> {
  const digests: Record<string, string> = {};
  for (const { node, folder } of results) digests[node] = await tableDigest(folder);
  return digests;
}
