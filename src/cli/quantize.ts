import { createHash } from 'node:crypto';
import { constants } from 'node:fs';
import { access, readdir, readFile, rm, stat } from 'node:fs/promises';
import { basename, dirname, resolve } from 'node:path';
import { type ConvertSource, openConvertSource } from '../convert/convert-source.ts';
import { type TargetTensor, targetTensors, writeGgufModel } from '../convert/write-gguf.ts';
import { UsageError } from '../core/errors.ts';
import { formatBytes, formatCount } from '../core/units.ts';
import { f32, storageBytes } from '../dtype/index.ts';
import { createFileSink, fileError } from '../format/file-source.ts';
import type { GgufValue } from '../format/gguf-values.ts';
import { type ErrorSums, measuredEncoder, relativeError } from '../quantize/encode-error.ts';
import { openImportance, writeImportance } from '../quantize/importance-files.ts';
import { type ImportanceMatrix, importanceOf, mergeImportance } from '../quantize/importance-matrix.ts';
import {
  mixByName,
  needImportance,
  type PlannedTensor,
  planTypes,
  tensorTypeByName,
  typesOfPlan,
} from '../quantize/type-plan.ts';
import { checkOutput } from './check-output.ts';
import { chooseEncoder } from './choose-encoder.ts';
import { lockOutput } from './lock-output.ts';
import type { QuantizeFlags } from './quantize-flags.ts';
import { type ChosenTypes, recipeKeys, replayTypes, searchTypes } from './quantize-recipe.ts';
import { resolveModel } from './resolve-model.ts';
import type { Session } from './session.ts';
import { table } from './table.ts';

/** `dots quantize`: a GGUF file whose tensors have the types of a mix, or those that a search found. */
export async function quantize(
  session: Session,
  from: string,
  to: string,
  flags: QuantizeFlags,
): Promise<void> {
  const input = await resolveModel(session, from, flags);
  const way = wayOf(flags);
  if (!to.toLowerCase().endsWith('.gguf')) {
    throw new UsageError(`Cannot write ${to}: quantised models are GGUF files`, {
      code: 'output-ending',
      hint: `write ${to}.gguf`,
    });
  }
  refuseIgnored(way, flags);
  if (!flags.dryRun) await checkOutputs(input, to, way, flags);
  const warn = (message: string): void => session.warn(message);
  const source = await openConvertSource(input, warn);
  try {
    const given =
      flags.imatrix && mergeImportance(await Promise.all(flags.imatrix.map((path) => openImportance(path))));
    const before = targetTensors(source, undefined);
    if (way.kind === 'budget') checkSource(before, undefined, flags.requantize ?? false, warn);
    const chosen =
      way.kind === 'mix'
        ? undefined
        : way.kind === 'budget'
          ? await searchTypes(session, input, source, given, flags)
          : await replayTypes(session, source, given, way.path);
    const planned = chosen
      ? before.map(({ name, shape }) => ({ name, shape, type: chosen.types.get(name) ?? f32 }))
      : planMix(source, before, given, flags, mixOf(way));
    if (way.kind !== 'budget') checkSource(before, planned, flags.requantize ?? false, warn);
    const importance = chosen?.importance ?? given;
    if (importance) checkImportance(importance, planned, warn);
    else refuseWithoutImportance(planned, mixOf(way));
    const errors = new Map<string, ErrorSums>();
    const report = planned.map((tensor, i) => rowOf(tensor, before[i]));
    if (!flags.dryRun) {
      const work = { source, input, to, mix: mixOf(way), chosen, planned, importance, errors };
      const { files } = await lockOutput(to, async () => {
        if (!chosen?.isNew) return await write(session, work, flags);
        await writeImportance(importancePath(to), chosen.importance);
        try {
          return await write(session, work, flags);
        } catch (error) {
          // Where nothing was begun, nothing continues with it.
          if (!(await isBegun(to))) await rm(importancePath(to), { force: true });
          throw error;
        }
      });
      if (!flags.json)
        await session.line(
          `wrote ${files.length > 1 ? `${files.length} files, the first of them ${files[0]}` : to}` +
            (chosen?.isNew ? `, and ${importancePath(to)}, with which the recipe in it can be repeated` : ''),
        );
    }
    await printReport(session, report, errors, chosen, flags);
  } finally {
    await source.close();
  }
}

/** How types are chosen. */
type Way =
  | { readonly kind: 'mix'; readonly mix: string }
  | { readonly kind: 'budget' }
  | { readonly kind: 'recipe'; readonly path: string };

function wayOf({ type, budget, decodeBudget, recipe }: QuantizeFlags): Way {
  const isBudget = budget !== undefined || decodeBudget !== undefined;
  const ways: Way[] = [
    ...(type === undefined ? [] : [{ kind: 'mix' as const, mix: mixByName(type) }]),
    ...(isBudget ? [{ kind: 'budget' as const }] : []),
    ...(recipe === undefined ? [] : [{ kind: 'recipe' as const, path: recipe }]),
  ];
  if (ways.length === 1) return ways[0];
  throw new UsageError(
    ways.length === 0
      ? 'Cannot quantise without knowing how far'
      : 'Cannot choose types in more than one way: --type, --budget and --recipe exclude each other',
    {
      code: 'one-way',
      hint: 'give a named mix with --type, a size with --budget and --calibration, or a recipe with --recipe',
    },
  );
}

/** Options that the way of choosing types has no use for: whoever gives one expects an effect. */
function refuseIgnored(way: Way, flags: QuantizeFlags): void {
  const of: Record<Way['kind'], string> = { mix: '--type', budget: '--budget', recipe: '--recipe' };
  const given = [
    ...(way.kind !== 'budget' && flags.calibration ? ['--calibration'] : []),
    ...(way.kind !== 'mix' && flags.pure ? ['--pure'] : []),
    ...(way.kind === 'recipe' && flags.tensorType ? ['--tensor-type'] : []),
    ...(way.kind === 'recipe' && flags.outputType !== undefined ? ['--output-type'] : []),
    ...(way.kind === 'recipe' && flags.embeddingType !== undefined ? ['--embedding-type'] : []),
  ];
  if (given.length === 0) return;
  throw new UsageError(
    `Cannot use ${given.join(' and ')} with ${of[way.kind]}, which says all types itself`,
    {
      code: 'one-way',
      hint: `leave out ${given.join(' and ')}: --calibration is for --budget, --pure for --type, and a recipe fixes every tensor`,
    },
  );
}

/** Refuses what would destroy something or could not be written, before hours of work. */
async function checkOutputs(input: string, to: string, way: Way, flags: QuantizeFlags): Promise<void> {
  await access(dirname(resolve(to)), constants.W_OK).catch((error: unknown) => {
    throw fileError(error, `Cannot write ${to}`);
  });
  await checkOutput('quantise', input, to, flags.force ?? false);
  if (way.kind !== 'budget' || flags.imatrix) return;
  const matrix = importancePath(to);
  for (const path of flags.calibration ?? []) await checkOutput('overwrite', path, matrix, true);
  // An interrupted run has written its importance matrix, and continues.
  await checkOutput('overwrite', input, matrix, (flags.force ?? false) || (await isBegun(to)));
}

/** The names of several files are known only when all sizes are; the input may have the same. */
async function checkShards({ source, to }: Work, names: readonly string[], force: boolean): Promise<void> {
  const inputs = new Set(source.weights.flatMap(({ runs }) => runs.map((run) => run.source.name)));
  const isAllowed = force || (await isBegun(to));
  for (const name of names)
    if (name !== to) for (const input of inputs) await checkOutput('quantise', input, name, isAllowed);
}

/** Whether an interrupted run left a file, or one of several, to continue with. */
async function isBegun(to: string): Promise<boolean> {
  const stem = basename(to).replace(/\.gguf$/i, '');
  const names = await readdir(dirname(resolve(to))).catch(() => []);
  return names.some((name) => name.startsWith(stem) && name.endsWith('.partial'));
}

/** What the file says of its types as a whole: nothing where they have no name. */
function mixOf(way: Way): string | undefined {
  return way.kind === 'mix' ? way.mix : undefined;
}

function planMix(
  source: ConvertSource,
  before: readonly TargetTensor[],
  importance: ImportanceMatrix | undefined,
  flags: QuantizeFlags,
  mix = 'f32',
): PlannedTensor[] {
  const { config } = source;
  const rules = (flags.tensorType ?? []).map(({ pattern, type }) => ({
    pattern,
    type: tensorTypeByName(type),
  }));
  return planTypes(
    before,
    { architecture: config.architecture, numLayers: config.numLayers },
    {
      mix,
      isPure: flags.pure ?? false,
      rules,
      ...(flags.outputType !== undefined && { outputType: tensorTypeByName(flags.outputType) }),
      ...(flags.embeddingType !== undefined && { embeddingType: tensorTypeByName(flags.embeddingType) }),
      hasImportance: importance !== undefined,
      fallbacks: flags.fallbacks,
    },
  ) as PlannedTensor[];
}

/** `model.gguf` -> `model.imatrix.gguf`. */
function importancePath(to: string): string {
  return to.replace(/\.gguf$/i, '.imatrix.gguf');
}

interface Work {
  readonly source: ConvertSource;
  readonly input: string;
  readonly to: string;
  readonly mix: string | undefined;
  readonly chosen: ChosenTypes | undefined;
  readonly planned: readonly PlannedTensor[];
  readonly importance: ImportanceMatrix | undefined;
  readonly errors: Map<string, ErrorSums>;
}

async function write(session: Session, work: Work, flags: QuantizeFlags): ReturnType<typeof writeGgufModel> {
  const { source, to, mix, chosen, planned, importance, errors } = work;
  const identity = await identityOf(work, flags);
  const progress = session.progress('quantising', 'bytes', flags);
  const encoder = await chooseEncoder(session, flags);
  const sources = [...new Set(source.weights.map(({ runs: [run] }) => run.source))];
  try {
    return await writeGgufModel(
      source,
      to,
      {
        types: typesOfPlan(planned, mix),
        metadata: chosen
          ? recipeKeys(chosen)
          : importance
            ? importanceKeys(importance, flags.imatrix ?? [])
            : [],
        importance: (tensor) => importance && importanceOf(importance, tensor)?.rows,
        encoder: (tensor) => measuredEncoder(encoder, (sums) => errors.set(tensor.name, sums)),
      },
      {
        signal: session.signal,
        createSink: (path, sizeBytes) => createFileSink(path, sizeBytes, identity),
        onFiles: (names) => checkShards(work, names, flags.force ?? false),
        onProgress: ({ doneBytes, sizeBytes, tensor }) => progress.update(doneBytes, sizeBytes, tensor),
        maxShardBytes: flags.splitSize,
        ...(flags.keepSplit && {
          shardOf: ({ weight }: TargetTensor) => sources.indexOf(weight.runs[0].source),
        }),
      },
    );
  } finally {
    progress.clear();
  }
}

/** All that the bytes of the output follow from: where it is the same, an interrupted run continues. */
async function identityOf(
  { source, input, planned, mix, chosen }: Work,
  { imatrix = [], splitSize, keepSplit }: QuantizeFlags,
): Promise<string> {
  const paths = new Set(source.weights.flatMap(({ runs }) => runs.map((run) => run.source.name)));
  const files = await Promise.all(
    [...paths].map(async (path) => {
      const found = await stat(path).catch(() => undefined);
      return [path, found?.size, found?.mtimeMs];
    }),
  );
  const matrices = await Promise.all(
    imatrix.map(async (path) =>
      createHash('sha256')
        .update(await readFile(path))
        .digest('hex'),
    ),
  );
  const types = planned.map(({ name, type }) => [name, type.name]);
  return JSON.stringify({
    ...{ input, files, mix, types, matrices, splitSize, keepSplit },
    ...(chosen && { recipe: chosen.recipe }),
  });
}

/** What llama.cpp writes too. */
function importanceKeys(
  { datasets, entries, numChunks }: ImportanceMatrix,
  files: readonly string[],
): [string, GgufValue][] {
  return [
    // Without folders: where a matrix lies on one machine is nobody's business, and would change the file's hash.
    ['quantize.imatrix.file', { type: 'string', value: files.map((path) => basename(path)).join(' ') }],
    ['quantize.imatrix.dataset', { type: 'string', value: datasets.join(' ') }],
    ['quantize.imatrix.entries_count', { type: 'u32', value: entries.size }],
    ['quantize.imatrix.chunks_count', { type: 'u32', value: numChunks }],
  ];
}

/** Quantising what is quantised already adds one error to another. */
function checkSource(
  before: readonly TargetTensor[],
  planned: readonly PlannedTensor[] | undefined,
  isAllowed: boolean,
  warn: (message: string) => void,
): void {
  const lossy = before.filter(({ type }, i) => !type.isFloat && type !== planned?.[i].type);
  if (lossy.length === 0) return;
  const types = [...new Set(lossy.map(({ type }) => type.name))].join(', ');
  const found = `${formatCount(lossy.length)} tensors of the input are quantised already (${types})`;
  if (!isAllowed) {
    throw new UsageError(`Cannot quantise: ${found}`, {
      code: 'already-quantised',
      hint: 'use the f32, f16 or bf16 model, or --requantize if there is none: errors then add up',
    });
  }
  warn(`${found}: their errors remain, and those of the new types are added`);
}

function checkImportance(
  matrix: ImportanceMatrix,
  planned: readonly PlannedTensor[],
  warn: (message: string) => void,
): void {
  const quantised = planned.filter(({ type }) => !type.isFloat);
  const missing = quantised.filter((tensor) => importanceOf(matrix, tensor) === undefined);
  if (missing.length === quantised.length && missing.length > 0) {
    throw new UsageError(
      `The importance matrix ${matrix.origin} has none of the tensors that are quantised`,
      {
        code: 'other-model',
        hint: 'it is of another model; make one with `dots imatrix`',
      },
    );
  }
  // The matrices of most tools leave out the two tables.
  const others = missing.filter(({ name }) => name !== 'output.weight' && name !== 'token_embd.weight');
  if (others.length > 0)
    warn(
      `the importance matrix lacks ${formatCount(others.length)} tensors, whose columns count the same: ${others[0].name}` +
        (others.length > 1 ? ', …' : ''),
    );
}

function refuseWithoutImportance(planned: readonly PlannedTensor[], mix = ''): void {
  const [first, ...others] = needImportance(planned, mix);
  if (first === undefined) return;
  const more = others.length > 0 ? ` and ${formatCount(others.length)} more` : '';
  throw new UsageError(`Cannot quantise ${first}${more} this far without an importance matrix`, {
    code: 'needs-importance',
    hint: 'make one with `dots imatrix IN imatrix.gguf --file TEXT…`, and give it with --imatrix',
  });
}

interface ReportRow {
  readonly name: string;
  readonly from: string;
  readonly to: string;
  readonly insteadOf: string | undefined;
  readonly columns: number;
  readonly elements: number;
  readonly bytes: number;
}

function rowOf({ name, shape, type, insteadOf }: PlannedTensor, before: TargetTensor): ReportRow {
  const elements = shape.reduce((a, b) => a * b, 1);
  const columns = shape[shape.length - 1];
  const bytes = storageBytes(type, elements);
  return { name, from: before.type.name, to: type.name, insteadOf, columns, elements, bytes };
}

async function printReport(
  session: Session,
  rows: readonly ReportRow[],
  errors: ReadonlyMap<string, ErrorSums>,
  chosen: ChosenTypes | undefined,
  { json, dryRun }: QuantizeFlags,
): Promise<void> {
  const bytes = rows.reduce((sum, row) => sum + row.bytes, 0);
  const elements = rows.reduce((sum, row) => sum + row.elements, 0);
  const bitsPerWeight = (8 * bytes) / elements;
  if (json) {
    const tensors = rows.map(({ name, from, to, insteadOf, bytes: size }) => {
      const sums = errors.get(name);
      return {
        name,
        from,
        to,
        ...(insteadOf !== undefined && { insteadOf }),
        bytes: size,
        ...(sums && { error: relativeError(sums) }),
        ...(chosen?.found && { share: chosen.found.shares.get(name) ?? 0 }),
      };
    });
    await session.json({ tensors, bytes, bitsPerWeight, ...(chosen && { recipe: chosen.recipe }) });
    return;
  }
  const shares = chosen?.found?.shares;
  if (dryRun || shares) {
    const lines = rows.map(({ name, from, to, insteadOf, columns, bytes: size }) => [
      name,
      from,
      to,
      formatBytes(size),
      shares?.has(name)
        ? `${(100 * (shares.get(name) as number)).toFixed(1)} %`
        : insteadOf === undefined
          ? ''
          : `not ${insteadOf}: rows of ${columns}`,
    ]);
    const last = shares ? 'share' : '';
    for (const line of table([['tensor', 'from', 'to', 'size', last], ...lines], shares ? 'lllrr' : 'lllrl'))
      await session.line(line);
  }
  const byType = new Map<string, { count: number; bytes: number; sums: ErrorSums[] }>();
  for (const { name, to, bytes: size } of rows) {
    const known = byType.get(to) ?? { count: 0, bytes: 0, sums: [] };
    const sums = errors.get(name);
    byType.set(to, {
      count: known.count + 1,
      bytes: known.bytes + size,
      sums: sums ? [...known.sums, sums] : known.sums,
    });
  }
  const lines = [...byType].map(([type, { count, bytes: size, sums }]) => [
    type,
    formatCount(count),
    formatBytes(size),
    sums.length > 0 ? `${(100 * relativeError(...sums)).toFixed(2)} %` : '',
  ]);
  const head = ['type', 'tensors', 'size', dryRun ? '' : 'error'];
  for (const line of table([head, ...lines], 'lrrr')) await session.line(line);
  await session.line(`${formatBytes(bytes)}, ${bitsPerWeight.toFixed(3)} bits per weight`);
  if (chosen) for (const line of measuredLines(chosen)) await session.line(line);
}

/** What is known of a recipe, in nats for each token. */
function measuredLines({ recipe: { kl }, found }: ChosenTypes): string[] {
  if (!kl) return ['no divergence was measured: compare the file with `dots compare`'];
  const nats = (value: number | undefined): string => value?.toPrecision(3) ?? '–';
  return [
    `KL divergence: ${nats(kl.predicted)} predicted, ${nats(kl.measured)} measured on the text of the search`,
    `on other text: ${nats(kl.guard)}` +
      (kl.mix ? `; ${kl.mix.name}, the best mix of at most this size: ${nats(kl.mix.kl)}` : ''),
    ...(found?.mix === undefined
      ? []
      : [`no recipe was better than ${found.mix}, so the file has its types`]),
  ];
}
