/** What a table holds, as one number: the same on every executor and for any number of workers and files. */
import { createHash } from 'node:crypto';
import { join } from 'node:path';
import { InternalError } from '../../../core/errors.ts';
import { readManifest } from '../manifest.ts';
import { DUCKDB } from '../print-sql.ts';
import { rowToJson } from '../protocol.ts';
import { Database } from './database.ts';
import { tableSql } from './tables.ts';

/** SHA-256 of the rows as JSON lines, sorted by all columns in their order. */
export async function tableDigest(folder: string): Promise<string> {
  const manifest = await readManifest(folder);
  if (!manifest) throw new InternalError(`the table in ${folder} is not finished`);
  const { schema } = manifest;
  const hash = createHash('sha256');
  const columns = Object.keys(schema);
  if (columns.length === 0) return hash.digest('hex');
  await using database = await Database.open({
    tempFolder: join(folder, `digest.${process.pid}.tmp`),
    memoryBytes: 1e9,
    threads: 1,
  });
  const order = columns.map((name) => `${DUCKDB.identifier(name)} ASC NULLS FIRST`).join(', ');
  const sql = `SELECT ${columns.map(DUCKDB.identifier).join(', ')} FROM ${tableSql({ folder, manifest })} ORDER BY ${order}`;
  for await (const row of database.rows(sql, schema))
    hash.update(`${JSON.stringify(rowToJson(row, schema))}\n`);
  return hash.digest('hex');
}
