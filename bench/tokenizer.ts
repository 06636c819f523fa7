/**
 * The tokenizer compared with Hugging Face tokenizers, one thread each, on the vocabulary of the tests: MB of UTF-8 a second.
 *
 *   node bench/tokenizer.ts en=EN.jsonl.gz zh=ZH.jsonl.gz [--mb 10] [--rounds 7] [--python PYTHON]
 *
 * The first `--mb` megabytes of the documents ({"text"} lines) of each file. The two take turns; both return the ids
 * of the same documents and must give as many. Ours starts each round with an empty cache. `--python` names an interpreter
 * with `tokenizers`; without it the peer is left out. CSV on stdout.
 *
 * Node >= 22.18 runs this file as it is; for older ones bundle it first:
 *   npx rolldown bench/tokenizer.ts --platform node --format esm -o /tmp/tokenizer.mjs
 */
import { type ChildProcess, spawn } from 'node:child_process';
import { createReadStream } from 'node:fs';
import { cpus } from 'node:os';
import { join } from 'node:path';
import { createInterface, type Interface } from 'node:readline';
import { parseArgs } from 'node:util';
import { createGunzip } from 'node:zlib';
import { QWEN2 } from '../src/text/pre-tokenizer.ts';
import { createTokenizer } from '../src/text/tokenizer.ts';
import { Vocabulary } from '../src/text/vocabulary.ts';
import { fixtureVocabulary } from '../test/text/fixture.ts';

interface Documents {
  readonly language: string;
  readonly file: string;
  readonly texts: readonly string[];
  readonly sizeBytes: number;
}

interface Pass {
  readonly seconds: number;
  readonly tokens: number;
}

async function readDocuments(language: string, file: string, mb: number): Promise<Documents> {
  const bytes = createReadStream(file);
  const input = file.endsWith('.gz') ? bytes.pipe(createGunzip()) : bytes;
  const texts: string[] = [];
  let sizeBytes = 0;
  for await (const line of createInterface({ input, crlfDelay: Number.POSITIVE_INFINITY })) {
    const { text } = JSON.parse(line) as { text: string };
    texts.push(text);
    sizeBytes += Buffer.byteLength(text);
    if (sizeBytes >= mb * 1e6) break;
  }
  return { language, file, texts, sizeBytes };
}

const fixture = fixtureVocabulary(join(process.cwd(), 'test', 'golden', 'tokenizer', 'merges.txt.gz'));

function runOurs({ texts }: Documents): Pass {
  const tokenizer = createTokenizer({
    vocabulary: new Vocabulary(fixture.tokens, fixture.tokenTypes),
    merges: fixture.merges,
    preTokenizer: QWEN2,
    special: { eos: [] },
  });
  const start = performance.now();
  let tokens = 0;
  for (const text of texts) tokens += tokenizer.encode(text).length;
  return { seconds: (performance.now() - start) / 1000, tokens };
}

/** The peer stays one process: it gets a language a line and answers with seconds and tokens. */
class Peer {
  private readonly process: ChildProcess;
  private readonly lines: AsyncIterator<string>;

  constructor(python: string, documents: readonly Documents[]) {
    const script = join(process.cwd(), 'bench', 'peers', 'hf-tokenizers.py');
    const files = documents.map(({ language, file, texts }) => `${language}=${texts.length}=${file}`);
    this.process = spawn(python, [script, ...files], { stdio: ['pipe', 'pipe', 'inherit'] });
    const lines: Interface = createInterface({ input: this.process.stdout! });
    this.lines = lines[Symbol.asyncIterator]();
  }

  async run({ language }: Documents): Promise<Pass> {
    this.process.stdin!.write(`${language}\n`);
    const { value, done } = await this.lines.next();
    if (done) throw new Error('the peer ended early');
    return JSON.parse(value) as Pass;
  }

  close(): void {
    this.process.stdin!.end();
  }
}

const { values, positionals } = parseArgs({
  allowPositionals: true,
  options: {
    mb: { type: 'string', default: '10' },
    rounds: { type: 'string', default: '7' },
    python: { type: 'string' },
  },
});
const all: Documents[] = [];
for (const argument of positionals) {
  const [language, file] = argument.split('=');
  all.push(await readDocuments(language, file, Number(values.mb)));
}
const peer = values.python === undefined ? undefined : new Peer(values.python, all);
const speeds = new Map<string, number[]>();

function note(name: string, documents: Documents, pass: Pass): void {
  const key = `${name},${documents.language}`;
  speeds.set(key, [...(speeds.get(key) ?? []), documents.sizeBytes / 1e6 / pass.seconds]);
}

for (let round = 0; round < Number(values.rounds); round++) {
  for (const documents of all) {
    const ours = runOurs(documents);
    note('dots.ts', documents, ours);
    if (!peer) continue;
    const theirs = await peer.run(documents);
    if (theirs.tokens !== ours.tokens) throw new Error(`${theirs.tokens} tokens there, ${ours.tokens} here`);
    note('tokenizers', documents, theirs);
  }
}
peer?.close();

const median = (sorted: readonly number[]) => sorted[sorted.length >> 1];
console.log('name,lang,mb_per_s_median,min,max,ratio,megabytes,rounds,machine');
for (const [key, found] of speeds) {
  const sorted = found.toSorted((a, b) => a - b);
  const reference = speeds.get(key.replace(/^[^,]+/, 'tokenizers'))?.toSorted((a, b) => a - b);
  const numbers = [median(sorted), sorted[0], sorted[sorted.length - 1]].map((value) => value.toFixed(2));
  const ratio = reference ? (median(sorted) / median(reference)).toFixed(2) : '';
  console.log(
    [key, ...numbers, ratio, values.mb, sorted.length, cpus()[0]?.model.trim() ?? 'unknown'].join(','),
  );
}
