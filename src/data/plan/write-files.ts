/** Documents into files for other programs: JSON lines, Parquet, and token shards for training. */
import { createWriteStream } from 'node:fs';
import { mkdir, readFile, rename, rm } from 'node:fs/promises';
import { dirname, join, resolve } from 'node:path';
import { Readable } from 'node:stream';
import { pipeline } from 'node:stream/promises';
import { createGzip } from 'node:zlib';
import { UsageError } from '../../core/errors.ts';
import { createFileSink } from '../../format/file-source.ts';
import type { JsonObject } from '../../format/hf-folder.ts';
import { parseJson } from '../../format/json.ts';
import { TokenShardWriter } from '../../format/token-shard.ts';
import type { Tokenizer } from '../../text/tokenizer.ts';
import { tokenizerFromJson } from '../../text/tokenizer-json.ts';
import { endTokenOf, tokenBytesOf } from '../tokenize-corpus.ts';
import type { Database } from './local/database.ts';
import { PARQUET } from './local/database.ts';
import type { Plan, WriteNode } from './plan.ts';
import { DUCKDB } from './print-sql.ts';
import { schemaOf } from './query.ts';
import { type Row, type Schema, textOf } from './row.ts';

export interface WriteContext {
  /** Where relative paths of outputs start. */
  readonly out: string;
  readonly signal?: AbortSignal;
}

/** Every file appears under its name when it is complete. Gives back the number of documents. */
export async function runWriteNode(
  node: WriteNode,
  plan: Plan,
  { out, signal }: WriteContext,
  sql: string,
  database: Database,
  onRows: (numRows: number) => void,
): Promise<number> {
  const path = resolve(out, node.path);
  const schema = schemaOf(node.input);
  await mkdir(node.format === 'shards' ? path : dirname(path), { recursive: true });
  let numRows = 0;
  async function* rows(): AsyncGenerator<Row> {
    for await (const row of database.rows(sql, schema)) {
      signal?.throwIfAborted();
      yield row;
      if (++numRows % 1000 === 0) onRows(numRows);
    }
  }
  if (node.format === 'jsonl') await writeJsonLines(path, rows(), schema);
  else if (node.format === 'shards') {
    const tokenizer = await loadTokenizer(resolve(plan.baseFolder, String(node.options.tokenizer)));
    await writeShards(path, rows(), tokenizer);
  } else {
    await replaceFile(path, (temporary) =>
      database.run(`COPY (${sql}) TO ${DUCKDB.text(temporary)} ${PARQUET}`, signal),
    );
    const count = `SELECT count(*) AS n FROM read_parquet(${DUCKDB.text(path)})`;
    numRows = (await database.all(count, { n: 'int' }))[0].n as number;
  }
  return numRows;
}

/** Throws `UsageError` where there is no such file, `FormatError` where it is not a tokenizer. */
async function loadTokenizer(file: string): Promise<Tokenizer> {
  let bytes: Uint8Array;
  try {
    bytes = await readFile(file);
  } catch (cause) {
    throw new UsageError(`Cannot read the tokenizer ${file}: ${(cause as Error).message}`, {
      code: 'file-not-found',
      hint: 'name the tokenizer.json of a model, or train one with "dots tokenizer train"',
      cause,
    });
  }
  return tokenizerFromJson({ tokenizerJson: parseJson(bytes, file) as JsonObject });
}

async function replaceFile(path: string, write: (temporary: string) => Promise<void>): Promise<void> {
  const temporary = `${path}.${process.pid}.tmp`;
  try {
    await write(temporary);
    await rename(temporary, path);
  } finally {
    await rm(temporary, { force: true });
  }
}

/** Columns that are null are left out. A name that ends with `.gz` is compressed. */
async function writeJsonLines(path: string, rows: AsyncIterable<Row>, schema: Schema): Promise<void> {
  async function* lines(): AsyncGenerator<string> {
    for await (const row of rows) {
      const fields = Object.keys(schema).filter((name) => row[name] !== null);
      const object = Object.fromEntries(
        fields.map((name) => [name, typeof row[name] === 'bigint' ? String(row[name]) : row[name]]),
      );
      yield `${JSON.stringify(object)}\n`;
    }
  }
  await replaceFile(path, async (temporary) => {
    const file = createWriteStream(temporary);
    if (path.endsWith('.gz')) await pipeline(Readable.from(lines()), createGzip(), file);
    else await pipeline(Readable.from(lines()), file);
  });
}

/** A shard for each language, and `mix.json`: the part of a run's configuration that gives each the same weight. */
async function writeShards(folder: string, rows: AsyncIterable<Row>, tokenizer: Tokenizer): Promise<void> {
  const writers = new Map<string, TokenShardWriter>();
  const tokenBytes_V = tokenBytesOf(tokenizer);
  const endToken = endTokenOf(tokenizer);
  for await (const row of rows) {
    const text = textOf(row, 'text');
    if (text === '') continue;
    const language = typeof row.lang === 'string' ? row.lang : 'all';
    const facts = { vocabSize: tokenizer.vocabSize, endToken, language, source: 'pipeline' };
    const writer = writers.get(language) ?? new TokenShardWriter(facts, tokenBytes_V);
    writers.set(language, writer);
    writer.add(tokenizer.encode(text), Buffer.byteLength(text));
  }
  const mix: { shards: string[]; weight: number }[] = [];
  for (const [language, writer] of [...writers].sort(([a], [b]) => (a < b ? -1 : 1))) {
    const path = join(folder, `${language}.tok`);
    await writer.finish(await createFileSink(path, writer.sizeBytes));
    mix.push({ shards: [path], weight: 1 });
  }
  await replaceFile(join(folder, 'mix.json'), async (temporary) => {
    await pipeline(Readable.from([`${JSON.stringify({ mix }, null, 2)}\n`]), createWriteStream(temporary));
  });
}
