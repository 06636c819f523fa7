/** A pipeline is a JSON file; docs/data.md describes its fields. Unknown fields are refused, and all problems reported at once. */
import { readFile } from 'node:fs/promises';
import { basename, dirname, resolve } from 'node:path';
import { UsageError } from '../../core/errors.ts';
import { closest, type Findings, ObjectReader } from '../../format/object-reader.ts';
import type { Plan, PlanNode, PlanStep, WriteNode } from '../plan/plan.ts';
import { scan } from '../plan/query.ts';
import type { Stage } from '../plan/stage.ts';
import { loadStage } from '../plan/stage-list.ts';
import { INPUT, PAGE } from '../stages/page.ts';
import { listInputs } from './inputs.ts';
import { type Documents, STEPS } from './steps.ts';

export interface Pipeline {
  readonly plan: Plan;
  /** Folder of all tables; undefined where the file does not name one. */
  readonly out: string | undefined;
}

/** Throws one `UsageError` with everything that is wrong. */
export async function readPipelineFile(path: string): Promise<Pipeline> {
  let text: string;
  try {
    text = await readFile(path, 'utf8');
  } catch (cause) {
    throw new UsageError(`Cannot read ${path}: ${(cause as Error).message}`, {
      code: 'file-not-found',
      hint: 'give the pipeline file, for example pipeline.json',
      cause,
    });
  }
  let json: unknown;
  try {
    json = JSON.parse(text);
  } catch (cause) {
    throw badPipeline(path, [`it is not JSON: ${(cause as Error).message}`]);
  }
  return await readPipeline(json, path);
}

/** `path` is where the file is, or would be: relative paths start at its folder. */
export async function readPipeline(json: unknown, path: string): Promise<Pipeline> {
  const stages = new Map<string, Stage>();
  for (const name of Object.values(STEPS).flatMap((kind) => kind.stages))
    stages.set(name, await loadStage(name));
  const findings: Findings = { subject: 'the pipeline', problems: [], known: new Set() };
  const fields = new ObjectReader(withNamedSteps(json), '', findings);
  const name = fields.string('name', basename(path).replace(/\.json$/, ''));
  const out = fields.optionalString('out');
  const inputs = fields.strings('inputs');
  if (!inputs) findings.problems.push('"inputs" is missing, expected a list of files');
  const builder = new PlanBuilder(stages, findings);
  fields.objects('steps', (step) => builder.add(step), { needed: true });
  fields.object('output', (output) => builder.addOutput(output));
  fields.finish();
  if (findings.problems.length > 0) throw badPipeline(path, findings.problems);
  const baseFolder = dirname(resolve(path));
  const rows = await listInputs(inputs as string[], baseFolder);
  const inputStep: PlanStep = {
    name: 'scan',
    documents: 'scan',
    nodes: [
      { kind: 'scan', name: 'inputs', rows, schema: INPUT },
      { kind: 'stage', name: 'scan', stage: 'scan', config: null, input: scan('inputs', INPUT) },
    ],
  };
  return {
    plan: { name, steps: [inputStep, ...builder.steps], baseFolder },
    out: out === undefined ? undefined : resolve(baseFolder, out),
  };
}

/** A step may be written as its name alone. */
function withNamedSteps(json: unknown): unknown {
  const steps = (json as { steps?: unknown } | null)?.steps;
  if (!Array.isArray(steps)) return json;
  return {
    ...(json as object),
    steps: steps.map((step: unknown) => (typeof step === 'string' ? { step } : step)),
  };
}

class PlanBuilder {
  readonly steps: PlanStep[] = [];
  private readonly stages: ReadonlyMap<string, Stage>;
  private readonly findings: Findings;
  private documents: Documents = { table: 'scan', schema: PAGE, arePages: true };

  constructor(stages: ReadonlyMap<string, Stage>, findings: Findings) {
    this.stages = stages;
    this.findings = findings;
  }

  add(fields: ObjectReader): void {
    const kindName = fields.string('step');
    const kind = Object.hasOwn(STEPS, kindName) ? STEPS[kindName] : undefined;
    if (!kind) {
      const meant = closest(kindName, Object.keys(STEPS));
      const hint = meant ? `; did you mean "${meant}"?` : `; there are ${Object.keys(STEPS).join(', ')}`;
      if (kindName !== '') this.findings.problems.push(`there is no step "${kindName}"${hint}`);
      fields.ignoreOthers();
      return;
    }
    if (this.documents.arePages && !kind.takesPages)
      this.findings.problems.push(`step "${kindName}" needs texts; put the step "extract" before it`);
    if (kindName === 'extract' && !this.documents.arePages)
      this.findings.problems.push('step "extract" comes twice: the documents are texts already');
    const numBefore = this.steps.filter(
      ({ name }) => name === kindName || name.startsWith(`${kindName}-`),
    ).length;
    const name = numBefore === 0 ? kindName : `${kindName}-${numBefore + 1}`;
    const stage = (stageName: string): Stage => this.stages.get(stageName) as Stage;
    const { nodes, schema } = kind.build({ name, fields, documents: this.documents, stage });
    const table = (nodes.at(-1) as PlanNode).name;
    this.documents = { table, schema, arePages: this.documents.arePages && kindName !== 'extract' };
    this.steps.push({ name, nodes, documents: table });
  }

  addOutput(output: ObjectReader): void {
    const input = scan(this.documents.table, this.documents.schema);
    const nodes: WriteNode[] = [];
    for (const format of ['jsonl', 'parquet'] as const) {
      const path = output.optionalString(format);
      if (path !== undefined)
        nodes.push({ kind: 'write', name: `write-${format}`, input, format, path, options: {} });
    }
    if (output.has('shards')) {
      output.object('shards', (shards) => {
        const path = shards.string('folder');
        const tokenizer = shards.string('tokenizer');
        nodes.push({
          kind: 'write',
          name: 'write-shards',
          input,
          format: 'shards',
          path,
          options: { tokenizer },
        });
      });
    }
    if (nodes.length > 0 && this.documents.arePages)
      this.findings.problems.push('"output" needs texts; add the step "extract"');
    for (const node of nodes) this.steps.push({ name: node.name, nodes: [node] });
  }
}

function badPipeline(path: string, problems: readonly string[]): UsageError {
  return new UsageError(`Cannot use ${path} as a pipeline: ${problems.join('; ')}`, {
    code: 'bad-pipeline',
    hint: 'docs/data.md describes every field of a pipeline',
  });
}
