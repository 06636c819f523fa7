/** Which models a listing of files holds, and which of them a name means. For files on the hub and in the cache. */
import { FormatError, UnsupportedError, UsageError } from '../core/errors.ts';
import { formatBytes, formatCount } from '../core/units.ts';
import { formatHubName, type HubName } from './name.ts';
import { closest } from './spelling.ts';

export interface ListedFile {
  /** Below the folder of the repository, with `/`. */
  readonly path: string;
  readonly sizeBytes: number;
}

/** Files that are of use together only: a GGUF file, a set of shards, or a folder of safetensors. */
export interface ListedModel<F extends ListedFile = ListedFile> {
  /** What `:QUANT` calls it: `Q4_K_M`; `safetensors` for a folder. */
  readonly label: string;
  readonly format: 'gguf' | 'hf';
  /** Path of the GGUF file or of its first shard; empty for the folder itself. */
  readonly entry: string;
  readonly files: readonly F[];
  readonly sizeBytes: number;
  /** Shards that its names promise and the listing lacks. */
  readonly missing: readonly string[];
}

export const FOLDER_LABEL = 'safetensors';

const SHARD = /^(.*)-(\d{5})-of-(\d{5})\.gguf$/is;
const QUANT =
  /(?:^|[-_.])((?:UD-)?(?:I?Q\d+(?:_[A-Z0-9]+)*|TQ\d_\d|BF16|F16|F32|FP16|FP32|MXFP4(?:_MOE)?|NVFP4))$/i;
// They lie next to models and are none.
const COMPANION = /(?:^|\/)(?:mmproj|imatrix)[^/]*\.gguf$|[-_.]imatrix\.gguf$/i;
const WEIGHTS = /^[^/]+\.safetensors$/i;
const SMALL_FILES = /^[^/]+\.(?:json|jinja|model)$|^(?:merges\.txt|vocab\.txt|README\.md|LICENSE)$/i;

/** All models of a listing, the largest first. */
export function listModels<F extends ListedFile>(files: readonly F[]): ListedModel<F>[] {
  const folder = listFolder(files);
  const sets = new Map<string, F[]>();
  for (const file of files) {
    if (!/\.gguf$/i.test(file.path) || COMPANION.test(file.path)) continue;
    const [, prefix, , count] = SHARD.exec(file.path) ?? [];
    const key = prefix === undefined ? file.path : `${prefix}-of-${count}`;
    sets.set(key, [...(sets.get(key) ?? []), file]);
  }
  const models = [...sets.values()].map((set) => ggufModel(set));
  return [...models, ...(folder ? [folder] : [])].sort(
    (a, b) => b.sizeBytes - a.sizeBytes || (a.entry < b.entry ? -1 : 1),
  );
}

function ggufModel<F extends ListedFile>(unsorted: readonly F[]): ListedModel<F> {
  const files = [...unsorted].sort((a, b) => (a.path < b.path ? -1 : 1));
  const [, prefix, , count] = SHARD.exec(files[0].path) ?? [];
  const present = new Set(files.map(({ path }) => path));
  // A count of 99,999 in one name is not a reason to list as many files.
  const total = prefix === undefined ? 1 : Math.min(Number(count), 10_000);
  const names =
    prefix === undefined
      ? []
      : Array.from(
          { length: total },
          (_, i) => `${prefix}-${String(i + 1).padStart(5, '0')}-of-${count}.gguf`,
        );
  return {
    label: labelOf(prefix ?? files[0].path.replace(/\.gguf$/i, '')),
    format: 'gguf',
    entry: names[0] ?? files[0].path,
    files,
    sizeBytes: sumBytes(files),
    missing: names.filter((name) => !present.has(name)),
  };
}

/** `UD-Q2_K_XL/dots.llm1.inst-UD-Q2_K_XL` -> `UD-Q2_K_XL`. Where the file's name has no quant, the folder's counts. */
function labelOf(stem: string): string {
  const parts = stem.split('/');
  const own = QUANT.exec(parts.at(-1) as string)?.[1];
  return own ?? QUANT.exec(parts.at(-2) ?? '')?.[1] ?? (parts.at(-1) as string);
}

/** The files at the top of the repository that make up a Hugging Face folder. */
function listFolder<F extends ListedFile>(files: readonly F[]): ListedModel<F> | undefined {
  if (!files.some(({ path }) => path === 'config.json')) return undefined;
  const all = files.filter(({ path }) => WEIGHTS.test(path));
  // Some repositories hold the same weights once more in the layout of their maker (consolidated.safetensors).
  const named = all.filter(({ path }) => /^model[.-]/i.test(path));
  const weights = named.length > 0 ? named : all;
  if (weights.length === 0) return undefined;
  const chosen = [...files.filter(({ path }) => SMALL_FILES.test(path)), ...weights];
  return {
    label: FOLDER_LABEL,
    format: 'hf',
    entry: '',
    files: chosen,
    sizeBytes: sumBytes(chosen),
    missing: [],
  };
}

function sumBytes(files: readonly ListedFile[]): number {
  return files.reduce((sum, { sizeBytes }) => sum + sizeBytes, 0);
}

/** The models that `:QUANT` may mean; without a quant all. */
export function matchModels<F extends ListedFile>(
  models: readonly ListedModel<F>[],
  quant: string | undefined,
): readonly ListedModel<F>[] {
  if (quant === undefined) return models;
  const wanted = quant.toLowerCase();
  const stem = (path: string): string => path.replace(/(?:-\d{5}-of-\d{5})?\.gguf$/i, '').toLowerCase();
  // From the most exact meaning to the least; the first that fits any model counts.
  const meanings: readonly ((model: ListedModel<F>) => boolean)[] = [
    ({ files, format }) => format === 'gguf' && files.some(({ path }) => path === quant),
    ({ label }) => label.toLowerCase() === wanted,
    ({ entry }) => entry !== '' && stem(entry) === stem(wanted),
    ({ entry }) => entry !== '' && stem(entry).split('/').at(-1) === stem(wanted),
    ({ label }) => label.toLowerCase() === `ud-${wanted}`,
    ({ entry }) =>
      entry
        .toLowerCase()
        .split(/[/.]|-(?!\d{5})/)
        .includes(wanted),
  ];
  for (const fits of meanings) {
    const found = models.filter(fits);
    if (found.length > 0) return found;
  }
  return [];
}

/**
 * The one model that a name means. Throws `UsageError` that lists what there is if it means none or several, and `FormatError`
 * for a set that lacks shards. The hint proposes the largest model below `memoryBytes`, else the smallest.
 */
export function chooseModel<F extends ListedFile>(
  name: HubName,
  models: readonly ListedModel<F>[],
  memoryBytes: number | undefined,
): ListedModel<F> {
  if (models.length === 0) {
    throw new UnsupportedError(
      `${formatHubName(name, undefined)} has neither GGUF files nor a folder of safetensors`,
      {
        code: 'no-model-files',
        hint: 'look for a repository of the model with GGUF in its name',
      },
    );
  }
  const whole = models.filter(({ missing }) => missing.length === 0);
  // Half a set counts only where it is requested, or is all there is.
  const found = name.quant === undefined && whole.length > 0 ? whole : matchModels(models, name.quant);
  if (found.length === 1) return requireComplete(name, found[0]);
  const choices = found.length > 1 ? found : models;
  const listed = choices.map((model) => `${callName(model, models)} (${formatBytes(model.sizeBytes)})`);
  const proposed = propose(choices, memoryBytes);
  const example = formatHubName(name, callName(proposed, models));
  if (found.length > 1) {
    throw new UsageError(
      `${formatHubName(name)} names ${formatCount(found.length)} models: ${listed.join(', ')}`,
      {
        code: 'several-quants',
        hint: `choose one, for example ${example}${memoryBytes === undefined ? '' : reason(proposed, memoryBytes)}`,
      },
    );
  }
  const [meant] = closest(
    name.quant as string,
    models.map((model) => callName(model, models)),
  );
  throw new UsageError(
    `${formatHubName(name, undefined)} has no model ${JSON.stringify(name.quant)}; it has ${listed.join(', ')}`,
    {
      code: 'no-such-quant',
      hint:
        meant === undefined
          ? `choose one, for example ${example}`
          : `did you mean ${formatHubName(name, meant)}?`,
    },
  );
}

function requireComplete<F extends ListedFile>(name: HubName, model: ListedModel<F>): ListedModel<F> {
  const { missing } = model;
  if (missing.length === 0) return model;
  const shown = missing.slice(0, 3).join(', ') + (missing.length > 3 ? ', …' : '');
  throw new FormatError(
    `${formatHubName(name)} lacks ${formatCount(missing.length)} of its files: ${shown}`,
    { code: 'missing-shards', hint: 'its maker has not uploaded all of them; choose another model' },
  );
}

/** The largest that fits into memory, as it is the most exact; if none does, the smallest. */
function propose<F extends ListedFile>(
  models: readonly ListedModel<F>[],
  memoryBytes: number | undefined,
): ListedModel<F> {
  const bySize = [...models].sort((a, b) => b.sizeBytes - a.sizeBytes);
  const fitting = bySize.find(({ sizeBytes }) => memoryBytes !== undefined && sizeBytes <= memoryBytes);
  return fitting ?? (bySize.at(-1) as ListedModel<F>);
}

function reason({ sizeBytes }: ListedModel, memoryBytes: number): string {
  return sizeBytes <= memoryBytes
    ? `, the largest that fits into the ${formatBytes(memoryBytes)} of memory available`
    : `, the smallest; none fits into the ${formatBytes(memoryBytes)} of memory available`;
}

/** Its label, or its path where several share a label. */
export function callName<F extends ListedFile>(
  model: ListedModel<F>,
  models: readonly ListedModel<F>[],
): string {
  return models.filter(({ label }) => label === model.label).length > 1 ? model.entry : model.label;
}
