import { stat } from 'node:fs/promises';
import { basename, dirname, join, resolve } from 'node:path';
import { UsageError } from '../core/errors.ts';
import { writeAll } from '../format/byte-sink.ts';
import { createFileSink } from '../format/file-source.ts';
import { trainingReport } from '../train/report.ts';
import { RunFolder } from '../train/run-folder.ts';
import { lockOutput } from './lock-output.ts';
import type { CommonFlags } from './options.ts';
import type { Session } from './session.ts';
import { readRun } from './train.ts';

export interface TrainReportFlags extends CommonFlags {
  readonly out?: string;
}

/** `dots train report`: a run's log as one page. RUN is its JSON file or its folder. */
export async function trainReport(session: Session, run: string, flags: TrainReportFlags): Promise<void> {
  const path = run.endsWith('.json') ? resolve(dirname(run), (await readRun(run)).out) : run;
  const isFolder = await stat(join(path, 'log.jsonl')).then(
    (found) => found.isFile(),
    () => false,
  );
  if (!isFolder) {
    throw new UsageError(`Cannot report on ${run}: there is no ${join(path, 'log.jsonl')}`, {
      code: 'file-not-found',
      hint: 'give the JSON file of a run that has begun, or its folder',
    });
  }
  const folder = RunFolder.at(path);
  const records = await folder.readLog();
  const out = flags.out ?? join(path, 'report.html');
  const bytes = new TextEncoder().encode(
    trainingReport(basename(resolve(path)), records, await folder.readRun()),
  );
  await lockOutput(out, async () => await writeAll(await createFileSink(out, bytes.length), [bytes]));
  if (flags.json) await session.json({ report: out, records: records.length, bytes: bytes.length });
  else await session.line(`wrote ${out}`);
}
