/** Makes an importance matrix: runs text through a model, layer by layer, and adds up the squares of what its weights multiply. */
import type { Backend } from '../backend/backend.ts';
import { compile } from '../compile/compile.ts';
import { FormatError } from '../core/errors.ts';
import { f32 } from '../dtype/index.ts';
import type { StoredWeight } from '../graph/stored-weight.ts';
import type { ModelConfig } from '../model/architecture.ts';
import { weightSpecs } from '../model/weights.ts';
import type { ImportanceEntry } from './importance-matrix.ts';
import { layerSegments, type Segment, weightsOfGraph } from './layer-segments.ts';
import { COUNTS, observeInputs, SQUARES } from './observe-inputs.ts';

export interface CollectOptions {
  readonly signal?: AbortSignal;
  /** Before each batch: which part of the model it goes through, and how much of all the work is done. */
  readonly onProgress?: (segment: string, doneTokens: number, totalTokens: number) => void;
}

/** Tokens that go through a layer together: enough that each expert gets a few dozen of them. Fixed, because sums depend on it. */
const BATCH_TOKENS = 4096;

interface Batch {
  readonly tokens: Int32Array;
  readonly positions: Int32Array;
  readonly sequences: Int32Array;
  /** What came out of the segment before, [T, D]. */
  h?: Float32Array;
}

/**
 * Sums of squares for every matrix that `dots quantize` may quantise, by GGUF name. `chunks` are read as texts of their own.
 * Throws `FormatError` (`not-a-number`) for a model that computes no numbers.
 */
export async function collectImportance(
  { config, weights }: { readonly config: ModelConfig; readonly weights: ReadonlyMap<string, StoredWeight> },
  backend: Backend,
  chunks: readonly (readonly number[])[],
  options: CollectOptions = {},
): Promise<ReadonlyMap<string, ImportanceEntry>> {
  const batches = batchesOf(chunks);
  const segments = layerSegments(config);
  const totalTokens = batches.reduce((sum, { tokens }) => sum + tokens.length, 0);
  const specs = new Map(weightSpecs(config).map((spec) => [spec.name, spec]));
  const isObserved = (name: string): boolean => {
    const spec = specs.get(name);
    return spec !== undefined && spec.isRouter !== true && spec.shape.length > 1;
  };
  const totals = new Map<string, Totals>();
  for (const [i, segment] of segments.entries()) {
    await runSegment(segment, { backend, weights, batches, isObserved, totals, options }, (done) =>
      options.onProgress?.(segment.name, i * totalTokens + done, segments.length * totalTokens),
    );
  }
  return new Map(
    [...totals].map(([name, { sums, counts }]) => [
      specs.get(name)?.gguf as string,
      { sums: Float32Array.from(sums), counts: Float32Array.from(counts ?? [totalTokens]) },
    ]),
  );
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
  readonly isObserved: (weight: string) => boolean;
  readonly totals: Map<string, Totals>;
  readonly options: CollectOptions;
}

async function runSegment(
  { name, graph }: Segment,
  { backend, weights, batches, isObserved, totals, options: { signal } }: SegmentRun,
  onTokens: (done: number) => void,
): Promise<void> {
  const { nodes, outputs } = observeInputs(graph, isObserved);
  // Nobody asks for logits.
  const { logits, ...asked } = outputs;
  const program = compile({ nodes, outputs: asked }, { name, supports: backend.supports });
  const own = new Map(weightsOfGraph(graph).flatMap((key) => [...entryOf(weights, key)]));
  const executable = await backend.load(program, own, {
    stateBindings: {},
    stateType: f32,
    ...(signal && { signal }),
  });
  const inputNames = new Set(program.values.flatMap((value) => (value.kind === 'input' ? value.name : [])));
  try {
    let done = 0;
    for (const batch of batches) {
      signal?.throwIfAborted();
      onTokens(done);
      const { tokens, positions, sequences, h } = batch;
      const given = Object.entries({ tokens, positions, sequences, ...(h && { h }) });
      const inputs = Object.fromEntries(given.filter(([key]) => inputNames.has(key)));
      const found = await executable.run(inputs, { T: tokens.length }, signal);
      for (const [key, values] of Object.entries(found)) {
        if (key === 'h') batch.h = values;
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

function batchesOf(chunks: readonly (readonly number[])[]): Batch[] {
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
