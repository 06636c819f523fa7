/**
 * Importance matrices in files: the GGUF form of llama.cpp since mid-2025, and its older `.dat`. Distinguished by their first
 * bytes. Source: `tools/imatrix` of llama.cpp.
 */
import { FormatError } from '../core/errors.ts';
import { formatCount } from '../core/units.ts';
import { f32 } from '../dtype/index.ts';
import { type SinkOpener, writeAll } from '../format/byte-sink.ts';
import type { ByteSource, SourceOpener } from '../format/byte-source.ts';
import { createFileSink, openFileSource } from '../format/file-source.ts';
import { GGUF_MAGIC, readGguf } from '../format/gguf.ts';
import { findNumber, findString, findStringArray, type GgufValue } from '../format/gguf-values.ts';
import { writeGguf } from '../format/gguf-writer.ts';
import { HeaderBuilder } from '../format/header-builder.ts';
import { HeaderCursor } from '../format/header-cursor.ts';
import { checkEntries, type ImportanceEntry, type ImportanceMatrix } from './importance-matrix.ts';

/** The old format counts in chunks and does not say how long they were: 512 tokens, unless somebody chose otherwise. */
const DAT_CHUNK_TOKENS = 512;
const SUMS = '.in_sum2';
const COUNTS = '.counts';
// 62 layers of dots.llm1 have 740 entries; the longest row of it is 180,224 values.
const MAX_ENTRIES = 65_536;
const MAX_VALUES = 1 << 28;

/** Reads either format. Throws `FormatError` for damaged files and for values that cannot be. */
export async function openImportance(
  path: string,
  open: SourceOpener = openFileSource,
): Promise<ImportanceMatrix> {
  const source = await open(path);
  try {
    const start = source.size >= 4 ? await source.read(0, 4) : new Uint8Array(4);
    const isGguf = new DataView(start.buffer, start.byteOffset).getUint32(0, true) === GGUF_MAGIC;
    return checkEntries(await (isGguf ? readImportanceGguf(source) : readImportanceDat(source)));
  } finally {
    await source.close();
  }
}

async function readImportanceGguf(source: ByteSource): Promise<ImportanceMatrix> {
  const { metadata, tensors } = await readGguf(source);
  const type = findString(metadata, 'general.type');
  if (type !== 'imatrix') {
    throw new FormatError(
      `Cannot read ${source.name} as an importance matrix: it is a GGUF file of type ${type ?? 'model'}`,
      { code: 'not-imatrix', hint: 'give a file that `dots imatrix` or llama-imatrix wrote' },
    );
  }
  const floats = async (name: string): Promise<Float32Array> => {
    const tensor = tensors.get(name);
    if (!tensor || tensor.type !== f32) {
      throw new FormatError(
        `Cannot read ${source.name}: ${tensor ? `"${name}" is ${tensor.type.name}, not f32` : `"${name}" is missing`}`,
        { code: 'damaged-imatrix', hint: 'fetch or make the file again' },
      );
    }
    const numElements = tensor.shape.reduce((a, b) => a * b, 1);
    const values = new Float32Array(numElements);
    f32.decode(await tensor.source.read(tensor.offset, 4 * numElements), 0, values, 0, numElements);
    return values;
  };
  const entries = new Map<string, ImportanceEntry>();
  for (const name of tensors.keys()) {
    if (!name.endsWith(SUMS)) continue;
    const weight = name.slice(0, -SUMS.length);
    entries.set(weight, { sums: await floats(name), counts: await floats(weight + COUNTS) });
  }
  return {
    origin: source.name,
    datasets: findStringArray(metadata, 'imatrix.datasets') ?? [],
    numChunks: findNumber(metadata, 'imatrix.chunk_count') ?? 0,
    chunkTokens: findNumber(metadata, 'imatrix.chunk_size') ?? DAT_CHUNK_TOKENS,
    entries,
  };
}

/** `chunkTokens` and sums of squares are scaled as if each chunk had `DAT_CHUNK_TOKENS` tokens, as llama.cpp does. */
async function readImportanceDat(source: ByteSource): Promise<ImportanceMatrix> {
  const cursor = new HeaderCursor(source);
  const count = async (subject: string, most: number): Promise<number> => {
    await cursor.need(4, subject, 'a number');
    const offset = cursor.offset;
    const value = cursor.u32();
    if (value >= 1 && value <= most) return value;
    throw cursor.failure(subject, {
      code: 'not-imatrix',
      expected: `a number from 1 to ${formatCount(most)}`,
      found: formatCount(value),
      offset,
      hint: 'is this an importance matrix, of the .dat or the GGUF format of llama.cpp?',
    });
  };
  const text = async (subject: string, most: number): Promise<string> => {
    const length = await count(`the length of ${subject}`, most);
    return new TextDecoder().decode(await cursor.copy(length, subject, 'text'));
  };
  const numEntries = await count('the number of entries', MAX_ENTRIES);
  const entries = new Map<string, ImportanceEntry>();
  for (let i = 0; i < numEntries; i++) {
    const name = await text(`the name of entry ${formatCount(i + 1)}`, 1024);
    const numCalls = await count(`the number of chunks of "${name}"`, 0x7fffffff);
    const numValues = await count(`the number of values of "${name}"`, MAX_VALUES);
    const bytes = await cursor.copy(
      4 * numValues,
      `the values of "${name}"`,
      `${formatCount(numValues)} numbers`,
    );
    const sums = new Float32Array(numValues);
    f32.decode(bytes, 0, sums, 0, numValues);
    entries.set(name, {
      sums: sums.map((value) => value * DAT_CHUNK_TOKENS),
      counts: Float32Array.of(numCalls * DAT_CHUNK_TOKENS),
    });
  }
  // Older files end here.
  const numChunks = cursor.remaining >= 4 ? await count('the number of chunks', 0x7fffffff) : 0;
  const dataset = cursor.remaining > 4 ? await text("the text's name", 65_536) : undefined;
  return {
    origin: source.name,
    datasets: dataset === undefined ? [] : [dataset],
    numChunks,
    chunkTokens: DAT_CHUNK_TOKENS,
    entries,
  };
}

/** Writes the GGUF form, or the old one where `path` ends in `.dat`. */
export async function writeImportance(
  path: string,
  matrix: ImportanceMatrix,
  createSink: SinkOpener = createFileSink,
): Promise<void> {
  if (path.toLowerCase().endsWith('.dat')) {
    const bytes = importanceDat(matrix);
    await writeAll(await createSink(path, bytes.length), [bytes]);
    return;
  }
  const text = (value: string): GgufValue => ({ type: 'string', value });
  const u32 = (value: number): GgufValue => ({ type: 'u32', value });
  const tensors = [...matrix.entries].flatMap(([name, { sums, counts }]) => [
    { name: name + SUMS, type: f32, shape: [counts.length, sums.length / counts.length], values: sums },
    { name: name + COUNTS, type: f32, shape: [counts.length, 1], values: counts },
  ]);
  await writeGguf(
    path,
    {
      metadata: new Map<string, GgufValue>([
        ['general.type', text('imatrix')],
        ['imatrix.datasets', { type: 'array', elementType: 'string', value: matrix.datasets }],
        ['imatrix.chunk_count', u32(matrix.numChunks)],
        ['imatrix.chunk_size', u32(matrix.chunkTokens)],
      ]),
      tensors,
      bytes: ({ values }) => [new Uint8Array(values.buffer, values.byteOffset, values.byteLength)],
    },
    { createSink },
  );
}

/** Means of squares, each times the number of chunks. Experts without tokens get ones, as readers of the format expect. */
function importanceDat({ entries, numChunks, chunkTokens, datasets }: ImportanceMatrix): Uint8Array {
  const out = new HeaderBuilder();
  const text = (value: string): void => {
    const bytes = new TextEncoder().encode(value);
    out.u32(bytes.length);
    out.raw(bytes);
  };
  out.u32(entries.size);
  for (const [name, { sums, counts }] of entries) {
    const columns = sums.length / counts.length;
    const numCalls = Math.max(1, Math.ceil(Math.max(...counts) / Math.max(1, chunkTokens)));
    text(name);
    out.u32(numCalls);
    out.u32(sums.length);
    out.raw(
      sums.map((sum, i) => {
        const count = counts[Math.floor(i / columns)];
        return count === 0 ? numCalls : (sum / count) * numCalls;
      }),
    );
  }
  out.u32(Math.max(1, numChunks));
  text(datasets.join(' ') || 'unknown');
  return out.finish();
}
