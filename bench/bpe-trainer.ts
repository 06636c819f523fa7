/**
 * The BPE trainer compared with Hugging Face tokenizers: time, memory, and bytes per token on text it has not seen.
 *
 *   node bench/bpe-trainer.ts --vocab-size 16000 --held-out VALID.jsonl.gz FILE.jsonl... [--python PYTHON]
 *
 * Node >= 22.18 runs this file as it is; for older ones bundle it first:
 *   npx rolldown bench/bpe-trainer.ts --platform node --format esm -o /tmp/bpe-trainer.mjs
 * `--python` names an interpreter with `tokenizers`; without it the peer is left out. One CSV row each on stdout.
 */
import { execFileSync } from 'node:child_process';
import { createReadStream, mkdtempSync, readFileSync, rmSync, statSync } from 'node:fs';
import { cpus, tmpdir } from 'node:os';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { parseArgs } from 'node:util';
import { createGunzip } from 'node:zlib';
import { BpeTrainer } from '../src/text/bpe-trainer.ts';
import { tokenizerFromJson } from '../src/text/tokenizer-json.ts';

interface Row {
  readonly who: string;
  readonly countSeconds: string;
  readonly mergeSeconds: string;
  readonly seconds: number;
  readonly cpuSeconds: number;
  readonly peakMB: number;
  readonly tokenizerJson: string;
}

async function* textsOf(file: string): AsyncGenerator<string> {
  const bytes = createReadStream(file);
  const input = file.endsWith('.gz') ? bytes.pipe(createGunzip()) : bytes;
  for await (const line of createInterface({ input, crlfDelay: Number.POSITIVE_INFINITY })) {
    if (line !== '') yield (JSON.parse(line) as { text: string }).text;
  }
}

async function runOurs(files: readonly string[], vocabSize: number): Promise<Row> {
  const trainer = new BpeTrainer({ vocabSize, specialTokens: [] });
  let countMs = 0;
  const cpuStart = process.cpuUsage();
  for (const file of files) {
    for await (const text of textsOf(file)) {
      const start = performance.now();
      trainer.addText(text);
      countMs += performance.now() - start;
    }
  }
  const start = performance.now();
  const trained = await trainer.train();
  const mergeMs = performance.now() - start;
  const cpu = process.cpuUsage(cpuStart);
  return {
    who: 'dots.ts',
    countSeconds: (countMs / 1000).toFixed(1),
    mergeSeconds: (mergeMs / 1000).toFixed(1),
    seconds: (countMs + mergeMs) / 1000,
    cpuSeconds: (cpu.user + cpu.system) / 1e6,
    peakMB: process.resourceUsage().maxRSS / 1024,
    tokenizerJson: trained.tokenizerJson(),
  };
}

function runPeer(python: string, files: readonly string[], vocabSize: number): Row {
  const folder = mkdtempSync(join(tmpdir(), 'bpe-trainer-'));
  try {
    const out = join(folder, 'tokenizer.json');
    const script = join(process.cwd(), 'bench', 'peers', 'hf-train-tokenizer.py');
    const stdout = execFileSync(python, [script, String(vocabSize), out, ...files], { encoding: 'utf8' });
    const measured = JSON.parse(stdout) as Pick<Row, 'seconds' | 'cpuSeconds' | 'peakMB'>;
    return {
      ...measured,
      who: 'tokenizers',
      countSeconds: '',
      mergeSeconds: '',
      tokenizerJson: readFileSync(out, 'utf8'),
    };
  } finally {
    rmSync(folder, { recursive: true });
  }
}

async function bytesPerToken(tokenizerJson: string, file: string): Promise<number> {
  const tokenizer = tokenizerFromJson({ tokenizerJson: JSON.parse(tokenizerJson) });
  let numBytes = 0;
  let numTokens = 0;
  for await (const text of textsOf(file)) {
    numBytes += new TextEncoder().encode(text).length;
    numTokens += tokenizer.encode(text).length;
  }
  return numBytes / numTokens;
}

const { values, positionals: files } = parseArgs({
  allowPositionals: true,
  options: {
    'vocab-size': { type: 'string', default: '16000' },
    'held-out': { type: 'string', multiple: true, default: [] },
    python: { type: 'string' },
  },
});
const vocabSize = Number(values['vocab-size']);
const fileMB = (files.reduce((sum, file) => sum + statSync(file).size, 0) / 1e6).toFixed(0);
const rows = [await runOurs(files, vocabSize)];
if (values.python !== undefined) rows.push(runPeer(values.python, files, vocabSize));
const heldOut = values['held-out'];
const names = heldOut.map((file) => `bytesPerToken ${file.split('/').at(-1)}`);
console.log(['machine,who,fileMB,vocabSize,countS,mergeS,totalS,cpuS,peakMB', ...names].join(','));
for (const row of rows) {
  const ratios: string[] = [];
  for (const file of heldOut) ratios.push((await bytesPerToken(row.tokenizerJson, file)).toFixed(4));
  const times = [row.countSeconds, row.mergeSeconds, row.seconds.toFixed(1), row.cpuSeconds.toFixed(1)];
  const machine = cpus()[0]?.model.trim() ?? 'unknown';
  console.log([machine, row.who, fileMB, vocabSize, ...times, row.peakMB.toFixed(0), ...ratios].join(','));
}
