/** The commands that run and explain data pipelines. */
import type { Command } from 'commander';
import { addFileOptions, examples, positive, size } from './options.ts';
import type { Session } from './session.ts';

const PIPELINE = 'pipeline file (JSON); docs/data.md describes its fields';
const OUT = 'folder of the tables (default: "out" of the pipeline)';

export function addPipelineCommands(data: Command, session: Session): void {
  addRun(data, session);
  addExplain(data, session);
  addStatus(data, session);
  addWhy(data, session);
  addReport(data, session);
}

function addRun(data: Command, session: Session): void {
  const command = data
    .command('run')
    .description('run a pipeline: from web archives to clean documents')
    .argument('<PIPELINE>', PIPELINE)
    .option('-o, --out <FOLDER>', OUT)
    .option('--workers <N>', 'processes that run stages (default: one per core)', positive)
    .option('--memory <SIZE>', 'memory for DuckDB, such as 4GB (default: 40 % of RAM)', size)
    .option('--from <STEP>', 'compute from this step on; earlier ones have to be done')
    .option('--until <STEP>', 'compute up to this step, included');
  addFileOptions(command)
    .addHelpText(
      'after',
      examples(
        'data run pipeline.json --out web',
        'data run pipeline.json --out web --workers 8 --memory 16GB',
        'data run pipeline.json --out web --until identity',
      ),
    )
    .action(async (file, flags) => (await import('./data-run.ts')).dataRun(session, file, flags));
}

function addExplain(data: Command, session: Session): void {
  const command = data
    .command('explain')
    .description('show the plan of a pipeline: its nodes and what each reads')
    .argument('<PIPELINE>', PIPELINE)
    .option('--sql', 'print the query of each node')
    .option('--html <FILE>', 'also write a page with a picture of the plan');
  addFileOptions(command)
    .addHelpText(
      'after',
      examples('data explain pipeline.json', 'data explain pipeline.json --html plan.html'),
    )
    .action(async (file, flags) => (await import('./data-inspect.ts')).dataExplain(session, file, flags));
}

function addStatus(data: Command, session: Session): void {
  const command = data
    .command('status')
    .description('show which steps of a pipeline are done')
    .argument('<PIPELINE>', PIPELINE)
    .option('-o, --out <FOLDER>', OUT)
    .option('--verify', 'read all tables and compare them with their digests');
  addFileOptions(command)
    .addHelpText('after', examples('data status pipeline.json --out web'))
    .action(async (file, flags) => (await import('./data-inspect.ts')).dataStatus(session, file, flags));
}

function addWhy(data: Command, session: Session): void {
  const command = data
    .command('why')
    .description('show what each step did with a document')
    .argument('<PIPELINE>', PIPELINE)
    .argument('<DOC>', 'number, id or URL of the document')
    .option('-o, --out <FOLDER>', OUT);
  addFileOptions(command)
    .addHelpText('after', examples('data why pipeline.json https://example.com/page --out web'))
    .action(async (file, doc, flags) =>
      (await import('./data-inspect.ts')).dataWhy(session, file, doc, flags),
    );
}

function addReport(data: Command, session: Session): void {
  const command = data
    .command('report')
    .description('write a page about a run: what each step removed, with samples')
    .argument('<PIPELINE>', PIPELINE)
    .requiredOption('--html <FILE>', 'page to write')
    .option('-o, --out <FOLDER>', OUT);
  addFileOptions(command)
    .addHelpText('after', examples('data report pipeline.json --out web --html report.html'))
    .action(async (file, flags) => (await import('./data-inspect.ts')).dataReport(session, file, flags));
}
