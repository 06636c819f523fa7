// Lets llama.cpp run every file of test/quantize/quantised-files.ts as `dots quantize` writes it, and records some of its
// logits: logits.json and logits.f32. Needs Node 22.18 or later, which runs TypeScript, and the native addon.
//
//   mkdir /tmp/peers && cd /tmp/peers && npm init -y && npm i --ignore-scripts node-llama-cpp@3.22.1
//   node record-logits.ts --package /tmp/peers
//
// llama.cpp runs with an f32 KV cache and without flash attention, its most exact setting; activations it rounds to int8 as
// we do, each in its own way. bench/results/quantised-llama-cpp.csv gets a row for each file: the root mean square of the
// difference of all logits, relative to theirs, between us and llama.cpp, and of either from the reference backend, which
// rounds no activations.
import { spawnSync } from 'node:child_process';
import { createHash } from 'node:crypto';
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { parseArgs } from 'node:util';
import { runCli } from '../../cli/run-cli.ts';
import { logitsOf } from '../../convert/models.ts';
import { backendFor, IDS, POSITIONS, QUANTISED, TOKENS, writeModel } from '../../quantize/quantised-files.ts';

const { values: flags } = parseArgs({ options: { package: { type: 'string', default: '/tmp/peers' } } });
const script = fileURLToPath(new URL('../../../bench/peers/node-llama-cpp.mjs', import.meta.url));
const folder = mkdtempSync(join(tmpdir(), 'dots-record-'));
const at = (name: string): string => join(folder, name);

const { model, imatrix } = await writeModel(folder);
const made: Record<string, string> = {};
const files: Record<string, object> = {};
const recorded: number[] = [];
const rows = ['file,bitsPerWeight,oursToLlamaCpp,oursToExact,llamaCppToExact,sameArgmax'];
for (const [name, args] of QUANTISED) {
  const path = at('quantised.gguf');
  const quantised = await runCli([
    'quantize',
    model,
    path,
    ...args,
    '--imatrix',
    imatrix,
    '--json',
    '--force',
  ]);
  if (quantised.code !== 0) throw new Error(`${name}: ${quantised.stderr}`);
  const { bitsPerWeight } = JSON.parse(quantised.stdout) as { bitsPerWeight: number };
  const sha256 = createHash('sha256').update(readFileSync(path)).digest('hex');
  const theirs = askLlamaCpp(path);
  const exact = await logitsOf(path, TOKENS, 'reference');
  const ours = await logitsOf(path, TOKENS, backendFor(name));
  const same = ours.filter((row, i) => argmax(row) === argmax(theirs[i])).length;
  rows.push(
    [
      name,
      bitsPerWeight.toFixed(3),
      ...[distance(ours, theirs), distance(ours, exact), distance(theirs, exact)].map((x) =>
        x.toPrecision(3),
      ),
      `${same}/${TOKENS.length}`,
    ].join(','),
  );
  files[name] = { sha256 };
  for (const position of POSITIONS) for (const id of IDS) recorded.push(theirs[position][id]);
  process.stderr.write(`${rows.at(-1)}\n`);
}
rmSync(folder, { recursive: true });

function askLlamaCpp(path: string): Float32Array[] {
  const out = at('logits.f32');
  const argv = [script, 'logits', path, '--tokens', TOKENS.join(), '--out', out, '--package', flags.package];
  const { status, stdout, stderr } = spawnSync(process.execPath, argv, {
    encoding: 'utf8',
    maxBuffer: 2 ** 28,
  });
  if (status !== 0) throw new Error(stderr);
  const { version, llamaCpp } = JSON.parse(stdout) as { version: string; llamaCpp: string };
  Object.assign(made, { nodeLlamaCpp: version, llamaCpp });
  const bytes = readFileSync(out);
  const all = new Float32Array(bytes.buffer, bytes.byteOffset, bytes.length / 4);
  const vocab = all.length / TOKENS.length;
  return TOKENS.map((_, i) => all.slice(i * vocab, (i + 1) * vocab));
}

function distance(a: readonly Float32Array[], b: readonly Float32Array[]): number {
  let difference = 0;
  let size = 0;
  for (const [i, row] of a.entries())
    for (const [j, value] of row.entries()) {
      difference += (value - b[i][j]) ** 2;
      size += b[i][j] ** 2;
    }
  return Math.sqrt(difference / size);
}

function argmax(row: Float32Array): number {
  return row.indexOf(Math.max(...row));
}

writeFileSync(new URL('logits.json', import.meta.url), `${JSON.stringify({ made, files }, null, 1)}\n`);
writeFileSync(new URL('logits.f32', import.meta.url), Float32Array.from(recorded));
writeFileSync(
  new URL('../../../bench/results/quantised-llama-cpp.csv', import.meta.url),
  `${rows.join('\n')}\n`,
);
