import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { Database } from '../../../src/data/plan/local/database.ts';
import { DUCKDB, printQuery, SPARK } from '../../../src/data/plan/print-sql.ts';
import {
  column,
  compare,
  int,
  type Query,
  scan,
  schemaOf,
  select,
  tablesOf,
  text,
} from '../../../src/data/plan/query.ts';
import type { Row, Schema } from '../../../src/data/plan/row.ts';

const DOCS = scan('docs', { doc_no: 'int', key: 'text', score: 'int' });
const ROWS = `(VALUES (1, 'a', 5), (2, 'a', NULL), (3, 'b', -7), (4, NULL, 2), (5, 'a', 5)) AS t(doc_no, key, score)`;

describe('queries', () => {
  const folder = mkdtempSync(join(tmpdir(), 'dots-sql-'));
  let database: Database;
  beforeAll(async () => {
    database = await Database.open({ tempFolder: join(folder, 'temp'), memoryBytes: 1e9, threads: 1 });
  });
  afterAll(async () => {
    await database.close();
    rmSync(folder, { recursive: true });
  });

  /** On DuckDB; `docs` holds five rows with nulls. */
  const run = (query: Query, orderBy = Object.keys(schemaOf(query))): Promise<Row[]> =>
    database.all(
      printQuery(query, DUCKDB, () => ROWS, { orderBy }),
      schemaOf(query),
    );

  it('filter keeps rows whose condition is true: unknown is not', async () => {
    const where = compare('gt', column('score'), int(-10));
    expect((await run({ op: 'filter', input: DOCS, where })).map((row) => row.doc_no)).toEqual([1, 3, 4, 5]);
    const isNull: Query = { op: 'filter', input: DOCS, where: { op: 'isNull', of: column('key') } };
    expect((await run(isNull)).map((row) => row.doc_no)).toEqual([4]);
  });

  it('group counts, sums and collects; sums stay 64 bits wide, lists are sorted and without nulls', async () => {
    const query: Query = {
      op: 'group',
      input: DOCS,
      by: ['key'],
      aggregates: {
        n: { fn: 'count' },
        sum: { fn: 'sum', column: 'score' },
        least: { fn: 'min', column: 'score' },
        scores: { fn: 'collect', column: 'score' },
      },
    };
    expect(await run(query, ['key'])).toEqual([
      { key: null, n: 1, sum: 2, least: 2, scores: [2] },
      { key: 'a', n: 3, sum: 10, least: 5, scores: [5, 5] },
      { key: 'b', n: 1, sum: -7, least: -7, scores: [-7] },
    ]);
    const onlyNulls: Query = {
      op: 'group',
      input: { op: 'filter', input: DOCS, where: { op: 'isNull', of: column('score') } },
      by: ['key'],
      aggregates: { scores: { fn: 'collect', column: 'score' } },
    };
    expect(await run(onlyNulls, ['key'])).toEqual([{ key: 'a', scores: [] }]);
  });

  it('joins match equal keys and no nulls; anti keeps what matches nothing', async () => {
    const other: Query = {
      op: 'project',
      input: DOCS,
      columns: { key: column('key'), other: column('doc_no') },
    };
    const numbers = async (kind: 'inner' | 'left' | 'semi' | 'anti', right: Query): Promise<unknown[]> =>
      (await run({ op: 'join', kind, left: DOCS, right, on: ['key'] })).map((row) => [
        row.doc_no,
        row.other ?? null,
      ]);
    const onlyB: Query = { op: 'filter', input: other, where: compare('eq', column('key'), text('b')) };
    expect(await numbers('inner', onlyB)).toEqual([[3, 3]]);
    expect(await numbers('left', onlyB)).toEqual([
      [1, null],
      [2, null],
      [3, 3],
      [4, null],
      [5, null],
    ]);
    expect(await numbers('semi', other)).toEqual([1, 2, 3, 5].map((n) => [n, null]));
    expect(await numbers('anti', other)).toEqual([[4, null]]);
  });

  it('rowNumber, explode, union and limit keep their order, nulls first', async () => {
    const numbered: Query = {
      op: 'rowNumber',
      input: DOCS,
      partitionBy: ['key'],
      orderBy: ['score', 'doc_no'],
      as: 'n',
    };
    expect((await run(numbered, ['doc_no'])).map((row) => row.n)).toEqual([2, 1, 1, 1, 3]);
    const lists: Query = {
      op: 'group',
      input: DOCS,
      by: ['key'],
      aggregates: { docs: { fn: 'collect', column: 'doc_no' } },
    };
    const exploded: Query = { op: 'explode', input: lists, column: 'docs', as: 'doc_no' };
    const back = select(exploded, ['doc_no', 'key']);
    const twice: Query = { op: 'union', left: back, right: select(DOCS, ['doc_no', 'key']) };
    const five: Query = { op: 'limit', input: twice, orderBy: ['doc_no', 'key'], count: 5 };
    expect((await run(five)).map((row) => row.doc_no)).toEqual([1, 1, 2, 2, 3]);
  });

  it('text with quotes, backslashes and line feeds is the same in both dialects', async () => {
    const strange = `it's \\n "x"\n`;
    const query: Query = { op: 'project', input: DOCS, columns: { t: text(strange) } };
    expect((await run(query))[0].t).toBe(strange);
    expect(printQuery(query, SPARK, () => 'docs')).toContain(`'it\\'s \\\\n "x"\n'`);
  });

  it('a query that cannot be the same on both engines is refused when it is printed', () => {
    const sumOfText: Query = {
      op: 'group',
      input: DOCS,
      by: [],
      aggregates: { s: { fn: 'sum', column: 'key' } },
    };
    const wrongUnion: Query = { op: 'union', left: DOCS, right: select(DOCS, ['key']) };
    const mixed: Query = { op: 'filter', input: DOCS, where: compare('eq', column('key'), int(1)) };
    const twoColumns: Query = { op: 'join', kind: 'inner', left: DOCS, right: DOCS, on: ['doc_no'] };
    for (const query of [sumOfText, wrongUnion, mixed, twoColumns, select(DOCS, ['nothing'])])
      expect(() => printQuery(query, DUCKDB, () => 'docs')).toThrow('a query of the plan is wrong');
  });

  it('the statement for Spark names its joins, types and null order', () => {
    const schema: Schema = { doc_no: 'int', line: 'text' };
    const hot: Query = {
      op: 'filter',
      input: {
        op: 'group',
        input: scan('lines', schema),
        by: ['line'],
        aggregates: { n: { fn: 'count' }, docs: { fn: 'collect', column: 'doc_no' } },
      },
      where: compare('gt', column('n'), int(200)),
    };
    const query: Query = {
      op: 'rowNumber',
      input: { op: 'join', kind: 'anti', left: scan('lines', schema), right: hot, on: ['line'] },
      partitionBy: ['line'],
      orderBy: ['doc_no'],
      as: 'n',
    };
    expect(tablesOf(query)).toEqual(['lines']);
    expect(printQuery(query, SPARK, (table) => `parquet.\`/x/${table}\``, { orderBy: ['doc_no'] })).toBe(
      [
        'WITH q1 AS (SELECT `doc_no`, `line` FROM parquet.`/x/lines`),',
        'q2 AS (SELECT `doc_no`, `line` FROM parquet.`/x/lines`),',
        'q3 AS (SELECT `line`, count(*) AS `n`, sort_array(collect_list(`doc_no`)) AS `docs` FROM q2 GROUP BY `line`),',
        'q4 AS (SELECT * FROM q3 WHERE (`n` > CAST(200 AS BIGINT))),',
        'q5 AS (SELECT l.`doc_no`, l.`line` FROM q1 AS l LEFT ANTI JOIN q4 AS r ON l.`line` = r.`line`),',
        'q6 AS (SELECT *, CAST(row_number() OVER (PARTITION BY `line` ORDER BY `doc_no` ASC NULLS FIRST) AS BIGINT) AS `n` FROM q5)',
        'SELECT * FROM q6 ORDER BY `doc_no` ASC NULLS FIRST',
      ].join('\n'),
    );
  });
});
