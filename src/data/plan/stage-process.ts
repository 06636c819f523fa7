/** The process of a stage: protocol lines from stdin to stdout. Started with a job as JSON in its argument. */
import { writeSync } from 'node:fs';
import { Worker } from 'node:worker_threads';
import { emissionToLine, LineTotals, rowFromJson } from './protocol.ts';
import type { Row } from './row.ts';
import { openStage, runUnit, type StageJob } from './stage-runner.ts';
import type { Unit } from './units.ts';

export interface StageProcessJob extends StageJob {
  /** Name in the trailer. */
  readonly label: string;
  /** Answer after each unit, so that the one that brings the process down is known. */
  readonly isCareful: boolean;
}

const FLUSH_BYTES = 1 << 16;
const FLUSH_MS = 50;

/** Answers are collected, and written in one call where units are small. Written synchronously: what a crash follows has arrived. */
class Output {
  private text = '';
  private numUnits = 0;
  private flushedMs = performance.now();
  private readonly totals: LineTotals;
  private readonly isCareful: boolean;

  constructor(totals: LineTotals, isCareful: boolean) {
    this.totals = totals;
    this.isCareful = isCareful;
  }

  line(line: string): void {
    this.totals.add(line);
    this.text += `${line}\n`;
  }

  unitDone(): void {
    this.numUnits++;
    const isDue = this.text.length > FLUSH_BYTES || performance.now() - this.flushedMs > FLUSH_MS;
    if (this.isCareful || isDue) this.flush();
  }

  /** Before the first unit: the stage is loaded, and time counts. */
  ready(): void {
    this.line(JSON.stringify({ a: 0 }));
    this.flush();
  }

  flush(): void {
    if (this.numUnits > 0) this.line(JSON.stringify({ a: this.numUnits }));
    this.numUnits = 0;
    writeFully(this.text);
    this.text = '';
    this.flushedMs = performance.now();
  }
}

function writeFully(text: string): void {
  let bytes: Uint8Array = Buffer.from(text);
  while (bytes.length > 0) {
    try {
      bytes = bytes.subarray(writeSync(1, bytes));
    } catch (error) {
      const { code } = error as NodeJS.ErrnoException;
      // The reader is gone: whoever started this process has ended, and takes nothing back.
      if (code === 'EPIPE') process.exit(1);
      if (code !== 'EAGAIN') throw error;
      Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0, 1);
    }
  }
}

/** A stage in an endless loop does not notice that its parent is gone; this thread does. */
function endWithParent(): void {
  const code = `const parent = process.ppid;
    setInterval(() => { if (process.ppid !== parent) process.kill(process.pid, 'SIGKILL'); }, 500);`;
  new Worker(code, { eval: true, execArgv: [] }).unref();
}

/**
 * Units from stdin: each line is one, or with a keyed stage all lines up to an empty one. Answers are flushed when what has arrived is
 * done, as the sender may wait for them before it sends more.
 */
async function* unitsFromStdin(job: StageProcessJob, isKeyed: boolean, totals: LineTotals, output: Output) {
  let held = '';
  let group: Row[] = [];
  process.stdin.setEncoding('utf8');
  for await (const chunk of process.stdin as AsyncIterable<string>) {
    const lines = (held + chunk).split('\n');
    held = lines.pop() as string;
    for (const line of lines) {
      if (line !== '') {
        totals.numIn++;
        group.push(rowFromJson(JSON.parse(line) as Record<string, unknown>, job.input));
        if (isKeyed) continue;
      }
      if (group.length > 0) yield group as Unit;
      group = [];
    }
    output.flush();
  }
}

/** Reads until the end of stdin. Whoever calls it has nothing else to do with stdin and stdout. */
export async function runStageProcess(job: StageProcessJob): Promise<void> {
  endWithParent();
  const totals = new LineTotals();
  const output = new Output(totals, job.isCareful);
  const { stage, process: stageProcess, output: schema } = await openStage(job);
  output.ready();
  for await (const unit of unitsFromStdin(job, stage.key !== undefined, totals, output)) {
    for (const emission of await runUnit(stageProcess, unit)) output.line(emissionToLine(emission, schema));
    output.unitDone();
  }
  output.flush();
  writeFully(`${JSON.stringify({ t: totals.trailer(job.label) })}\n`);
}
