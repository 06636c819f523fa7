/** The part of `dots quantize` that chooses types by a budget, or takes them from a recipe. */
import { createHash } from 'node:crypto';
import type { ConvertSource } from '../convert/convert-source.ts';
import { overheadBytes, RECIPE_KEY } from '../convert/write-gguf.ts';
import { UsageError } from '../core/errors.ts';
import { formatBytes, formatCount } from '../core/units.ts';
import { type StorageType, storageBytes, storageTypeByName } from '../dtype/index.ts';
import { availableMemory } from '../engine/memory-check.ts';
import { type ModelFiles, openModelFiles } from '../engine/model-files.ts';
import { chooseBackend } from '../engine/open.ts';
import { openGguf } from '../format/gguf-shards.ts';
import { findString } from '../format/gguf-values.ts';
import { bindWeights } from '../model/bind-weights.ts';
import { batchesOf, collectImportance } from '../quantize/collect-importance.ts';
import type { ImportanceMatrix } from '../quantize/importance-matrix.ts';
import { isQuantised, type NamedShape, STOCK_MIXES, stockTypes } from '../quantize/stock-mixes.ts';
import { tensorTypeByName } from '../quantize/type-plan.ts';
import { parseRecipe, type Recipe, recipeText, typesOfRecipe } from '../recipe/recipe.ts';
import { BYTES_PER_WEIGHT, ResidentModel } from '../recipe/resident-model.ts';
import {
  type CalibrationTexts,
  type FoundRecipe,
  type NamedMix,
  type Phase,
  prepareSearch,
  searchRecipe,
  type Types,
} from '../recipe/search-recipe.ts';
import type { Budget } from '../recipe/solve-types.ts';
import { CANDIDATE_TYPES, tensorEncoder } from '../recipe/type-costs.ts';
import { weightErrorRecipe } from '../recipe/weight-error-recipe.ts';
import { chooseEncoder } from './choose-encoder.ts';
import { requireTokenizer } from './open-model.ts';
import { openOptions } from './options.ts';
import { packageVersion } from './package-version.ts';
import type { QuantizeFlags } from './quantize-flags.ts';
import { readDocuments } from './read-documents.ts';
import { readText } from './read-text.ts';
import type { Session } from './session.ts';

/** Without divergences where none were measured. */
type SearchResult = Pick<FoundRecipe, 'types' | 'shares'> & Partial<FoundRecipe>;

/** What was chosen, and how. */
export interface ChosenTypes {
  readonly types: Types;
  readonly recipe: Recipe;
  readonly importance: ImportanceMatrix;
  /** Whether `importance` was made here and is not in a file yet. */
  readonly isNew: boolean;
  readonly found?: SearchResult;
}

const TEXT_TOKENS = 128;
/** Texts of which each fifth is kept from the search. */
const LEAST_TEXTS = 10;
const GUARD_EVERY = 5;
/** An importance matrix is cheaper than gradients, and experts need many tokens. */
const IMPORTANCE_TEXTS = 4;

/** Searches types for `--budget` and `--decode-budget`. */
export async function searchTypes(
  session: Session,
  input: string,
  source: ConvertSource,
  given: ImportanceMatrix | undefined,
  flags: QuantizeFlags,
): Promise<ChosenTypes> {
  if (!flags.calibration) {
    throw new UsageError('Cannot search types without text', {
      code: 'no-text',
      hint: 'give some with --calibration: like what the model will be used for, 50,000 tokens or more',
    });
  }
  const tensors = source.weights.map(({ spec: { gguf, shape } }) => ({ name: gguf, shape }));
  const budget = budgetOf(source, tensors, flags);
  const typesFor = typeChoices(tensors, flags);
  const documents = await readDocuments(session, { file: flags.calibration, field: flags.field });
  const files = await openModelFiles(input);
  try {
    const tokenizer = requireTokenizer(files, 'types are searched with text');
    const texts = textsOf(
      documents.map(({ text }) => tokenizer.encodePrompt(text)),
      flags.texts,
    );
    const importance = given ?? (await importanceFrom(session, files, texts.importance, flags));
    const hash = createHash('sha256');
    for (const { text } of documents) hash.update(text).update('\0');
    const objective = await possibleObjective(session, tensors, flags);
    const found =
      objective === 'kl'
        ? await searchByDivergence(session, files, { texts, importance, budget, typesFor, tensors }, flags)
        : await searchByWeightError(session, source, { importance, budget, typesFor }, flags);
    const kl = found.kl && {
      ...found.kl,
      guard: found.guard?.kl as number,
      ...(found.guard?.mix && { mix: found.guard.mix }),
    };
    const recipe: Recipe = {
      format: 1,
      version: packageVersion(),
      objective,
      budget: {
        ...(flags.budget && { bytes: budget.bytes }),
        ...(flags.decodeBudget !== undefined && { readBytes: budget.readBytes }),
      },
      model: await hashOfModel(session, source),
      calibration: hash.digest('hex'),
      importance: importanceHash(importance),
      ...(kl && { kl }),
      types: Object.fromEntries([...found.types].map(([name, type]) => [name, type.name])),
    };
    return { types: found.types, recipe, importance, isNew: given === undefined, found };
  } finally {
    await files.close();
  }
}

/** Takes the types of `--recipe`. */
export async function replayTypes(
  session: Session,
  source: ConvertSource,
  importance: ImportanceMatrix | undefined,
  path: string,
): Promise<ChosenTypes> {
  const recipe = parseRecipe(await recipeIn(session, path), path);
  const tensors = source.weights.map(({ spec: { gguf, shape } }) => ({ name: gguf, shape }));
  const types = typesOfRecipe(recipe, tensors, path);
  if (!importance) {
    throw new UsageError('Cannot repeat a recipe without the importance matrix that it was made with', {
      code: 'needs-importance',
      hint: 'give it with --imatrix: `dots quantize --budget` wrote it next to its output, as OUT.imatrix.gguf',
    });
  }
  const hash = importanceHash(importance);
  if (hash !== recipe.importance)
    session.warn(
      `${importance.origin} is not the importance matrix of the recipe: the file will differ from the one it made`,
    );
  if ((await hashOfModel(session, source)) !== recipe.model)
    session.warn(`${source.origin} is not the model of the recipe: what was measured is not true of it`);
  return { types, recipe, importance, isNew: false };
}

async function recipeIn(session: Session, path: string): Promise<string> {
  if (!path.toLowerCase().endsWith('.gguf')) return await readText(session, path);
  const file = await openGguf(path);
  try {
    const text = findString(file.metadata, RECIPE_KEY);
    if (text !== undefined) return text;
  } finally {
    await file.close();
  }
  throw new UsageError(`Cannot use the recipe of ${path}: the file has none`, {
    code: 'no-recipe',
    hint: 'files that `dots quantize --budget` wrote have one',
  });
}

/** Bytes for tensors that may be quantised: what is said, less all that the file holds besides. */
function budgetOf(source: ConvertSource, tensors: readonly NamedShape[], flags: QuantizeFlags): Budget {
  const elements = (list: readonly NamedShape[]): number =>
    list.reduce((sum, { shape }) => sum + shape.reduce((a, b) => a * b, 1), 0);
  const fixed = 4 * elements(tensors.filter((tensor) => !isQuantised(tensor)));
  const { budget, decodeBudget } = flags;
  const readBytes = decodeBudget === undefined ? Number.POSITIVE_INFINITY : decodeBudget - fixed;
  // The longest name of a type, and what is measured.
  const types = Object.fromEntries(tensors.map(({ name }) => [name, 'iq3_xxs']));
  const text = JSON.stringify({ types }) + ' '.repeat(1024);
  const overhead = overheadBytes(source, {
    types: { of: () => storageTypeByName('f32') },
    metadata: [[RECIPE_KEY, { type: 'string', value: text }]],
  });
  const besides = { bytes: fixed + overhead, readBytes: fixed };
  if (!budget) return { bytes: Number.POSITIVE_INFINITY, readBytes, besides };
  if ('bytes' in budget) return { bytes: budget.bytes - besides.bytes, readBytes, besides };
  const bytes = Math.floor((budget.bitsPerWeight * elements(tensors)) / 8) - fixed;
  return { bytes, readBytes, besides };
}

/** Types that a tensor may have: what the user says of it, or all. */
function typeChoices(
  tensors: readonly NamedShape[],
  { tensorType = [], outputType, embeddingType }: QuantizeFlags,
): (tensor: NamedShape) => readonly string[] {
  for (const { pattern } of tensorType) {
    if (tensors.some((tensor) => isQuantised(tensor) && pattern.test(tensor.name))) continue;
    throw new UsageError(`No tensor that can be quantised has a name like ${pattern.source}`, {
      code: 'unused-rule',
      hint: 'see the names with `dots info MODEL --tensors`; norms, routers and vectors stay f32',
    });
  }
  return ({ name, shape }) => {
    const said =
      name === 'output.weight' && outputType !== undefined
        ? outputType
        : name === 'token_embd.weight' && embeddingType !== undefined
          ? embeddingType
          : tensorType.find(({ pattern }) => pattern.test(name))?.type;
    if (said === undefined) return CANDIDATE_TYPES;
    const type = storageTypeByName(tensorTypeByName(said));
    const columns = shape[shape.length - 1];
    if (columns % type.blockElements === 0) return [type.name];
    throw new UsageError(
      `Cannot store ${name} as ${type.name}: its rows have ${formatCount(columns)} values, and blocks hold ${type.blockElements}`,
      { code: 'partial-block', hint: 'choose a type with smaller blocks, such as q8_0, q5_0 or iq4_nl' },
    );
  };
}

interface Texts extends CalibrationTexts {
  readonly importance: readonly (readonly number[])[];
}

/** Whole pieces of `TEXT_TOKENS`, one of each document before the second of any. */
function textsOf(documents: readonly (readonly number[])[], most: number): Texts {
  const pieces: number[][] = [];
  const limit = most * IMPORTANCE_TEXTS;
  for (let at = 0; pieces.length < limit; at += TEXT_TOKENS) {
    const long = documents.filter(({ length }) => length >= at + TEXT_TOKENS);
    if (long.length === 0) break;
    for (const tokens of long) pieces.push(tokens.slice(at, at + TEXT_TOKENS));
  }
  const chosen = pieces.slice(0, most);
  if (chosen.length < LEAST_TEXTS) {
    throw new UsageError(
      `Cannot search types with ${formatCount(chosen.length)} pieces of ${TEXT_TOKENS} tokens: it takes ${LEAST_TEXTS} or more`,
      {
        code: 'too-little-text',
        hint:
          chosen.length === most
            ? `give at least ${LEAST_TEXTS} with --texts`
            : 'give more text with --calibration: 50,000 tokens are good',
      },
    );
  }
  const isGuard = (i: number): boolean => i % GUARD_EVERY === GUARD_EVERY - 1;
  return {
    search: chosen.filter((_, i) => !isGuard(i)).map((tokens) => Int32Array.from(tokens)),
    guard: chosen.filter((_, i) => isGuard(i)).map((tokens) => Int32Array.from(tokens)),
    importance: pieces.slice(0, limit).filter((_, i) => i >= most || !isGuard(i)),
  };
}

async function importanceFrom(
  session: Session,
  { config, tensors, format, origin }: ModelFiles,
  chunks: readonly (readonly number[])[],
  flags: QuantizeFlags,
): Promise<ImportanceMatrix> {
  const { weights } = bindWeights(config, tensors, format, origin);
  const backend = await chooseBackend(openOptions(flags, session));
  const progress = session.progress('importance', 'tokens', flags);
  try {
    const entries = await collectImportance({ config, weights }, backend, batchesOf(chunks), {
      signal: session.signal,
      onProgress: (segment, done, total) => progress.update(done, total, segment),
    });
    return {
      origin: 'calibration',
      datasets: ['calibration'],
      numChunks: chunks.length,
      chunkTokens: TEXT_TOKENS,
      entries,
    };
  } finally {
    progress.clear();
  }
}

/** Gradients need the model in memory as f32. */
async function possibleObjective(
  session: Session,
  tensors: readonly NamedShape[],
  { objective }: QuantizeFlags,
): Promise<'kl' | 'weight-error'> {
  if (objective === 'weight-error') return objective;
  const weights = tensors.reduce((sum, { shape }) => sum + shape.reduce((a, b) => a * b, 1), 0);
  const [needed, available] = [weights * BYTES_PER_WEIGHT, await availableMemory()];
  if (available === undefined || needed <= available) return objective;
  session.warn(
    `gradients need ${formatBytes(needed)} of memory (${BYTES_PER_WEIGHT} bytes a weight), and ${formatBytes(available)} are ` +
      'available: the search goes by errors of outputs instead (--objective weight-error), and measures no divergence',
  );
  return 'weight-error';
}

type Choices = (tensor: NamedShape) => readonly string[];

async function searchByDivergence(
  session: Session,
  files: ModelFiles,
  work: {
    readonly texts: CalibrationTexts;
    readonly importance: ImportanceMatrix;
    readonly budget: Budget;
    readonly typesFor: Choices;
    readonly tensors: readonly NamedShape[];
  },
  flags: QuantizeFlags,
): Promise<FoundRecipe> {
  const { texts, importance, budget, typesFor, tensors } = work;
  const { config } = files;
  const { weights } = bindWeights(config, files.tensors, files.format, files.origin);
  const backend = await chooseBackend(openOptions(flags, session));
  const encoder = tensorEncoder(await chooseEncoder(session, flags), importance);
  const phases = phaseProgress(session, flags);
  const model = await ResidentModel.open(backend, config, weights);
  try {
    const { signal } = session;
    const options = { signal, onProgress: phases.update };
    const prepared = await prepareSearch(model, texts, { encoder, importance, typesFor }, options);
    const isFree = !flags.tensorType && flags.outputType === undefined && flags.embeddingType === undefined;
    const mixes = isFree ? namedMixes(tensors, files, flags) : [];
    return await searchRecipe(prepared, budget, mixes, options);
  } finally {
    phases.clear();
    await model.close();
  }
}

async function searchByWeightError(
  session: Session,
  source: ConvertSource,
  work: { readonly importance: ImportanceMatrix; readonly budget: Budget; readonly typesFor: Choices },
  flags: QuantizeFlags,
): Promise<SearchResult> {
  const encoder = tensorEncoder(await chooseEncoder(session, flags), work.importance);
  const phases = phaseProgress(session, flags);
  try {
    const { signal } = session;
    return await weightErrorRecipe(source, { ...work, encoder, signal, onProgress: phases.update });
  } finally {
    phases.clear();
  }
}

/** All mixes that llama.cpp's quantiser has, as it would give them to this model. */
function namedMixes(
  tensors: readonly NamedShape[],
  { config }: ModelFiles,
  { fallbacks }: QuantizeFlags,
): NamedMix[] {
  return STOCK_MIXES.map((name) => {
    const stock = stockTypes(name, tensors, config, { hasImportance: true, fallbacks });
    const types = new Map<string, StorageType>();
    for (const [tensor, { type }] of stock) types.set(tensor, storageTypeByName(type));
    return { name, types };
  });
}

const UNITS = { gradients: 'texts', rerouting: 'runs', encoding: 'tensors', measuring: 'runs' } as const;

/** A bar for each phase in turn. */
function phaseProgress(session: Session, flags: QuantizeFlags) {
  let current: { phase: Phase; bar: ReturnType<Session['progress']> } | undefined;
  return {
    update: (phase: Phase, done: number, total: number): void => {
      if (current?.phase !== phase) {
        current?.bar.clear();
        current = { phase, bar: session.progress(phase, UNITS[phase], flags) };
      }
      current.bar.update(done, total);
    },
    clear: (): void => current?.bar.clear(),
  };
}

/** What a matrix says, whatever file it is in. */
function importanceHash({ entries }: ImportanceMatrix): string {
  const hash = createHash('sha256');
  const bytes = (values: Float32Array): Uint8Array =>
    new Uint8Array(values.buffer, values.byteOffset, values.byteLength);
  for (const [name, { sums, counts }] of [...entries].sort(([a], [b]) => (a < b ? -1 : 1)))
    hash.update(`${name}\0`).update(bytes(sums)).update(bytes(counts));
  return hash.digest('hex');
}

const PIECE_BYTES = 1 << 23;

/** Of the stored bytes of all weights, in the order of the forward pass. */
async function hashOfModel(session: Session, { weights }: ConvertSource): Promise<string> {
  const hash = createHash('sha256');
  const total = weights.reduce(
    (sum, { runs }) =>
      sum + runs.reduce((own, { type, numElements }) => own + storageBytes(type, numElements), 0),
    0,
  );
  const progress = session.progress('hashing', 'bytes', {});
  let done = 0;
  try {
    for (const { spec, runs } of weights) {
      hash.update(`${spec.gguf} ${spec.shape} ${runs[0].type.name}\0`);
      for (const { source, type, offset, numElements } of runs) {
        const size = storageBytes(type, numElements);
        for (let at = 0; at < size; at += PIECE_BYTES) {
          session.signal.throwIfAborted();
          const piece = await source.read(offset + at, Math.min(PIECE_BYTES, size - at));
          hash.update(piece);
          done += piece.length;
          progress.update(done, total);
        }
      }
    }
  } finally {
    progress.clear();
  }
  return hash.digest('hex');
}

/** The metadata of a file whose types were chosen here. */
export function recipeKeys({ recipe }: ChosenTypes): [string, { type: 'string'; value: string }][] {
  return [[RECIPE_KEY, { type: 'string', value: recipeText(recipe) }]];
}
