/** DuckDB in this process, always with a memory limit and a folder to spill to: an in-memory database without one does not spill. */
import { rm } from 'node:fs/promises';
import type { DuckDBConnection, DuckDBInstance } from '@duckdb/node-api';
import { DotsError, ResourceError, UnsupportedError } from '../../../core/errors.ts';
import { DUCKDB } from '../print-sql.ts';
import type { ColumnType, Row, Schema, Value } from '../row.ts';

export interface DatabaseOptions {
  /** Made when it is needed, and removed by `close`. */
  readonly tempFolder: string;
  readonly memoryBytes: number;
  readonly threads: number;
}

type Api = typeof import('@duckdb/node-api');

/** Loaded when first needed, as the package is optional. Throws `UnsupportedError` (`duckdb-missing`). */
async function loadDuckDb(): Promise<Api> {
  try {
    return await import('@duckdb/node-api');
  } catch (cause) {
    throw new UnsupportedError('Cannot run a data pipeline: the package @duckdb/node-api is not installed', {
      code: 'duckdb-missing',
      hint: 'npm install @duckdb/node-api@1.5',
      cause,
    });
  }
}

/** One database in memory with one connection. Close it: `await using`. */
export class Database {
  private readonly api: Api;
  private readonly instance: DuckDBInstance;
  private readonly connection: DuckDBConnection;
  private readonly tempFolder: string;
  private numTables = 0;

  private constructor(api: Api, instance: DuckDBInstance, connection: DuckDBConnection, tempFolder: string) {
    this.api = api;
    this.instance = instance;
    this.connection = connection;
    this.tempFolder = tempFolder;
  }

  static async open({ tempFolder, memoryBytes, threads }: DatabaseOptions): Promise<Database> {
    const api = await loadDuckDb();
    const instance = await api.DuckDBInstance.create(':memory:', {
      memory_limit: `${Math.floor(memoryBytes / 1e6)}MB`,
      temp_directory: tempFolder,
      threads: String(threads),
      // Rows leave a query in the order of its ORDER BY, or of the files that it reads.
      preserve_insertion_order: 'true',
      autoinstall_known_extensions: 'false',
    });
    return new Database(api, instance, await instance.connect(), tempFolder);
  }

  async run(sql: string, signal?: AbortSignal): Promise<void> {
    signal?.throwIfAborted();
    const interrupt = () => this.connection.interrupt();
    signal?.addEventListener('abort', interrupt, { once: true });
    try {
      await this.connection.run(sql);
    } catch (error) {
      signal?.throwIfAborted();
      throw readable(error);
    } finally {
      signal?.removeEventListener('abort', interrupt);
    }
  }

  /** Rows of a query whose columns are those of `schema`, as they are computed. */
  async *rows(sql: string, schema: Schema): AsyncGenerator<Row> {
    const names = Object.keys(schema);
    // A connection ends the rows of one query when it begins the next, without an error.
    const connection = await this.instance.connect();
    try {
      const result = await connection.stream(sql);
      for (;;) {
        const chunk = await result.fetchChunk();
        if (!chunk || chunk.rowCount === 0) return;
        const columns = chunk.convertColumns(this.api.JSDuckDBValueConverter) as Value[][];
        for (let i = 0; i < chunk.rowCount; i++) {
          const row: Record<string, Value> = {};
          for (const [c, name] of names.entries()) row[name] = fromDuckDb(columns[c][i], schema[name]);
          yield row;
        }
      }
    } catch (error) {
      throw readable(error);
    } finally {
      connection.closeSync();
    }
  }

  async all(sql: string, schema: Schema): Promise<Row[]> {
    const rows: Row[] = [];
    for await (const row of this.rows(sql, schema)) rows.push(row);
    return rows;
  }

  /** A table to be filled row by row and saved as one Parquet file. */
  async newTable(schema: Schema): Promise<TableWriter> {
    const name = `t${this.numTables++}`;
    const columns = Object.entries(schema).map(
      ([column, type]) => `${DUCKDB.identifier(column)} ${DUCKDB.types[type]}`,
    );
    await this.run(`CREATE TABLE ${name} (${columns.join(', ')})`);
    const appender = await this.connection.createAppender(name);
    const api = this.api;
    let numRows = 0;
    return {
      get numRows() {
        return numRows;
      },
      append(row) {
        for (const column in schema) append(api, appender, row[column], schema[column]);
        appender.endRow();
        numRows++;
        // The appender holds what it has until it is flushed.
        if (numRows % 2048 === 0) appender.flushSync();
      },
      save: async (file) => {
        try {
          appender.closeSync();
        } catch (error) {
          throw readable(error);
        }
        await this.run(`COPY ${name} TO ${DUCKDB.text(file)} ${PARQUET}`);
        await this.run(`DROP TABLE ${name}`);
      },
      discard: async () => {
        appender.closeSync();
        await this.run(`DROP TABLE ${name}`);
      },
    };
  }

  async close(): Promise<void> {
    this.connection.closeSync();
    this.instance.closeSync();
    await rm(this.tempFolder, { recursive: true, force: true });
  }

  [Symbol.asyncDispose](): Promise<void> {
    return this.close();
  }
}

export interface TableWriter {
  readonly numRows: number;
  append(row: Row): void;
  /** Write the Parquet file and drop the table. */
  save(file: string): Promise<void>;
  discard(): Promise<void>;
}

/** Row groups small enough that a task reads little more than its own documents. */
export const PARQUET = '(FORMAT parquet, COMPRESSION zstd, ROW_GROUP_SIZE 20480)';

function fromDuckDb(value: Value, type: ColumnType): Value {
  if (type === 'int' && typeof value === 'bigint') return Number(value);
  if (type === 'ints' && Array.isArray(value)) return value.map(Number);
  return value;
}

type Appender = Awaited<ReturnType<DuckDBConnection['createAppender']>>;

function append(api: Api, appender: Appender, value: Value | undefined, type: ColumnType): void {
  if (value === null || value === undefined) {
    appender.appendNull();
    return;
  }
  switch (type) {
    case 'text':
      appender.appendVarchar(value as string);
      return;
    case 'int':
      appender.appendBigInt(BigInt(value as number));
      return;
    case 'int64':
      appender.appendBigInt(value as bigint);
      return;
    case 'float':
      appender.appendDouble(value as number);
      return;
    case 'bool':
      appender.appendBoolean(value as boolean);
      return;
    case 'texts':
      appender.appendList(value as string[], api.LIST(api.VARCHAR));
      return;
    case 'ints':
      appender.appendList((value as number[]).map(BigInt), api.LIST(api.BIGINT));
      return;
    case 'int64s':
      appender.appendList(value as bigint[], api.LIST(api.BIGINT));
  }
}

/** Errors of the engine that a user can do something about; others stay as they are. */
function readable(cause: unknown): unknown {
  if (!(cause instanceof Error) || cause instanceof DotsError) return cause;
  if (/no space left|disk full|file too large|ENOSPC|EFBIG|max_temp_directory_size/i.test(cause.message)) {
    return new ResourceError(`Cannot write a table: ${cause.message}`, {
      code: 'disk-full',
      hint: 'make room and run it again: it continues after the last finished task',
      cause,
    });
  }
  if (/^out of memory/i.test(cause.message)) {
    return new ResourceError(`Cannot compute a table: ${cause.message.split('\n')[0]}`, {
      code: 'out-of-memory',
      hint: 'give it more with --memory',
      cause,
    });
  }
  return cause;
}
