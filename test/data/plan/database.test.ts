import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, afterEach, beforeEach, describe, expect, it } from 'vitest';
import { Database } from '../../../src/data/plan/local/database.ts';
import type { Row } from '../../../src/data/plan/row.ts';

const folder = mkdtempSync(join(tmpdir(), 'dots-database-'));
afterAll(() => rmSync(folder, { recursive: true }));

describe('Database', () => {
  let database: Database;
  beforeEach(async () => {
    database = await Database.open({ tempFolder: join(folder, 'temp'), memoryBytes: 6e7, threads: 1 });
  });
  afterEach(() => database.close());

  it('gives all rows of a query while others run and tables are filled', async () => {
    const table = await database.newTable({ n: 'int' });
    let numRows = 0;
    for await (const row of database.rows('SELECT range AS n FROM range(10000)', { n: 'int' })) {
      if (numRows++ % 1000 === 0) await database.all('SELECT 1 AS n', { n: 'int' });
      table.append(row);
    }
    expect(numRows).toBe(10_000);
    const file = join(folder, 'a.parquet');
    await table.save(file);
    const count = await database.all(`SELECT count(*) AS n FROM read_parquet('${file}')`, { n: 'int' });
    expect(count).toEqual([{ n: 10_000 }]);
  });

  it('keeps every type and every value through Parquet', async () => {
    const schema = {
      t: 'text',
      i: 'int',
      h: 'int64',
      f: 'float',
      b: 'bool',
      ts: 'texts',
      is: 'ints',
      hs: 'int64s',
    } as const;
    const rows: Row[] = [
      {
        t: '中文 \u0000 😀 "\\',
        i: 2 ** 53 - 1,
        h: -(2n ** 63n),
        f: 0.1,
        b: true,
        ts: ['a', ''],
        is: [1],
        hs: [2n ** 63n - 1n],
      },
      { t: '', i: -5, h: 0n, f: -1e300, b: false, ts: [], is: [], hs: [] },
      { t: null, i: null, h: null, f: null, b: null, ts: null, is: null, hs: null },
    ];
    const table = await database.newTable(schema);
    for (const row of rows) table.append(row);
    const file = join(folder, 'b.parquet');
    await table.save(file);
    expect(await database.all(`SELECT * FROM read_parquet('${file}')`, schema)).toEqual(rows);
  });

  it('spills to its folder instead of failing when a sort does not fit into memory', async () => {
    const sql = `SELECT md5(range::VARCHAR) AS t FROM range(1500000) ORDER BY t DESC LIMIT 1 OFFSET 1499999`;
    expect(await database.all(sql, { t: 'text' })).toHaveLength(1);
  });
});
