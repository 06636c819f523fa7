// Lets llama.cpp compute every model of test/convert/llama-cpp-models.ts as `dots convert` writes it, and records the
// arg-max at each position, or why it does not load: models.json. Needs Node 22.18 or later, which runs TypeScript.
//
//   mkdir /tmp/peers && cd /tmp/peers && npm init -y && npm i --ignore-scripts node-llama-cpp@3.22.1
//   node record.ts --package /tmp/peers
//
// llama.cpp runs with an f32 KV cache and without flash attention, its most exact setting. `margin`: the smallest distance
// between the two largest logits of a position; where it is far above 1e-4, the comparison does not depend on rounding.
import { spawnSync } from 'node:child_process';
import { createHash } from 'node:crypto';
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { parseArgs } from 'node:util';
import { runCli } from '../../cli/run-cli.ts';
import { llamaCppModel, llamaCppModelNames, writeLlamaCppFolder } from '../../convert/llama-cpp-models.ts';

const { values: flags } = parseArgs({ options: { package: { type: 'string', default: '/tmp/peers' } } });
const script = fileURLToPath(new URL('../../../bench/peers/node-llama-cpp.mjs', import.meta.url));
const folder = mkdtempSync(join(tmpdir(), 'dots-record-'));

const made: Record<string, string> = {};
const models: Record<string, object> = {};
for (const name of llamaCppModelNames()) {
  const path = await writeLlamaCppFolder(folder, name);
  const { code, stderr } = await runCli(['convert', path, `${path}.gguf`, '--type', 'f32']);
  if (code !== 0) throw new Error(`${name}: ${stderr}`);
  const sha256 = createHash('sha256')
    .update(readFileSync(`${path}.gguf`))
    .digest('hex');
  models[name] = { sha256, ...askLlamaCpp(`${path}.gguf`, llamaCppModel(name).tokens) };
  process.stderr.write(`${name} ${JSON.stringify(models[name]).slice(0, 160)}\n`);
}
rmSync(folder, { recursive: true });

function askLlamaCpp(path: string, tokens: readonly number[]): object {
  const argv = [script, 'logits', path, '--tokens', tokens.join(), '--top', '2', '--package', flags.package];
  const { status, stdout, stderr } = spawnSync(process.execPath, argv, {
    encoding: 'utf8',
    maxBuffer: 2 ** 28,
  });
  if (status !== 0) {
    const [, refused] = /(?:error loading model: |GGML_ASSERT)(.*)/.exec(stderr) ?? [];
    if (!refused && !stderr.includes('Failed to load model')) throw new Error(stderr);
    return { refused: refused ?? 'Failed to load model' };
  }
  const { argmax, top, version, llamaCpp } = JSON.parse(stdout);
  Object.assign(made, { nodeLlamaCpp: version, llamaCpp });
  const margins = top.map(([best, second]: { logit: number }[]) => best.logit - second.logit);
  return { margin: Number(Math.min(...margins).toPrecision(3)), argmax };
}

const text = JSON.stringify({ made, models }, null, 1);
// Lists of numbers on one line.
writeFileSync(
  new URL('models.json', import.meta.url),
  `${text.replace(/\[\s+(-?\d[^\]]*?)\s+\]/g, (_, list: string) => `[${list.replace(/\s+/g, '')}]`)}\n`,
);
