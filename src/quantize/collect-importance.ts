/** Makes an importance matrix: runs text through a model, layer by layer, and adds up the squares of what its weights multiply. */
import type { Backend } from '../backend/backend.ts';
import { compile } from '../compile/compile.ts';
import { layoutSlots } from '../compile/program.ts';
import { FormatError } from '../core/errors.ts';
import { f32 } from '../dtype/index.ts';
import type { StoredWeight } from '../graph/stored-weight.ts';
import type { ModelConfig } from '../model/architecture.ts';
import { weightSpecs } from '../model/weights.ts';
import { type CollectionStore, type ImportanceEntries, ResidentStore } from './collection-store.ts';
import { layerSegments, type Segment, weightsOfGraph } from './layer-segments.ts';
import { COUNTS, observeInputs, SQUARES } from './observe-inputs.ts';

export interface CollectOptions {
  readonly signal?: AbortSignal;
  /** Before each batch: which part of the model it goes through, and how much of all the work is done. */
  readonly onProgress?: (segment: string, doneTokens: number, totalTokens: number) => void;
  /** Where hidden states and sums are between segments, and which segments are done; default: in memory, none. */
  readonly store?: CollectionStore;
}

/** Tokens that go through a layer together: enough that each expert gets a few dozen of them. Fixed, because sums depend on it. */
const BATCH_TOKENS = 4096;

export interface Batch {
  readonly tokens: Int32Array;
  readonly positions: Int32Array;
  readonly sequences: Int32Array;
}

export interface CollectedModel {
  readonly config: ModelConfig;
  readonly weights: ReadonlyMap<string, StoredWeight>;
}

/**
 * Sums of squares for every matrix that `dots quantize` may quantise, by GGUF name. The chunks of `batches` are read as texts of
 * their own. Throws `FormatError` (`not-a-number`) for a model that computes no numbers.
 */
export async function collectImportance(
  { config, weights }: CollectedModel,
  backend: Backend,
  batches: readonly Batch[],
  options: CollectOptions = {},
): Promise<ImportanceEntries> {
  const store = options.store ?? new ResidentStore();
  const segments = observedSegments(config);
  const totalTokens = batches.reduce((sum, { tokens }) => sum + tokens.length, 0);
  const ggufNames = new Map(weightSpecs(config).map(({ name, gguf }) => [name, gguf]));
  for (const [i, segment] of segments.entries()) {
    if (i < store.doneSegments) continue;
    const totals = new Map<string, Totals>();
    await runSegment(segment, { backend, weights, batches, totals, store, options }, (done) =>
      options.onProgress?.(segment.name, i * totalTokens + done, segments.length * totalTokens),
    );
    await store.finishSegment(
      new Map(
        [...totals].map(([name, { sums, counts }]) => [
          ggufNames.get(name) as string,
          { sums: Float32Array.from(sums), counts: Float32Array.from(counts ?? [totalTokens]) },
        ]),
      ),
    );
  }
  return store.entries;
}

/** The model's layers, with the sums for every matrix except routers. Nobody asks for logits. */
function observedSegments(config: ModelConfig): readonly Segment[] {
  const specs = new Map(weightSpecs(config).map((spec) => [spec.name, spec]));
  const isObserved = (name: string): boolean => {
    const spec = specs.get(name);
    return spec !== undefined && spec.isRouter !== true && spec.shape.length > 1;
  };
  return layerSegments(config).map(({ name, graph }) => {
    const { nodes, outputs } = observeInputs(graph, isObserved);
    const { logits, ...asked } = outputs;
    return { name, graph: { nodes, outputs: asked } };
  });
}

export interface CollectionMemory {
  /** Bytes at the worst moment: weights of one segment, intermediate values of one batch, all sums. */
  readonly mostBytes: number;
  /** Bytes of the hidden states of all batches; two of these are on the disk, or in memory, at a time. */
  readonly hiddenBytes: number;
}

/** What a collection will take, without reading a weight. */
export function collectionMemory(
  { config, weights }: CollectedModel,
  backend: Backend,
  batches: readonly Batch[],
): CollectionMemory {
  const longest = Math.max(...batches.map(({ tokens }) => tokens.length));
  const totalTokens = batches.reduce((sum, { tokens }) => sum + tokens.length, 0);
  let largest = 0;
  let sums = 0;
  for (const { name, graph } of observedSegments(config)) {
    const program = compile(graph, { name, supports: backend.supports });
    const weightBytes = weightsOfGraph(graph)
      .flatMap((key) => weights.get(key)?.parts ?? [])
      .reduce((sum, { sizeBytes }) => sum + sizeBytes, 0);
    const floats = Object.entries(graph.outputs)
      .filter(([key]) => key !== 'h')
      .reduce((sum, [, { shape }]) => sum + shape.reduce<number>((a, b) => a * (b as number), 1), 0);
    // Sums of a batch in f32, and of the text in f64.
    largest = Math.max(largest, weightBytes + layoutSlots(program, { T: longest }).sizeBytes + 12 * floats);
    sums += 4 * floats;
  }
  const rowBytes = 4 * config.hiddenSize;
  return {
    mostBytes: largest + sums + 3 * longest * rowBytes + 12 * totalTokens,
    hiddenBytes: totalTokens * rowBytes,
  };
}

/** In f64, so that a text of any length adds up. */
interface Totals {
  readonly sums: Float64Array;
  readonly counts: Float64Array | undefined;
}

interface SegmentRun {
  readonly backend: Backend;
  readonly weights: ReadonlyMap<string, StoredWeight>;
  readonly batches: readonly Batch[];
  readonly totals: Map<string, Totals>;
  readonly store: CollectionStore;
  readonly options: CollectOptions;
}

async function runSegment(
  { name, graph }: Segment,
  { backend, weights, batches, totals, store, options: { signal } }: SegmentRun,
  onTokens: (done: number) => void,
): Promise<void> {
  const program = compile(graph, { name, supports: backend.supports });
  const own = new Map(weightsOfGraph(graph).flatMap((key) => [...entryOf(weights, key)]));
  const executable = await backend.load(program, own, {
    stateBindings: {},
    stateType: f32,
    ...(signal && { signal }),
  });
  const inputNames = new Set(program.values.flatMap((value) => (value.kind === 'input' ? value.name : [])));
  try {
    let done = 0;
    for (const [i, { tokens, positions, sequences }] of batches.entries()) {
      signal?.throwIfAborted();
      onTokens(done);
      const h = inputNames.has('h') ? await store.read(i) : undefined;
      const given = Object.entries({ tokens, positions, sequences, ...(h && { h }) });
      const inputs = Object.fromEntries(given.filter(([key]) => inputNames.has(key)));
      const found = await executable.run(inputs, { T: tokens.length }, signal);
      for (const [key, values] of Object.entries(found)) {
        if (key === 'h') await store.write(values);
        else add(totals, key, values);
      }
      done += tokens.length;
    }
    onTokens(done);
  } finally {
    await executable.close();
  }
}

function* entryOf<T>(map: ReadonlyMap<string, T>, key: string): Generator<[string, T]> {
  const value = map.get(key);
  if (value !== undefined) yield [key, value];
}

function add(totals: Map<string, Totals>, key: string, values: Float32Array): void {
  const [prefix, part] = key.startsWith(SQUARES) ? [SQUARES, 'sums' as const] : [COUNTS, 'counts' as const];
  const name = key.slice(prefix.length);
  const known = totals.get(name) ?? { sums: new Float64Array(0), counts: undefined };
  const before = known[part]?.length ? known[part] : new Float64Array(values.length);
  for (const [i, value] of values.entries()) {
    if (!Number.isFinite(value)) {
      throw new FormatError(`Cannot make an importance matrix: the inputs of ${name} are not numbers`, {
        code: 'not-a-number',
        hint: 'the weights of the model are damaged, or its training went wrong',
      });
    }
    before[i] += value;
  }
  totals.set(name, { ...known, [part]: before });
}

/** Texts, each of whole chunks, that go through a layer together. */
export function batchesOf(chunks: readonly (readonly number[])[]): readonly Batch[] {
  const batches: Batch[] = [];
  let open: (readonly number[])[] = [];
  const close = (): void => {
    if (open.length === 0) return;
    batches.push({
      tokens: Int32Array.from(open.flat()),
      positions: Int32Array.from(open.flatMap((chunk) => Array.from(chunk, (_, i) => i))),
      sequences: Int32Array.from(open.flatMap((chunk, sequence) => Array.from(chunk, () => sequence))),
    });
    open = [];
  };
  for (const chunk of chunks) {
    const size = open.reduce((sum, { length }) => sum + length, 0);
    if (size + chunk.length > BATCH_TOKENS) close();
    open.push(chunk);
  }
  close();
  return batches;
}
