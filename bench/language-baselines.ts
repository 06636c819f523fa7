/**
 * What a language model has to beat: bits for each byte of held-out text, by compression and by counting.
 *
 *   node bench/language-baselines.ts en=TRAIN.jsonl.gz,VALID.jsonl.gz zh=TRAIN.jsonl.gz,VALID.jsonl.gz
 *     [--tokenizer tokenizer.json] [--only xz,tokens,characters,bytes] [--train-bytes N]
 *     [--scratch FOLDER] [--check]
 *
 * Texts are the "text" fields of the documents. `--train-bytes`: learn from about so much, documents spread evenly over the
 * file. Rows of CSV on stdout:
 *
 * - `xz -9e`: the held-out texts alone, joined by line ends; `after the training text`: how much longer the archive of the
 *   training texts becomes when the held-out ones follow them, all of it in reach (a window of 256 MB).
 * - Kneser-Ney over tokens, characters and bytes (`peers/kneser-ney.cc`, compiled here with c++). The first symbol of a
 *   document is not scored and its bytes don't count, as in `dots perplexity`. Characters that the training text has less than
 *   twice are spelled in bytes, so that nothing is impossible.
 *
 * Node >= 22.18 runs this file as it is; for older ones bundle it first:
 *   npx rolldown bench/language-baselines.ts --platform node --format esm -o /tmp/language-baselines.mjs
 */
import { execFileSync, spawn } from 'node:child_process';
import { createWriteStream, existsSync, mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { basename, dirname, join } from 'node:path';
import { pipeline } from 'node:stream/promises';
import { fileURLToPath } from 'node:url';
import { parseArgs } from 'node:util';
import { readJsonLines, textField } from '../src/data/json-lines.ts';
import { tokenizerFromJson } from '../src/text/tokenizer-json.ts';

interface Corpus {
  readonly language: string;
  readonly train: readonly string[];
  readonly valid: readonly string[];
}

/** Symbols of a text, below `size`, and what the first of them takes in bytes. */
interface Alphabet {
  readonly size: number;
  encode(text: string): Iterable<number>;
  bytesOfFirst(text: string, first: number): number;
}

const { values: flags, positionals } = parseArgs({
  allowPositionals: true,
  options: {
    tokenizer: { type: 'string' },
    only: { type: 'string', default: 'xz,tokens,characters,bytes' },
    'train-bytes': { type: 'string' },
    scratch: { type: 'string', default: tmpdir() },
    source: { type: 'string', default: dirname(fileURLToPath(import.meta.url)) },
    check: { type: 'boolean', default: false },
  },
});
const wanted = flags.only.split(',');
const ORDERS: Readonly<Record<string, readonly number[]>> = { tokens: [5], characters: [5], bytes: [5, 9] };
const END = 0xffff;
const folder = mkdtempSync(join(flags.scratch, 'baselines-'));

async function readTexts(file: string): Promise<string[]> {
  const texts: string[] = [];
  for await (const line of readJsonLines(file)) texts.push(textField(line, 'text', file));
  return texts;
}

/** Documents spread evenly over the file, together about as long as `--train-bytes` says. */
function thinned(texts: readonly string[]): readonly string[] {
  const wantedBytes = Number(flags['train-bytes'] ?? Number.POSITIVE_INFINITY);
  const share = Math.min(1, wantedBytes / bytesOf(texts));
  return texts.filter((_, i) => Math.floor((i + 1) * share) > Math.floor(i * share));
}

async function archiveBytes(
  preset: readonly string[],
  parts: readonly (readonly string[])[],
): Promise<number> {
  const xz = spawn('xz', [...preset, '--compress', '--stdout', '--threads=1'], {
    stdio: ['pipe', 'pipe', 'inherit'],
  });
  let size = 0;
  xz.stdout.on('data', (chunk: Uint8Array) => {
    size += chunk.length;
  });
  const ended = new Promise<void>((resolve, reject) => {
    xz.once('error', reject);
    xz.once('close', (code) => (code === 0 ? resolve() : reject(new Error(`xz ended with ${code}`))));
  });
  await pipeline(function* () {
    for (const texts of parts) for (const text of texts) yield Buffer.from(`${text}\n`);
  }, xz.stdin);
  await ended;
  return size;
}

async function runXz({ language, train, valid }: Corpus): Promise<void> {
  const report = (who: string, trainBytes: number, bytes: number) =>
    row(language, who, trainBytes, 8 * bytes, bytesOf(valid), valid.length);
  report('xz -9e', 0, await archiveBytes(['-9e'], [valid]));
  const preset = ['--lzma2=preset=9e,dict=256MiB'];
  const longer = (await archiveBytes(preset, [train, valid])) - (await archiveBytes(preset, [train]));
  report('xz -9e, window of 256 MB, after the training text', bytesOf(train), longer);
}

function alphabetOf(kind: string, { train }: Corpus): Alphabet {
  const encoder = new TextEncoder();
  if (kind === 'bytes') return { size: 256, encode: (text) => encoder.encode(text), bytesOfFirst: () => 1 };
  if (kind === 'tokens') {
    if (flags.tokenizer === undefined) throw new Error('--tokenizer names the tokenizer.json of the tokens');
    const tokenizer = tokenizerFromJson({ tokenizerJson: JSON.parse(readFileSync(flags.tokenizer, 'utf8')) });
    return {
      size: tokenizer.vocabSize,
      encode: (text) => tokenizer.encode(text),
      bytesOfFirst: (_, first) => tokenizer.decodeBytes(first).length,
    };
  }
  const seen = new Map<string, number>();
  for (const text of train) for (const char of text) seen.set(char, (seen.get(char) ?? 0) + 1);
  const ids = new Map<string, number>();
  for (const [char, count] of seen) if (count > 1) ids.set(char, 256 + ids.size);
  return {
    size: 256 + ids.size,
    *encode(text) {
      for (const char of text) {
        const id = ids.get(char);
        if (id === undefined) yield* encoder.encode(char);
        else yield id;
      }
    },
    bytesOfFirst: (text, first) =>
      first < 256 ? 1 : Buffer.byteLength(String.fromCodePoint(text.codePointAt(0) ?? 0)),
  };
}

/** -> UTF-8 bytes of the texts, less those of the first symbols. */
async function writeSymbols(path: string, texts: readonly string[], alphabet: Alphabet): Promise<number> {
  let bytes = 0;
  await pipeline(function* () {
    for (const text of texts) {
      if (text === '') continue;
      const symbols = Uint16Array.from(alphabet.encode(text));
      bytes += Buffer.byteLength(text) - alphabet.bytesOfFirst(text, symbols[0]);
      yield Buffer.from(symbols.buffer);
      yield Buffer.from(Uint16Array.of(END).buffer);
    }
  }, createWriteStream(path));
  return bytes;
}

async function runKneserNey(kind: string, corpus: Corpus, program: string): Promise<void> {
  const alphabet = alphabetOf(kind, corpus);
  const [train, valid] = [join(folder, 'train.u16'), join(folder, 'valid.u16')];
  await writeSymbols(train, corpus.train, alphabet);
  const bytes = await writeSymbols(valid, corpus.valid, alphabet);
  for (const order of ORDERS[kind]) {
    const args = [order, alphabet.size, train, valid, ...(flags.check ? ['--check'] : [])].map(String);
    const { bits, scored } = JSON.parse(execFileSync(program, args, { encoding: 'utf8' }));
    row(corpus.language, `Kneser-Ney, ${order} ${kind}`, bytesOf(corpus.train), bits, bytes, scored);
  }
}

function bytesOf(texts: readonly string[]): number {
  return texts.reduce((sum, text) => sum + Buffer.byteLength(text), 0);
}

function row(
  language: string,
  who: string,
  trainBytes: number,
  bits: number,
  bytes: number,
  symbols: number,
): void {
  process.stdout.write(
    `${language},"${who}",${trainBytes},${(bits / bytes).toFixed(4)},${bytes},${symbols}\n`,
  );
}

try {
  process.stdout.write('language,who,trainBytes,bitsPerByte,bytes,symbols\n');
  const program = join(folder, 'kneser-ney');
  const source = join(flags.source, 'peers', 'kneser-ney.cc');
  if (!existsSync(source)) throw new Error(`${source} is not there; --source names the folder bench/`);
  execFileSync('c++', ['-O2', '-std=c++17', '-o', program, source]);
  for (const argument of positionals) {
    const [, language, trainFile, validFile] = /^(.+?)=(.+),(.+)$/.exec(argument) ?? [];
    if (language === undefined) throw new Error(`${argument} is not LANGUAGE=TRAIN,VALID`);
    const train = thinned(await readTexts(trainFile));
    const corpus = { language, train, valid: await readTexts(validFile) };
    process.stderr.write(`${language}: ${bytesOf(train)} bytes of ${basename(trainFile)}\n`);
    for (const kind of wanted) {
      if (kind === 'xz') await runXz(corpus);
      else await runKneserNey(kind, corpus, program);
    }
  }
} finally {
  rmSync(folder, { recursive: true });
}
