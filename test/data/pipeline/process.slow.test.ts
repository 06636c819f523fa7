import { type ChildProcess, execFileSync, spawn } from 'node:child_process';
import { mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import type { StepResult } from '../../../src/data/plan/local/executor.ts';
import { buildProgram, DOTS } from '../built.ts';
import { digestsOf, STEPS, writeInputs } from './run-pipeline.ts';

const folder = mkdtempSync(join(tmpdir(), 'dots-data-run-'));
afterAll(() => rmSync(folder, { recursive: true }));

const PIPELINE = { inputs: ['a.warc.gz', 'b.jsonl.gz'], steps: STEPS };
const NUM_PAGES = 500;

beforeAll(() => {
  buildProgram();
  writeInputs(folder, NUM_PAGES);
  writeFileSync(join(folder, 'pipeline.json'), JSON.stringify(PIPELINE));
});

function start(out: string, ...args: string[]): ChildProcess {
  const command = [
    'data',
    'run',
    join(folder, 'pipeline.json'),
    '--out',
    join(folder, out),
    '--json',
    ...args,
  ];
  return spawn(process.execPath, [DOTS, ...command, '--memory', '1GB'], {
    stdio: ['ignore', 'pipe', 'pipe'],
  });
}

interface Ended {
  readonly code: number | null;
  readonly stdout: string;
  readonly stderr: string;
}

function ended(child: ChildProcess, onStderr?: (text: string) => void): Promise<Ended> {
  let stdout = '';
  let stderr = '';
  child.stdout?.setEncoding('utf8').on('data', (text: string) => {
    stdout += text;
  });
  child.stderr?.setEncoding('utf8').on('data', (text: string) => {
    stderr += text;
    onStderr?.(text);
  });
  return new Promise((resolve) => child.on('close', (code) => resolve({ code, stdout, stderr })));
}

async function results(child: ChildProcess): Promise<StepResult[]> {
  const { code, stdout, stderr } = await ended(child);
  if (code !== 0) throw new Error(stderr);
  return (JSON.parse(stdout) as { steps: StepResult[] }).steps;
}

/** Processes below another one, by the name of their program. */
function descendants(pid: number, program: RegExp): number[] {
  const all = readdirSync('/proc').filter((name) => /^\d+$/.test(name));
  const parents = new Map<number, number>();
  const matching: number[] = [];
  for (const name of all) {
    try {
      const stat = readFileSync(`/proc/${name}/stat`, 'utf8');
      parents.set(Number(name), Number(stat.slice(stat.lastIndexOf(')') + 2).split(' ')[1]));
      if (program.test(readFileSync(`/proc/${name}/cmdline`, 'utf8'))) matching.push(Number(name));
    } catch {
      // It ended meanwhile.
    }
  }
  const isBelow = (one: number): boolean => {
    for (let at = parents.get(one); at; at = parents.get(at)) if (at === pid) return true;
    return false;
  };
  return matching.filter(isBelow);
}

describe.skipIf(process.platform !== 'linux')('dots data run', () => {
  let expected: Record<string, string>;
  beforeAll(async () => {
    expected = await digestsOf(await results(start('one', '--workers', '1')));
  });

  it('makes the same tables with two and with three workers', async () => {
    for (const workers of ['2', '3'])
      expect(await digestsOf(await results(start(`w${workers}`, '--workers', workers)))).toEqual(expected);
  });

  it('continues after kill -9 of the driver, at any time, and leaves no processes', async () => {
    for (let killMs = 300; ; killMs += 800) {
      const child = start('killed', '--workers', '2');
      const done = ended(child);
      const workers: number[] = [];
      const timer = setTimeout(() => {
        workers.push(...descendants(child.pid as number, /data\/plan/));
        child.kill('SIGKILL');
      }, killMs);
      const { code } = await done;
      clearTimeout(timer);
      await expect.poll(() => workers.filter((pid) => isRunning(pid)), { timeout: 5000 }).toEqual([]);
      if (code === 0) break;
    }
    expect(await digestsOf(await results(start('killed')))).toEqual(expected);
    const names = readdirSync(join(folder, 'killed'), { recursive: true, encoding: 'utf8' });
    expect(names.filter((name) => /\.tmp$|task-|(^|\/)temp/.test(name))).toEqual([]);
  });

  it.each([
    ['a worker', /local\/worker-main/],
    ['the process of a stage', /stage-process-main/],
  ])('makes the same tables when %s is killed', async (name, program) => {
    const child = start(`lost-${name.length}`, '--workers', '2');
    let numKilled = 0;
    const timer = setInterval(() => {
      const [first] = descendants(child.pid as number, program);
      // A process that is killed again and again is given up at some point: that is another test.
      if (first === undefined || numKilled >= 2) return;
      process.kill(first, 'SIGKILL');
      numKilled++;
    }, 250);
    try {
      const steps = await results(child);
      expect(numKilled).toBeGreaterThan(0);
      expect(await digestsOf(steps)).toEqual(expected);
    } finally {
      clearInterval(timer);
    }
  });

  it('says that the disk is full, and continues where it was once there is room', async () => {
    // A limit on the size of files fails a write as a full disk does, and needs no rights.
    const command = [
      'data',
      'run',
      join(folder, 'pipeline.json'),
      '--out',
      join(folder, 'full'),
      '--memory',
      '1GB',
    ];
    const script = `ulimit -f 4; exec "${process.execPath}" "${DOTS}" ${command.map((word) => `"${word}"`).join(' ')}`;
    const { code, stderr } = await ended(
      spawn('bash', ['-c', script], { stdio: ['ignore', 'pipe', 'pipe'] }),
    );
    expect(code).toBe(1);
    expect(stderr).toMatch(/error: Cannot write a table.*\nhint: {2}make room/);
    expect(await digestsOf(await results(start('full')))).toEqual(expected);
  });

  it('two runs do not write to one folder at once', async () => {
    const first = start('both', '--workers', '1');
    const done = ended(first);
    await new Promise((resolve) => first.stderr?.once('data', resolve));
    const second = await ended(start('both'));
    expect(second.code).toBe(1);
    expect(second.stderr).toContain('has been writing it since');
    expect((await done).code).toBe(0);
  });

  it('Ctrl-C ends it with 130, and the next run continues', async () => {
    const child = start('interrupted');
    const done = ended(child, (text) => {
      if (text.includes('"step":"extract"')) child.kill('SIGINT');
    });
    expect((await done).code).toBe(130);
    expect(await digestsOf(await results(start('interrupted')))).toEqual(expected);
  });
});

function isRunning(pid: number): boolean {
  try {
    return !/\) Z /.test(readFileSync(`/proc/${pid}/stat`, 'utf8'));
  } catch {
    return false;
  }
}

it('the optional packages install without scripts', () => {
  for (const name of ['@duckdb/node-api', 'fasttext.wasm.js']) {
    const { scripts = {} } = JSON.parse(readFileSync(join('node_modules', name, 'package.json'), 'utf8')) as {
      scripts?: Record<string, string>;
    };
    expect(Object.keys(scripts).filter((script) => /^(?:pre|post)?install$/.test(script))).toEqual([]);
  }
  expect(execFileSync(process.execPath, ['--version']).toString()).toMatch(/^v\d/);
});
