/**
 * Encoders of storage types compared with ggml's, two threads each: the error that is left, and MB of f32 a second.
 *
 *   make -C native bench
 *   node bench/encoders.ts --ggml libggml-base.so [--gguf MODEL,…] [--types q4_k,…] [--mb 8] [--rounds 5]
 *
 * Values are normal, heavy-tailed (Student's t with 3 degrees of freedom), and of the matrices of a trained model (`--gguf`;
 * mini). Each is encoded with importance weights for its columns and without. Errors are root mean squares,
 * weighted by the same importance, relative to that of the values; `ownErrorRatio` weighs them as ggml does where it is given
 * importance (`ggmlSigma`), which is what its searches minimise. `ggml-encode.py` in `peers/` says where the library is
 * from. The two take turns, and each round starts with the other one; medians over the rounds, appended to
 * results/encoders.csv. `cpuRatio` compares values per second of processor time, which a busy neighbour does not change.
 *
 * From the root of the repository. Node >= 22.18 runs this file as it is; for older ones bundle it first:
 *   npx rolldown bench/encoders.ts --platform node --format esm -o /tmp/encoders.mjs
 */
import { type ChildProcess, spawn } from 'node:child_process';
import { appendFileSync, existsSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { cpus, tmpdir } from 'node:os';
import { basename, join } from 'node:path';
import { createInterface } from 'node:readline';
import { parseArgs } from 'node:util';
import { Random } from '../src/core/random.ts';
import { type StorageType, storageBytes, storageTypeByName } from '../src/dtype/index.ts';
import { openStoredModel } from '../src/format/stored-model.ts';

const THREADS = 2;
const MINI = 'models/mini.gguf';
const TYPES =
  'q8_0,q6_k,q5_1,q5_0,q5_k,q4_1,q4_0,q4_k,q3_k,q2_k,iq4_nl,iq4_xs,iq3_s,iq3_xxs,iq2_s,iq2_xs,iq2_xxs,iq1_m,iq1_s,' +
  'nvfp4,mxfp4,tq2_0,tq1_0,q1_0';
/** ggml stops without importance. */
const NEEDS_IMPORTANCE = ['iq2_xxs', 'iq2_xs', 'iq1_s', 'iq1_m'];
const HEADER =
  'date,machine,version,type,data,importance,error,ggmlError,errorRatio,mbPerSecond,ggmlMbPerSecond,speedRatio,cpuRatio,rounds,' +
  'ownErrorRatio';

interface Rows {
  readonly name: string;
  readonly values: Float32Array;
  readonly columns: number;
  readonly weights: Float32Array;
}

interface Timed {
  readonly bytes: Uint8Array;
  readonly seconds: number;
  readonly cpuSeconds: number;
}

const { values: flags } = parseArgs({
  options: {
    ggml: { type: 'string' },
    gguf: { type: 'string', default: MINI },
    types: { type: 'string', default: TYPES },
    mb: { type: 'string', default: '8' },
    rounds: { type: 'string', default: '5' },
    python: { type: 'string', default: 'python3' },
  },
});
if (!flags.ggml) throw new Error('give --ggml libggml-base.so');
const folder = mkdtempSync(join(tmpdir(), 'dots-encoders-'));

/** A process that takes requests, a line each, and answers with a line. */
class Contender {
  private readonly process: ChildProcess;
  private readonly answers: AsyncIterator<string>;

  constructor(command: string, args: readonly string[]) {
    this.process = spawn(command, args, { stdio: ['pipe', 'pipe', 'inherit'] });
    this.answers = createInterface({ input: this.process.stdout as NodeJS.ReadableStream })[
      Symbol.asyncIterator
    ]();
  }

  async encode(type: StorageType, rows: Rows, weights: Float32Array | undefined): Promise<Timed> {
    const values = join(folder, `${rows.name}.f32`);
    if (!existsSync(values)) writeFileSync(values, rows.values);
    const weightsPath = weights ? join(folder, 'weights.f32') : '-';
    if (weights) writeFileSync(weightsPath, weights);
    const out = join(folder, 'out');
    this.process.stdin?.write(`${type.id} ${rows.columns} ${THREADS} ${values} ${weightsPath} ${out}\n`);
    const { value } = (await this.answers.next()) as { value: string | undefined };
    if (value === undefined) throw new Error(`cannot encode ${type.name}: ${this.process.spawnfile} ended`);
    const [seconds, cpuSeconds] = value.split(' ').map(Number);
    return { bytes: readFileSync(out), seconds, cpuSeconds };
  }

  end(): void {
    this.process.stdin?.end();
  }
}

const root = (path: string): string => join(process.cwd(), path);
const us = new Contender(root('native/build/release/bench-encode'), []);
const ggml = new Contender(flags.python, [root('bench/peers/ggml-encode.py'), flags.ggml]);

function relativeError(type: StorageType, rows: Rows, bytes: Uint8Array, weights?: Float32Array): number {
  const decoded = new Float32Array(rows.values.length);
  type.decode(bytes, 0, decoded, 0, decoded.length);
  let error = 0;
  let squares = 0;
  for (let i = 0; i < decoded.length; i++) {
    const weight = weights ? weights[i % weights.length] : 1;
    error += weight * (rows.values[i] - decoded[i]) ** 2;
    squares += weight * rows.values[i] ** 2;
  }
  return Math.sqrt(error / squares);
}

/** How many values share ggml's σ² and which multiple of their mean square it is: `ggml-quants.c`. Others weigh no errors. */
function ggmlSigma(
  type: string,
  columns: number,
): { readonly size: number; readonly factor: number } | undefined {
  if (/^q[45]_[01]$/.test(type)) return { size: columns, factor: 1 };
  if (type === 'q2_k') return { size: 256, factor: 0.75 };
  if (type === 'q6_k') return { size: 256, factor: Number.POSITIVE_INFINITY };
  if (/^iq2_xx?s$/.test(type)) return { size: 256, factor: 1 };
  if (type === 'iq1_m') return { size: 32, factor: 1.5 };
  if (type === 'iq4_nl') return { size: 32, factor: 2 };
  if (/^(q[345]_k|iq2_s|iq3_xxs|iq3_s|iq1_s|iq4_xs)$/.test(type)) return { size: 256, factor: 2 };
  return undefined;
}

/** Importance times √(σ² + x²), for each value; what is large counts more than its square says. */
function ggmlWeights(type: string, { values, columns, weights }: Rows): Float32Array | undefined {
  const sigma = ggmlSigma(type, columns);
  if (sigma === undefined) return undefined;
  const { size, factor } = sigma;
  const own = new Float32Array(values.length);
  for (let start = 0; start < values.length; start += size) {
    let squares = 0;
    for (let i = start; i < start + size; i++) squares += values[i] ** 2;
    for (let i = start; i < start + size; i++) {
      const weight = weights[i % columns];
      own[i] =
        factor === Number.POSITIVE_INFINITY
          ? weight
          : weight * Math.sqrt((factor * squares) / size + values[i] ** 2);
    }
  }
  return own;
}

function median(values: readonly number[]): number {
  return [...values].sort((a, b) => a - b)[values.length >> 1];
}

/** Both are zero for values that were of this type before. */
function ratioOf(error: number, theirs: number): string {
  return (theirs === 0 && error === 0 ? 1 : error / theirs).toFixed(4);
}

/** Uneven, as squares of activations are. */
function importance(columns: number, random: Random): Float32Array {
  return Float32Array.from(
    { length: columns },
    () => random.normal() ** 2 * Math.exp(random.normal()) + 1e-3,
  );
}

function randomRows(name: string, columns: number, count: number, draw: (random: Random) => number): Rows {
  const random = new Random(1);
  const values = Float32Array.from({ length: count }, () => 0.02 * draw(random));
  return { name, values, columns, weights: importance(columns, random) };
}

/** Values of a model's matrices in turn, cut into rows that all types divide. */
async function trainedRows(name: string, path: string, columns: number, count: number): Promise<Rows> {
  const model = await openStoredModel(path);
  const values = new Float32Array(count);
  let at = 0;
  for (const { shape, type, source, offset } of model.tensors.values()) {
    if (shape.length < 2 || at === count) continue;
    const size = shape.reduce((a, b) => a * b);
    const decoded = new Float32Array(size);
    type.decode(await source.read(offset, storageBytes(type, size)), 0, decoded, 0, size);
    values.set(decoded.subarray(0, count - at), at);
    at = Math.min(count, at + size);
  }
  await model.close();
  const whole = values.subarray(0, Math.floor(at / columns) * columns);
  return { name, values: whole, columns, weights: importance(columns, new Random(2)) };
}

const count = Math.floor((Number(flags.mb) * 1e6) / 4 / 4096) * 4096;
const chiSquare = (random: Random): number =>
  random.normal() ** 2 + random.normal() ** 2 + random.normal() ** 2;
const data = [
  randomRows('normal', 4096, count, (random) => random.normal()),
  randomRows('heavy-tailed', 4096, count, (random) => random.normal() / Math.sqrt(chiSquare(random) / 3)),
];
for (const path of flags.gguf.split(','))
  data.push(await trainedRows(path === MINI ? 'trained' : basename(path, '.gguf'), path, 4096, count));
const results = root('bench/results/encoders.csv');
if (!existsSync(results)) appendFileSync(results, `${HEADER}\n`);
const { version } = JSON.parse(readFileSync(root('package.json'), 'utf8')) as {
  version: string;
};
for (const name of flags.types.split(',')) {
  const type = storageTypeByName(name);
  for (const rows of data) {
    for (const weights of [undefined, rows.weights]) {
      const theirWeights =
        weights ?? (NEEDS_IMPORTANCE.includes(name) ? new Float32Array(rows.columns).fill(1) : undefined);
      const ours: Timed[] = [];
      const theirs: Timed[] = [];
      for (let round = 0; round < Number(flags.rounds); round++) {
        for (const isOurs of round % 2 === 0 ? [true, false] : [false, true]) {
          if (isOurs) ours.push(await us.encode(type, rows, weights));
          else theirs.push(await ggml.encode(type, rows, theirWeights));
        }
      }
      const own = weights && ggmlWeights(name, rows);
      const ownErrors = own && [ours, theirs].map(([{ bytes }]) => relativeError(type, rows, bytes, own));
      const error = relativeError(type, rows, ours[0].bytes, weights);
      const theirError = relativeError(type, rows, theirs[0].bytes, weights);
      const megabytes = rows.values.byteLength / 1e6;
      const speed = (runs: Timed[]): number => megabytes / median(runs.map(({ seconds }) => seconds));
      const cpu = (runs: Timed[]): number => megabytes / median(runs.map(({ cpuSeconds }) => cpuSeconds));
      const row = [
        new Date().toISOString().slice(0, 10),
        cpus()[0].model.trim(),
        version,
        name,
        rows.name,
        weights ? 'yes' : 'no',
        error.toPrecision(4),
        theirError.toPrecision(4),
        ratioOf(error, theirError),
        speed(ours).toPrecision(3),
        speed(theirs).toPrecision(3),
        (speed(ours) / speed(theirs)).toFixed(2),
        (cpu(ours) / cpu(theirs)).toFixed(2),
        flags.rounds,
        ownErrors ? ratioOf(ownErrors[0], ownErrors[1]) : '',
      ].join(',');
      console.log(row);
      appendFileSync(results, `${row}\n`);
    }
  }
}
us.end();
ggml.end();
rmSync(folder, { recursive: true });
