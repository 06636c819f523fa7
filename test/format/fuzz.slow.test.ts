/**
 * Both readers on thousands of damaged files. Each either loads, and then every tensor lies inside the file, or is
 * refused with a position and reasons: no other exception, no hang, no memory beyond the size class of the file.
 */
import { readFileSync } from 'node:fs';
import { getHeapStatistics } from 'node:v8';
import { beforeAll, describe, expect, it } from 'vitest';
import { FormatError, UnsupportedError } from '../../src/core/errors.ts';
import { Random } from '../../src/core/random.ts';
import type { ByteSource } from '../../src/format/byte-source.ts';
import { readGguf } from '../../src/format/gguf.ts';
import { memorySource } from '../../src/format/memory-source.ts';
import { readSafetensors } from '../../src/format/safetensors.ts';
import { writeSafetensors } from '../../src/format/safetensors-writer.ts';
import type { StoredTensor } from '../../src/format/stored-tensor.ts';
import { tensorBytes } from '../../src/format/write-tensors.ts';
import { concat, fillBytes, ggufBytes, golden, MemoryFiles, tensor, text, u32 } from './helpers.ts';

const NUM_GGUF = 20_000;
const NUM_SAFETENSORS = 12_000;
const MAX_MS = 5000;

type Read = (
  source: ByteSource,
) => Promise<{ tensors: ReadonlyMap<string, StoredTensor>; dataOffset: number }>;
type Mutation = (bytes: Uint8Array, random: Random) => Uint8Array;

const pick = <T>(random: Random, values: readonly T[]): T => values[random.below(values.length)];

const EXTREMES = [
  ...[0n, 1n, 2n, 3n, 4n, 5n, 7n, 8n, 9n, 12n, 13n, 31n, 32n, 33n, 64n, 65n, 255n, 256n, 65_535n, 65_536n],
  ...[31n, 32n, 33n, 47n, 53n, 60n, 63n].flatMap((bits) => [2n ** bits - 1n, 2n ** bits, 2n ** bits + 1n]),
  2n ** 64n - 1n,
];

/** A number that is wrong in an interesting way: an extreme, or near the size of the file. */
function extreme(random: Random, size: number): bigint {
  const kind = random.below(4);
  if (kind < 2) return pick(random, EXTREMES);
  return kind === 2 ? BigInt(Math.max(0, size - 40 + random.below(48))) : BigInt(random.below(4 * size));
}

function smash(bytes: Uint8Array, offset: number, width: number, value: bigint): void {
  for (let i = 0; i < width && offset + i < bytes.length; i++) {
    bytes[offset + i] = Number((value >> BigInt(8 * i)) & 255n);
  }
}

const flip: Mutation = (bytes, random) => {
  const copy = bytes.slice();
  for (let i = 1 + random.below(8); i > 0; i--) copy[random.below(copy.length)] ^= 1 << random.below(8);
  return copy;
};

const overwrite: Mutation = (bytes, random) => {
  const copy = bytes.slice();
  for (let i = 1 + random.below(4); i > 0; i--) copy[random.below(copy.length)] = random.below(256);
  return copy;
};

const cut: Mutation = (bytes, random) => bytes.slice(0, random.below(bytes.length));

const extend: Mutation = (bytes, random) =>
  concat([bytes, Uint8Array.from({ length: 1 + random.below(100) }, () => random.below(256))]);

const smashAnywhere: Mutation = (bytes, random) => {
  const copy = bytes.slice();
  const width = pick(random, [1, 2, 4, 8]);
  smash(copy, random.below(copy.length), width, extreme(random, bytes.length));
  return copy;
};

/** Copies one range over another, inserts it a second time, or leaves it out. */
const shuffle: Mutation = (bytes, random) => {
  const start = random.below(bytes.length);
  const range = bytes.slice(start, start + 1 + random.below(64));
  const target = random.below(bytes.length);
  const kind = random.below(3);
  const resume = kind === 0 ? target + range.length : kind === 1 ? target : start + range.length;
  const end = kind === 2 ? start : target;
  return concat([bytes.subarray(0, end), kind === 2 ? new Uint8Array(0) : range, bytes.subarray(resume)]);
};

const BLIND: readonly Mutation[] = [flip, overwrite, cut, extend, smashAnywhere, shuffle];

/** Where numbers and names of a valid GGUF lie: [offset, width]. Written apart from the reader under test. */
function ggufFields(bytes: Uint8Array): { numbers: [number, number][]; names: [number, number][] } {
  const view = new DataView(bytes.buffer, bytes.byteOffset);
  const names: [number, number][] = [];
  const numbers: [number, number][] = [
    [4, 4],
    [8, 8],
    [16, 8],
  ];
  let at = 24;
  const number = (width: 4 | 8) => {
    numbers.push([at, width]);
    at += width;
    return width === 4 ? view.getUint32(at - 4, true) : Number(view.getBigUint64(at - 8, true));
  };
  const string = () => {
    const length = number(8);
    at += length;
  };
  const name = () => {
    const start = at + 8;
    string();
    names.push([start, at - start]);
  };
  const widths = [1, 1, 2, 2, 4, 4, 4, 1, 0, 0, 8, 8, 8];
  const value = (type: number) => {
    if (type === 8) string();
    else if (type === 9) {
      const elementType = number(4);
      for (let i = number(8); i > 0; i--) value(elementType);
    } else {
      numbers.push([at, widths[type]]);
      at += widths[type];
    }
  };
  for (let i = Number(view.getBigUint64(16, true)); i > 0; i--) {
    name();
    value(number(4));
  }
  for (let i = Number(view.getBigUint64(8, true)); i > 0; i--) {
    name();
    for (let dims = number(4); dims > 0; dims--) number(8);
    number(4);
    number(8);
  }
  return { numbers, names };
}

const smashFields: Mutation = (bytes, random) => {
  const copy = bytes.slice();
  const { numbers } = ggufFields(bytes);
  for (let i = 1 + random.below(2); i > 0; i--) {
    const [offset, width] = pick(random, numbers);
    smash(copy, offset, width, extreme(random, bytes.length));
  }
  return copy;
};

/** Swaps two numbers of the header: each is valid somewhere else. */
const swapFields: Mutation = (bytes, random) => {
  const copy = bytes.slice();
  const { numbers } = ggufFields(bytes);
  const [from, width] = pick(random, numbers);
  const [to] = pick(random, numbers);
  copy.set(bytes.subarray(from, Math.min(from + width, bytes.length)).slice(0, bytes.length - to), to);
  return copy;
};

/** Gives one key or tensor the beginning of another's name. */
const repeatName: Mutation = (bytes, random) => {
  const copy = bytes.slice();
  const { names } = ggufFields(bytes);
  const [from, width] = pick(random, names);
  const [to, room] = pick(random, names);
  copy.set(bytes.subarray(from, from + Math.min(width, room)), to);
  return copy;
};

const JSON_VALUES = [
  ...[
    null,
    true,
    -1,
    0,
    0.5,
    1,
    3,
    8,
    1e3,
    2 ** 31,
    2 ** 32,
    2 ** 53 - 1,
    2 ** 53,
    1e300,
    '',
    'F32',
    'F4',
    'U8',
    '__proto__',
  ],
  ...[
    [],
    {},
    [0, 0],
    [0, 8],
    [8, 0],
    [2 ** 52, 2 ** 53 - 1],
    [[]],
    { dtype: 'F32', shape: [], data_offsets: [0, 4] },
  ],
];

function withHeader(bytes: Uint8Array, change: (header: string) => string): Uint8Array {
  const length = Number(new DataView(bytes.buffer, bytes.byteOffset).getBigUint64(0, true));
  const header = change(new TextDecoder().decode(bytes.subarray(8, 8 + length)));
  const json = new TextEncoder().encode(header);
  return concat([
    new Uint8Array(BigUint64Array.of(BigInt(json.length)).buffer),
    json,
    bytes.subarray(8 + length),
  ]);
}

/** Replaces, removes or copies one value somewhere in the header. */
const changeJson: Mutation = (bytes, random) =>
  withHeader(bytes, (json) => {
    const header = JSON.parse(json);
    let parent: Record<string, unknown> = header;
    for (;;) {
      const keys = Object.keys(parent);
      if (keys.length === 0) break;
      const key = pick(random, keys);
      const child = parent[key];
      if (typeof child === 'object' && child !== null && random.below(3) > 0) {
        parent = child as Record<string, unknown>;
        continue;
      }
      const kind = random.below(4);
      if (kind === 0) delete parent[key];
      else if (kind === 1) parent[pick(random, ['x', 'a.f32', 'shape', '0', '9', '__metadata__'])] = child;
      else parent[key] = pick(random, JSON_VALUES);
      break;
    }
    return JSON.stringify(header);
  });

/** Replaces one number in the text of the header, so that numbers beyond 2^53 and odd spellings come through. */
const changeNumber: Mutation = (bytes, random) =>
  withHeader(bytes, (json) => {
    const numbers = [...json.matchAll(/\d+/g)];
    const number = pick(random, numbers);
    const value = pick(random, [
      String(extreme(random, bytes.length)),
      `-${number[0]}`,
      `${number[0]}.0`,
      '1e2',
      '00',
      '',
    ]);
    return json.slice(0, number.index) + value + json.slice(number.index + number[0].length);
  });

const changeText: Mutation = (bytes, random) =>
  withHeader(bytes, (json) => {
    const at = random.below(json.length);
    const insert = pick(random, [
      '"',
      '{',
      '}',
      '[',
      ']',
      ',',
      ':',
      '\\',
      '\\u00',
      '\n',
      '\0',
      ' ',
      'é',
      '[['.repeat(300),
    ]);
    return json.slice(0, at) + insert + json.slice(at + random.below(3));
  });

/** Heap and buffers in use, in bytes. */
function memoryInUse(): number {
  const { used_heap_size, external_memory } = getHeapStatistics();
  return used_heap_size + external_memory;
}

function checkLoaded(
  tensors: ReadonlyMap<string, StoredTensor>,
  dataOffset: number,
  size: number,
): string | undefined {
  let end = dataOffset;
  for (const t of [...tensors.values()].sort((a, b) => a.offset - b.offset || a.sizeBytes - b.sizeBytes)) {
    if (!Number.isSafeInteger(t.offset) || t.offset < end)
      return `"${t.name}" begins at ${t.offset}, before ${end}`;
    end = t.offset + t.sizeBytes;
    if (!(end <= size)) return `"${t.name}" ends at ${end} of ${size}`;
    if (t.sizeBytes !== tensorBytes(t)) return `"${t.name}" has ${t.sizeBytes} bytes for [${t.shape}]`;
  }
  return undefined;
}

/** What is wrong with how `read` takes these bytes, or nothing. `outcomes` counts what happened. */
async function judge(
  read: Read,
  bytes: Uint8Array,
  outcomes: Map<string, number>,
): Promise<string | undefined> {
  const inner = memorySource(bytes, 'input');
  let bytesRead = 0;
  const source: ByteSource = {
    ...inner,
    read: async (offset, length) => {
      bytesRead += length;
      return await inner.read(offset, length);
    },
  };
  const memoryBefore = memoryInUse();
  const start = performance.now();
  let outcome = 'loaded';
  let problem: string | undefined;
  try {
    const { tensors, dataOffset } = await read(source);
    problem = checkLoaded(tensors, dataOffset, bytes.length);
  } catch (error) {
    if (error instanceof FormatError) {
      outcome = error.code;
      if (error.offset === undefined || !(error.offset >= 0 && error.offset <= bytes.length)) {
        problem = `error at byte ${error.offset} of ${bytes.length}: ${error.message}`;
      }
      if (!error.expected || !error.found || !error.hint) problem = `error without reasons: ${error.message}`;
      if (error.message.length > 1000) problem = `message of ${error.message.length} characters`;
    } else if (error instanceof UnsupportedError) outcome = error.code;
    else problem = error instanceof Error ? `${error.name}: ${error.message}\n${error.stack}` : String(error);
  }
  const ms = performance.now() - start;
  if (ms > MAX_MS) problem ??= `took ${ms} ms`;
  if (bytesRead > bytes.length) problem ??= `read ${bytesRead} bytes of a file of ${bytes.length}`;
  const allocated = memoryInUse() - memoryBefore;
  if (allocated > 4e6 + 100 * bytes.length)
    problem ??= `allocated ${allocated} bytes for a file of ${bytes.length}`;
  outcomes.set(outcome, (outcomes.get(outcome) ?? 0) + 1);
  return problem;
}

async function fuzz(read: Read, seeds: readonly Uint8Array[], mutations: readonly Mutation[], count: number) {
  const outcomes = new Map<string, number>();
  for (const seed of seeds) expect(await judge(read, seed, outcomes)).toBeUndefined();
  expect([...outcomes.keys()]).toEqual(['loaded']);
  for (let i = 0; i < count; i++) {
    const random = new Random(i);
    let bytes = pick(random, seeds);
    const mutation = pick(random, mutations);
    bytes = mutation(bytes, random);
    // Now and then a second wound on top; structure-aware mutations need a structure, so that one is blind.
    if (random.below(4) === 0 && bytes.length > 0) bytes = pick(random, BLIND)(bytes, random);
    const problem = await judge(read, bytes, outcomes);
    if (problem) {
      const base64 = Buffer.from(bytes).toString('base64');
      throw new Error(
        `input ${i} (seed ${i}, mutation ${mutations.indexOf(mutation)}): ${problem}\nbase64: ${base64}`,
      );
    }
  }
  return outcomes;
}

describe('damaged files', () => {
  const ggufSeeds: Uint8Array[] = [];
  const safetensorsSeeds: Uint8Array[] = [];

  beforeAll(async () => {
    const load = (name: string) => new Uint8Array(readFileSync(golden(name)));
    ggufSeeds.push(load('values.gguf'), load('split-00002-of-00003.gguf'));
    ggufSeeds.push(
      await ggufBytes(
        {
          'general.architecture': text('dots1'),
          'general.alignment': u32(32),
          'tokenizer.ggml.tokens': {
            type: 'array',
            elementType: 'string',
            value: Array.from({ length: 300 }, (_, i) => `Ġ${i}é`),
          },
          'tokenizer.ggml.token_type': { type: 'array', elementType: 'i32', value: new Int32Array(300) },
        },
        [
          tensor('token_embd.weight', 'q8_0', 3, 32),
          tensor('blk.0.ffn_up_exps.weight', 'f16', 2, 3, 4),
          ...[...'nopq'].map((name) => tensor(name, 'f32', 8)),
        ],
      ),
    );
    const memory = new MemoryFiles();
    const tensors = [tensor('w', 'f32', 4, 3), tensor('m.q_proj.weight', 'bf16', 5), tensor('scalar', 'f32')];
    await writeSafetensors(memory.folder('m'), { tensors, bytes: fillBytes });
    safetensorsSeeds.push(load('values.safetensors'), memory.files.get('m/model.safetensors')!);
  });

  it(`readGguf() takes ${NUM_GGUF} inputs without a surprise`, async () => {
    const structural = [smashFields, smashFields, smashFields, smashFields, swapFields, repeatName];
    const outcomes = await fuzz(readGguf, ggufSeeds, [...BLIND, ...structural], NUM_GGUF);
    // The mutations reach deep: many files still load, and every kind of check fires.
    expect(outcomes.get('loaded')).toBeGreaterThan(NUM_GGUF / 20);
    for (const code of [
      ...[
        'not-gguf',
        'gguf-version',
        'truncated-file',
        'number-too-large',
        'header-too-large',
        'metadata-type',
      ],
      ...[
        'duplicate-key',
        'invalid-utf8',
        'nested-array',
        'bad-alignment',
        'string-too-long',
        'tensor-shape',
      ],
      ...[
        'unknown-storage-type',
        'tensor-offset',
        'overlapping-tensors',
        'duplicate-tensor',
        'big-endian-gguf',
      ],
    ]) {
      expect(outcomes.get(code), code).toBeGreaterThan(0);
    }
  });

  it(`readSafetensors() takes ${NUM_SAFETENSORS} inputs without a surprise`, async () => {
    const structural = [changeJson, changeJson, changeNumber, changeNumber, changeText];
    const outcomes = await fuzz(
      readSafetensors,
      safetensorsSeeds,
      [...BLIND, ...structural],
      NUM_SAFETENSORS,
    );
    expect(outcomes.get('loaded')).toBeGreaterThan(NUM_SAFETENSORS / 20);
    for (const code of [
      ...[
        'truncated-file',
        'number-too-large',
        'header-too-large',
        'not-safetensors',
        'invalid-json',
        'invalid-utf8',
      ],
      ...[
        'bad-tensor',
        'bad-metadata',
        'tensor-offset',
        'tensor-size',
        'unsupported-dtype',
        'overlapping-tensors',
      ],
      ...['gap-between-tensors', 'trailing-bytes'],
    ]) {
      expect(outcomes.get(code), code).toBeGreaterThan(0);
    }
  });
});
