import { FormatError } from '../core/errors.ts';
import { storageTypeByName } from '../dtype/index.ts';
import type { StoredTensor } from '../format/stored-tensor.ts';
import type { StoredWeight, WeightPart } from '../graph/stored-weight.ts';
import type { ModelConfig, WeightSpec } from './architecture.ts';
import { hfNames, isStacked, weightSpecs } from './weights.ts';

export type WeightNaming = 'gguf' | 'hf';

/**
 * Find every weight of the network among a file's tensors. Throws one `FormatError` that names all missing tensors, all
 * wrong shapes, or all tensors of the network that the configuration has no place for. Tensors outside it, such as another
 * model's head, are returned by name.
 */
export function bindWeights(
  config: ModelConfig,
  tensors: ReadonlyMap<string, StoredTensor>,
  naming: WeightNaming,
  origin: string,
): { weights: Map<string, StoredWeight>; unused: string[] } {
  const weights = new Map<string, StoredWeight>();
  const unused = new Set(tensors.keys());
  const missing: string[] = [];
  const wrong: string[] = [];

  for (const spec of weightSpecs(config)) {
    const names = naming === 'gguf' ? [spec.gguf] : hfNames(spec);
    const partShape = naming === 'hf' && isStacked(spec) ? spec.shape.slice(1) : spec.shape;
    const found = names.flatMap((name) => tensors.get(name) ?? []);
    for (const name of names) unused.delete(name);
    for (const tensor of found) {
      if (!sameNumbers(tensor.shape, partShape)) {
        wrong.push(`"${tensor.name}" is [${tensor.shape}], expected [${partShape}]`);
      } else if (tensor.type !== found[0].type) {
        wrong.push(
          `"${tensor.name}" is ${tensor.type.name}, but "${found[0].name}" is ${found[0].type.name}`,
        );
      }
    }
    if (found.length > 0 && found.length === names.length) {
      weights.set(spec.name, {
        name: spec.name,
        type: found[0].type,
        shape: spec.shape,
        parts: found.map(partOf),
      });
    } else if (spec.fallback) {
      weights.set(spec.name, valuesOf(spec, spec.fallback()));
    } else {
      missing.push(...names.filter((name) => !tensors.has(name)));
    }
  }
  if (missing.length > 0 || wrong.length > 0) throw bindingError(origin, missing, wrong);
  const others = [...unused].filter((name) => !isTable(name));
  const inNetwork = others.filter((name) => NETWORK[naming].test(name));
  if (inNetwork.length > 0) {
    throw new FormatError(
      `${origin} has ${inNetwork.length} tensors that its configuration leaves no place for: ${listed(inNetwork)}`,
      { code: 'unexpected-tensors', hint: unexpectedHint(config, inNetwork) },
    );
  }
  return { weights, unused: others };
}

/** Names of the network itself: leaving out one of its tensors gives other results. */
const NETWORK: Readonly<Record<WeightNaming, RegExp>> = {
  gguf: /^(?:blk\.|token_embd|output|rope_)/,
  hf: /^(?:model\.|lm_head\.)/,
};

/** What old exports have besides: it follows from the configuration. */
function isTable(name: string): boolean {
  return name.endsWith('rotary_emb.inv_freq');
}

function unexpectedHint({ numLayers }: ModelConfig, names: readonly string[]): string {
  const layers = names.map((name) => Number(/^(?:blk|model\.layers)\.(\d+)\./.exec(name)?.[1] ?? -1));
  const most = layers.reduce((a, b) => Math.max(a, b), -1);
  if (most >= numLayers)
    return `the configuration says ${numLayers} layers, and there are tensors of ${most + 1}; take both from one model`;
  return 'ignoring them would give wrong results: the model is a variant that is not supported, or its configuration is of another one';
}

function bindingError(origin: string, missing: readonly string[], wrong: readonly string[]): FormatError {
  const faults = [
    ...(missing.length > 0 ? [`lacks ${missing.length} of the model's tensors: ${listed(missing)}`] : []),
    ...(wrong.length > 0
      ? [`has ${wrong.length} tensors that do not fit its configuration: ${listed(wrong)}`]
      : []),
  ];
  return new FormatError(`${origin} ${faults.join('; it ')}`, {
    code: missing.length > 0 ? 'missing-tensors' : 'wrong-tensors',
    hint:
      wrong.length > 0
        ? 'configuration and tensors come from different models'
        : 'the file is incomplete, or its configuration describes a larger model',
  });
}

function valuesOf(spec: WeightSpec, values: Float32Array<ArrayBuffer>): StoredWeight {
  const part = { sizeBytes: values.byteLength, read: async () => new Uint8Array(values.buffer) };
  return { name: spec.name, type: storageTypeByName('f32'), shape: spec.shape, parts: [part] };
}

function partOf(tensor: StoredTensor): WeightPart {
  const { source, offset, sizeBytes } = tensor;
  const read = (): Promise<Uint8Array> => source.read(offset, sizeBytes);
  return source.path === undefined
    ? { sizeBytes, read }
    : { sizeBytes, file: { path: source.path, offset }, read };
}

function sameNumbers(a: readonly number[], b: readonly number[]): boolean {
  return a.length === b.length && a.every((value, i) => value === b[i]);
}

/** All of them up to a few dozen; a file for another model would otherwise fill the screen with 24,000 names. */
function listed(items: readonly string[]): string {
  const shown = items.slice(0, 40).join(', ');
  return items.length > 40 ? `${shown} and ${items.length - 40} more` : shown;
}
