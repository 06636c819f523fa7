import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { pathToFileURL } from 'node:url';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import type { Row } from '../../../src/data/plan/row.ts';
import type { Emission } from '../../../src/data/plan/stage.ts';
import { type SupervisedJob, superviseStage } from '../../../src/data/plan/supervisor.ts';
import { BUILD, buildProgram } from '../built.ts';

const folder = mkdtempSync(join(tmpdir(), 'dots-supervisor-'));
afterAll(() => rmSync(folder, { recursive: true }));
beforeAll(buildProgram);

/** A stage that does what the text of a document says, in a process of its own. */
function program(name: string, afterwards = ''): URL {
  const dist = (path: string) => JSON.stringify(pathToFileURL(join(BUILD, 'dist/data/plan', path)).href);
  const file = join(folder, `${name}.mjs`);
  writeFileSync(
    file,
    `import { STAGES } from ${dist('stage-list.js')};
     import { runStageProcess } from ${dist('stage-process.js')};
     const acts = {
       hang: () => { for (;;); },
       throw: () => { throw new Error('it is thrown'); },
       recursion: () => { const f = (n) => f(n + 1) + 1; return f(0); },
       heap: () => { const all = []; for (;;) all.push(new Array(1e5).fill({ a: all.length })); },
       buffers: () => { const all = []; for (;;) all.push(Buffer.alloc(1 << 24, 1)); },
       crash: () => process.kill(process.pid, 'SIGSEGV'),
       exit: () => process.exit(3),
     };
     STAGES.faulty = async () => ({
       name: 'faulty', version: 1, input: {}, output: (input) => input, configure: () => null,
       ...JSON.parse(process.argv[2]).config,
       open: () => async function* (rows) {
         const all = [];
         for await (const row of rows) { acts[row.text]?.(); all.push(row); }
         for (const row of all) yield { row };
       },
     });
     await runStageProcess(JSON.parse(process.argv[2]));
     ${afterwards}
     process.exit(0);`,
  );
  return pathToFileURL(file);
}

const SCHEMA = { doc_no: 'int', group: 'int', text: 'text' } as const;

function job(config: object = {}, more: Partial<SupervisedJob> = {}): SupervisedJob {
  return {
    stage: 'faulty',
    config,
    input: SCHEMA,
    output: SCHEMA,
    baseFolder: folder,
    key: undefined,
    budget: { timeMs: 700, memoryMb: 128 },
    isTrusted: false,
    label: 'faulty@1',
    ...more,
  };
}

async function* rowsOf(texts: readonly string[]): AsyncGenerator<Row> {
  for (const [doc_no, text] of texts.entries()) yield { doc_no, group: doc_no >> 1, text };
}

async function run(texts: readonly string[], of = job(), by = program('faulty')): Promise<string[]> {
  const found: string[] = [];
  for await (const emission of superviseStage(of, rowsOf(texts), by)) found.push(nameOf(emission));
  return found;
}

function nameOf(emission: Emission): string {
  if ('row' in emission) return `${emission.row.doc_no}`;
  return 'failed' in emission ? `${emission.failed.doc_no} ${emission.failed.code}` : '?';
}

const fine = (count: number): string[] => Array.from({ length: count }, () => 'fine');

describe('superviseStage()', () => {
  it('gives every document in order, more of them than are sent ahead', async () => {
    expect(await run(fine(300))).toEqual(fine(300).map((_, i) => `${i}`));
  });

  it.each([
    ['takes too long', 'hang', 'timeout'],
    ['throws', 'throw', 'stage-error'],
    ['recurses without end', 'recursion', 'stage-error'],
    ['fills the heap', 'heap', 'memory'],
    ['fills memory outside of the heap', 'buffers', 'memory'],
    ['crashes the process', 'crash', 'crash'],
    ['ends the process', 'exit', 'crash'],
  ])('a document that %s fails alone: those before and after it are processed', async (_, act, code) => {
    const texts = [...fine(10), act, ...fine(100)];
    // Filling memory takes a while on a busy machine.
    const timeMs = code === 'memory' ? 20_000 : 700;
    expect(await run(texts, job({}, { budget: { timeMs, memoryMb: 128 } }))).toEqual(
      texts.map((text, i) => (text === act ? `${i} ${code}` : `${i}`)),
    );
  });

  it('several bad documents next to each other, first and last ones too', async () => {
    const texts = ['crash', 'exit', ...fine(3), 'throw', 'exit', ...fine(70), 'crash'];
    expect(await run(texts)).toEqual(
      texts.map((text, i) =>
        text === 'fine' ? `${i}` : `${i} ${text === 'throw' ? 'stage-error' : 'crash'}`,
      ),
    );
  });

  it('a keyed stage loses the whole group of a bad document, and no other', async () => {
    const texts = [...fine(5), 'crash', ...fine(4)];
    const found = await run(texts, job({ key: 'group' }, { key: 'group' }));
    expect(found).toEqual(['0', '1', '2', '3', '4 crash', '5 crash', '6', '7', '8', '9']);
  });

  it('refuses output whose trailer does not fit, is missing or is not the end', async () => {
    const trailer = (text: string) =>
      programPrinting(`{"a":0}\n{"r":{"doc_no":"0","group":"0","text":"x"}}\n{"a":1}\n${text}`);
    const wrong = '{"t":{"in":1,"out":1,"err":0,"sha256":"0","stage":"faulty@1"}}\n';
    await expect(run(['x'], job(), trailer(wrong))).rejects.toMatchObject({ code: 'corrupt-stage-output' });
    await expect(run(['x'], job(), trailer('hello\n'))).rejects.toMatchObject({
      code: 'corrupt-stage-output',
    });
  });

  it('a stage that cannot begin fails with its own error', async () => {
    const file = join(folder, 'fatal.mjs');
    const fatal = {
      name: 'UnsupportedError',
      message: 'no model',
      code: 'fasttext-missing',
      hint: 'install it',
    };
    writeFileSync(
      file,
      `process.stderr.write(${JSON.stringify(`\n${JSON.stringify({ fatal })}\n`)}); process.exit(1);`,
    );
    await expect(run(['x'], job(), pathToFileURL(file))).rejects.toMatchObject(fatal);
  });
});

/** A process that takes one line and prints something of its own. */
function programPrinting(text: string): URL {
  const file = join(folder, 'printing.mjs');
  writeFileSync(
    file,
    `process.stdin.once('data', () => process.stdout.write(${JSON.stringify(text)}));
     process.stdin.on('end', () => process.exit(0));`,
  );
  return pathToFileURL(file);
}
