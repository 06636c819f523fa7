/**
 * What a search for storage types gains: KL divergence of named mixes and of recipes of their sizes, on text that neither the
 * importance matrix nor the search has seen; and what the search takes, next to measuring each type of each tensor.
 *
 *   node bench/recipe.ts --model NAME --gguf F32.gguf --calibration A.jsonl B.jsonl --held-out C.jsonl D.jsonl
 *     [--mixes q2_k,q4_k_m,…] [--sizes 2.5,3,…] [--tensors TYPE] [--texts 80] [--eval-texts 48]
 *
 * Texts are lines of JSON with a field `text`; pieces of 128 tokens, languages in turn. All use the same importance matrix.
 * Weights are what a file holds, activations f32. `--sizes` are bits per weight of the matrices. `--tensors` quantises one tensor
 * after the other to a type, and compares what that does with its prediction, on the texts of the search.
 * Rows are appended to results/recipe.csv.
 *
 * From the root of the repository. Node >= 22.18 runs this file as it is; for older ones bundle it first:
 *   npx rolldown bench/recipe.ts --platform node --format esm -o native/build/recipe.mjs
 */
import { appendFileSync, existsSync, readFileSync } from 'node:fs';
import { cpus } from 'node:os';
import { parseArgs } from 'node:util';
import { openNativeBackend } from '../src/backend/native/native-backend.ts';
import { openNativeEncoder } from '../src/backend/native/row-encoder.ts';
import { type StorageType, storageTypeByName } from '../src/dtype/index.ts';
import { openModelFiles } from '../src/engine/model-files.ts';
import { bindWeights } from '../src/model/bind-weights.ts';
import { batchesOf, collectImportance } from '../src/quantize/collect-importance.ts';
import { STOCK_MIXES, stockTypes } from '../src/quantize/stock-mixes.ts';
import { DivergenceMeter, meanOf } from '../src/recipe/measure-divergence.ts';
import { DivergenceObjective } from '../src/recipe/predicted-divergence.ts';
import { ResidentModel } from '../src/recipe/resident-model.ts';
import { prepareSearch, searchRecipe, sizeOf, type Types } from '../src/recipe/search-recipe.ts';
import { CANDIDATE_TYPES, tensorEncoder } from '../src/recipe/type-costs.ts';

const HEADER =
  'date,machine,version,model,what,name,bitsPerWeight,kl,gradients,predicted,measured,seconds,candidates,candidateSeconds';
const TEXT_TOKENS = 128;

const { values: flags } = parseArgs({
  options: {
    model: { type: 'string' },
    gguf: { type: 'string' },
    calibration: { type: 'string', multiple: true },
    'held-out': { type: 'string', multiple: true },
    mixes: {
      type: 'string',
      default: STOCK_MIXES.filter((name) => !/^(?:tq|q1|nvfp4)/.test(name)).join(','),
    },
    sizes: { type: 'string', default: '' },
    tensors: { type: 'string' },
    texts: { type: 'string', default: '80' },
    'eval-texts': { type: 'string', default: '48' },
    out: { type: 'string', default: 'bench/results/recipe.csv' },
  },
});
const { model: modelName, gguf, calibration, 'held-out': heldOut } = flags;
if (!modelName || !gguf || !calibration || !heldOut)
  throw new Error('give --model, --gguf, --calibration and --held-out');

const files = await openModelFiles(gguf);
const { weights } = bindWeights(files.config, files.tensors, files.format, files.origin);
const native = openNativeBackend({});
const encoders = openNativeEncoder({});
if (!native.backend || !encoders.encoder) throw new Error('build the native backend first');
const { backend } = native;

/** Pieces of the files in turn, the first of each document before the second of any. */
function pieces(paths: readonly string[], count: number): Int32Array[] {
  const lists = paths.map((path) => {
    const documents = readFileSync(path, 'utf8')
      .split('\n')
      .filter((line) => line !== '')
      .slice(0, 2 * count)
      .map((line) => files.tokenizer?.encodePrompt((JSON.parse(line) as { text: string }).text) ?? []);
    const found: Int32Array[] = [];
    for (let at = 0; found.length < count && at < 100 * TEXT_TOKENS; at += TEXT_TOKENS)
      for (const tokens of documents)
        if (tokens.length >= at + TEXT_TOKENS)
          found.push(Int32Array.from(tokens.slice(at, at + TEXT_TOKENS)));
    return found;
  });
  const share = Math.ceil(count / lists.length);
  return Array.from({ length: share }, (_, i) => lists.flatMap((list) => (list[i] ? [list[i]] : [])))
    .flat()
    .slice(0, count);
}

const { version } = JSON.parse(readFileSync('package.json', 'utf8')) as { version: string };
if (!existsSync(flags.out)) appendFileSync(flags.out, `${HEADER}\n`);
function record(fields: Readonly<Record<string, string | number | undefined>>): void {
  const base = {
    date: new Date().toISOString().slice(0, 10),
    machine: cpus()[0].model.trim(),
    version,
    model: modelName,
  };
  const all: Readonly<Record<string, string | number | undefined>> = { ...base, ...fields };
  const row = HEADER.split(',').map((key) => {
    const value = all[key];
    return typeof value === 'number' ? Number(value.toPrecision(5)) : (value ?? '');
  });
  console.log(row.slice(4).join(','));
  appendFileSync(flags.out, `${row.join(',')}\n`);
}

const count = Number(flags.texts);
const all = pieces(calibration, 4 * count);
const isGuard = (i: number): boolean => i % 5 === 4;
const search = all.slice(0, count).filter((_, i) => !isGuard(i));
const guard = all.slice(0, count).filter((_, i) => isGuard(i));
const entries = await collectImportance(
  { config: files.config, weights },
  backend,
  batchesOf(all.filter((_, i) => i >= count || !isGuard(i)).map((tokens) => [...tokens])),
);
const importance = {
  origin: 'bench',
  datasets: [],
  numChunks: all.length,
  chunkTokens: TEXT_TOKENS,
  entries,
};
const resident = await ResidentModel.open(backend, files.config, weights);
const encoder = tensorEncoder(encoders.encoder, importance);
const seconds = new Map<string, number>();
let phase = 'gradients';
let since = performance.now();
function enter(next: string): void {
  const now = performance.now();
  seconds.set(phase, (seconds.get(phase) ?? 0) + (now - since) / 1000);
  [phase, since] = [next, now];
}
const prepared = await prepareSearch(
  resident,
  { search, guard },
  { encoder, importance, typesFor: () => CANDIDATE_TYPES },
  { onProgress: (next) => enter(next) },
);
enter('done');
for (const [name, value] of seconds) record({ what: 'seconds', name, seconds: value });
const held = await DivergenceMeter.open(resident, pieces(heldOut, Number(flags['eval-texts'])));
const { tensors } = prepared;
const elements = tensors.reduce((sum, { shape }) => sum + shape.reduce((a, b) => a * b, 1), 0);
const bits = (bytes: number): number => (8 * bytes) / elements;

async function divergence(types: Types): Promise<number> {
  await prepared.weights.apply(types);
  const kl = meanOf(await held.measure());
  await prepared.weights.apply(new Map());
  return kl;
}

const mixes = STOCK_MIXES.map((name) => {
  const stock = stockTypes(name, tensors, files.config, { hasImportance: true, fallbacks: '2026' });
  const types = new Map<string, StorageType>();
  for (const [tensor, { type }] of stock) types.set(tensor, storageTypeByName(type));
  return { name, types, bytes: sizeOf(tensors, types).bytes };
});
const asked = mixes.filter(({ name }) => flags.mixes.split(',').includes(name));
const budgets: { name: string; bytes: number }[] = flags.sizes
  .split(',')
  .filter((size) => size !== '')
  .map((size) => ({ name: size, bytes: Math.floor((Number(size) * elements) / 8) }));
for (const { name, bytes } of budgets) {
  const budget = { bytes, readBytes: Number.POSITIVE_INFINITY };
  const start = performance.now();
  const ours = await searchRecipe(prepared, budget, []);
  const elapsed = (performance.now() - start) / 1000;
  const { gradients, predicted, measured } = ours.kl;
  const row = { bitsPerWeight: bits(ours.bytes), kl: await divergence(ours.types), seconds: elapsed };
  record({ what: 'recipe', name, ...row, gradients, predicted, measured });
  const plain = await searchRecipe(prepared, budget, [], { objective: 'weight-error' });
  const kl = await divergence(plain.types);
  record({ what: 'weight-error', name, bitsPerWeight: bits(plain.bytes), kl });
}
for (const { name, types, bytes } of asked)
  record({ what: 'mix', name, bitsPerWeight: bits(bytes), kl: await divergence(types) });
if (flags.tensors !== undefined) {
  const type = storageTypeByName(flags.tensors);
  const objective = new DivergenceObjective(prepared.rerouting);
  for (const { name, choices } of tensors) {
    const choice = choices.find((one) => one.type === type);
    if (!choice) continue;
    await prepared.weights.apply(new Map([[name, type]]));
    const kl = meanOf(await prepared.search.measure());
    await prepared.weights.apply(new Map());
    const { likelihood, rerouting } = objective.parts(choice);
    record({ what: 'tensor', name, kl, gradients: likelihood, predicted: likelihood + rerouting });
  }
}
// One measurement of one candidate, as a search without gradients would make for each type of each tensor.
const start = performance.now();
await prepared.search.measure();
const candidates = tensors.reduce((sum, { choices }) => sum + choices.length, 0);
record({
  ...{ what: 'direct', name: 'each tensor and type', candidates },
  candidateSeconds: (performance.now() - start) / 1000,
});
await resident.close();
await files.close();
