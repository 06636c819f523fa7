#!/usr/bin/env node
/**
 * llama.cpp through node-llama-cpp: what it says about a file, and how fast it is.
 *
 *   node node-llama-cpp.mjs greedy MODEL --tokens 1,2,3 -n 48 [--ignore-eos]
 *   node node-llama-cpp.mjs logits MODEL --tokens 1,2,3 [--top 5] [--out ALL.f32] [--own-defaults]
 *   node node-llama-cpp.mjs loss MODEL --tokens 1,2,3
 *   node node-llama-cpp.mjs tokenize MODEL --text T [--special]
 *   node node-llama-cpp.mjs bench MODEL -p 512 -n 128 -r 3 --threads 2 [--depth 0,4096] [--parallel 8]
 *
 * One JSON document on stdout. The package is not a dependency of this project; install it anywhere and name the folder:
 *
 *   mkdir /tmp/peers && cd /tmp/peers && npm init -y && npm i --ignore-scripts node-llama-cpp@3.22.1
 *   node .../node-llama-cpp.mjs bench MODEL --package /tmp/peers
 */
import { existsSync, readFileSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import { pathToFileURL } from 'node:url';
import { parseArgs } from 'node:util';

const { values: flags, positionals } = parseArgs({
  allowPositionals: true,
  options: {
    package: { type: 'string', default: process.cwd() },
    tokens: { type: 'string' },
    text: { type: 'string' },
    special: { type: 'boolean', default: false },
    'ignore-eos': { type: 'boolean', default: false },
    'own-defaults': { type: 'boolean', default: false },
    top: { type: 'string', default: '5' },
    out: { type: 'string' },
    prompt: { type: 'string', short: 'p', default: '512' },
    predict: { type: 'string', short: 'n', default: '128' },
    repeat: { type: 'string', short: 'r', default: '3' },
    threads: { type: 'string' },
    depth: { type: 'string', default: '0' },
    parallel: { type: 'string', default: '0' },
  },
});

/**
 * The package is not installed here, so its objects have no types.
 * @typedef {any} Sequence
 */

/** @type {Record<string, () => Promise<object>>} */
const MODES = { greedy, logits, loss, tokenize, bench };
const [mode, modelPath] = positionals;
if (!MODES[mode] || !modelPath) {
  fail(
    'Cannot run: a mode and a model are required',
    `node-llama-cpp.mjs ${Object.keys(MODES).join('|')} MODEL.gguf`,
    2,
  );
}
if (!existsSync(modelPath))
  fail(`Cannot open ${modelPath}: there is no such file`, 'give the path of a .gguf file');

// With its f16 cache and flash attention llama.cpp is 0.003 to 0.015 away from transformers on f32 weights; with these,
// 0.00001. Benchmarks keep its own, faster, defaults, as --own-defaults does.
const EXACT = {
  flashAttention: false,
  experimentalKvCacheKeyType: 'F32',
  experimentalKvCacheValueType: 'F32',
};

const { package: nlc, version } = await loadPackage();
// Its threads spin while they wait: with other work on the machine, two are far slower than one, so only the benchmark asks for two.
const numThreads = Number(flags.threads ?? (mode === 'bench' ? 2 : 1));
const llama = await nlc.getLlama({
  gpu: false,
  build: 'never',
  maxThreads: numThreads,
  logLevel: nlc.LlamaLogLevel.error,
  progressLogs: false,
});
const model = await llama.loadModel({ modelPath: path.resolve(modelPath) });
const about = {
  peer: 'node-llama-cpp',
  version,
  llamaCpp: llama.llamaCppRelease.release,
  systemInfo: llama.systemInfo.trim(),
  model: path.basename(modelPath),
  threads: numThreads,
};
const result = await MODES[mode]();
process.stdout.write(`${JSON.stringify({ ...about, ...result })}\n`);
await llama.dispose();

/** Continues a prompt with the most likely token, the end token included. */
async function greedy() {
  const prompt = readTokens();
  const numPredict = Number(flags.predict);
  const { sequences, close } = await openSequences(1, prompt.length + numPredict);
  const tokens = [];
  for (let input = prompt; tokens.length < numPredict; ) {
    const next = await nextToken(sequences[0], input);
    tokens.push(next);
    if (!flags['ignore-eos'] && model.isEogToken(next)) break;
    input = [next];
  }
  await close();
  return { prompt, tokens, text: model.detokenize(tokens, true) };
}

/** Teacher forcing: the logits after every token of a given sequence. */
async function logits() {
  const tokens = readTokens();
  const wanted = flags.out ? true : { filter: { tokens: [], includeTop: Number(flags.top) } };
  // One cell more: before the last free cell is used, the package drops the start of the sequence (its context shift).
  const { sequences, close } = await openSequences(1, tokens.length + 1);
  const outputs = await sequences[0].controlledEvaluate(
    tokens.map((token) => [token, { generateNext: { logits: wanted } }]),
  );
  await close();
  /** @type {{ id: number, logit: number }[][]} */
  const rows = outputs.map((/** @type {any} */ output) =>
    [...output.next.logits].map(([id, logit]) => ({ id, logit })),
  );
  if (flags.out) {
    // The map may leave out nothing: a missing logit would be written as 0 and look like a number.
    const vocab = rows[0].length;
    const all = new Float32Array(rows.length * vocab).fill(Number.NaN);
    rows.forEach((row, position) => {
      for (const { id, logit } of row) all[position * vocab + id] = logit;
    });
    writeFileSync(flags.out, all);
  }
  const top = rows.map((row) =>
    row.sort((a, b) => b.logit - a.logit || a.id - b.id).slice(0, Number(flags.top)),
  );
  return { tokens, argmax: top.map((row) => row[0].id), top };
}

/** The sum of −log p over all tokens but the first, in nats. */
async function loss() {
  const tokens = readTokens();
  const { sequences, close } = await openSequences(1, tokens.length);
  let nats = 0;
  // A few positions at a time: all logits of a long text do not fit into memory.
  for (let begin = 0; begin + 1 < tokens.length; begin += 8) {
    const inputs = tokens.slice(begin, Math.min(begin + 8, tokens.length - 1));
    const outputs = await sequences[0].controlledEvaluate(
      inputs.map((token) => [token, { generateNext: { logits: true } }]),
    );
    outputs.forEach((/** @type {any} */ { next }, /** @type {number} */ i) => {
      const max = Math.max(...next.logits.values());
      let sum = 0;
      for (const logit of next.logits.values()) sum += Math.exp(logit - max);
      nats += max + Math.log(sum) - next.logits.get(tokens[begin + i + 1]);
    });
  }
  await close();
  return { tokens: tokens.length, nats };
}

async function tokenize() {
  if (flags.text === undefined) return fail('Cannot tokenize without text', 'add --text T', 2);
  return { tokens: model.tokenize(flags.text, flags.special) };
}

/** Rows as llama-bench names them: pp512 prefill, tg128 decode, tg128@d4096 after 4096 tokens, tg128x8 eight at once. */
async function bench() {
  const numPrompt = Number(flags.prompt);
  const numPredict = Number(flags.predict);
  const numParallel = Number(flags.parallel);
  const depths = flags.depth.split(',').filter(Boolean).map(Number);
  const rows = [];
  const random = randomTokens();

  if (numPrompt > 0) {
    const { sequences, close } = await openSequences(1, numPrompt);
    rows.push(
      await measure(`pp${numPrompt}`, numPrompt, async () => {
        await sequences[0].clearHistory();
        const prompt = random(numPrompt);
        return timed(() => nextToken(sequences[0], prompt));
      }),
    );
    await close();
  }
  for (const depth of numPredict > 0 ? depths : []) {
    const { sequences, close } = await openSequences(1, depth + numPredict + 1);
    rows.push(
      await measure(`tg${numPredict}${depth > 0 ? `@d${depth}` : ''}`, numPredict, async () => {
        // A sequence that keeps its first `depth` tokens need not read them again.
        if (sequences[0].nextTokenIndex > depth) {
          await sequences[0].eraseContextTokenRanges([{ start: depth, end: sequences[0].nextTokenIndex }]);
        } else if (depth > 0) await sequences[0].evaluateWithoutGeneratingNewTokens(random(depth));
        return timed(() => decode(sequences[0], random(1)[0], numPredict));
      }),
    );
    await close();
  }
  if (numParallel > 0) {
    const { sequences, close } = await openSequences(numParallel, numPredict + 1);
    rows.push(
      await measure(`tg${numPredict}x${numParallel}`, numPredict * numParallel, async () => {
        for (const sequence of sequences) await sequence.clearHistory();
        const first = random(numParallel);
        return timed(() => Promise.all(sequences.map((one, i) => decode(one, first[i], numPredict))));
      }),
    );
    await close();
  }
  return { rows };
}

/**
 * Decoding as a user does it: every token is sampled (greedily) and fed back.
 * @param {Sequence} sequence
 * @param {number} first
 * @param {number} count
 */
async function decode(sequence, first, count) {
  let token = first;
  for (let i = 0; i < count; i++) token = await nextToken(sequence, [token]);
}

/**
 * @param {Sequence} sequence
 * @param {number[]} tokens
 * @returns {Promise<number>}
 */
async function nextToken(sequence, tokens) {
  const input = [
    ...tokens.slice(0, -1),
    [tokens.at(-1), { generateNext: { token: true, options: { temperature: 0 } } }],
  ];
  return (await sequence.controlledEvaluate(input)).at(-1).next.token;
}

/**
 * @param {number} count
 * @param {number} contextSize
 * @returns {Promise<{ sequences: Sequence[], close: () => Promise<void> }>}
 */
async function openSequences(count, contextSize) {
  const context = await model.createContext({
    sequences: count,
    // llama.cpp rounds contexts up to 256 cells; asking for a multiple keeps what is measured the same.
    contextSize: Math.ceil(contextSize / 256) * 256,
    batchSize: 512,
    threads: { ideal: numThreads, min: numThreads },
    ...(mode === 'bench' || flags['own-defaults'] ? {} : EXACT),
  });
  const sequences = Array.from({ length: count }, () => context.getSequence());
  return { sequences, close: () => context.dispose() };
}

/**
 * @param {string} test
 * @param {number} numTokens
 * @param {() => Promise<number>} run milliseconds
 */
async function measure(test, numTokens, run) {
  await run(); // the first run pages the weights in
  const speeds = [];
  for (let i = 0; i < Number(flags.repeat); i++) speeds.push(numTokens / ((await run()) / 1000));
  speeds.sort((a, b) => a - b);
  const middle = speeds.length >> 1;
  const median = speeds.length % 2 ? speeds[middle] : (speeds[middle - 1] + speeds[middle]) / 2;
  return { test, tokensPerSecond: { median, min: speeds[0], max: speeds.at(-1) } };
}

/** @param {() => Promise<unknown>} run */
async function timed(run) {
  const start = performance.now();
  await run();
  return performance.now() - start;
}

function randomTokens() {
  let state = 12345;
  // Ordinary tokens only: the ids of small vocabularies start with the 256 bytes.
  const next = () => {
    state = (Math.imul(state, 1664525) + 1013904223) >>> 0;
    return (state >>> 8) % 256;
  };
  return (/** @type {number} */ count) => Array.from({ length: count }, next);
}

function readTokens() {
  if (!flags.tokens) return fail('Cannot run without token ids', 'add --tokens 1,2,3 or --tokens @FILE', 2);
  const text = flags.tokens.startsWith('@') ? readFileSync(flags.tokens.slice(1), 'utf8') : flags.tokens;
  return (text.match(/\d+/g) ?? []).map(Number);
}

async function loadPackage() {
  const candidates = [flags.package, path.join(flags.package, 'node_modules/node-llama-cpp')];
  const found = candidates.find((folder) => existsSync(path.join(folder, 'dist/bindings/getLlama.js')));
  if (!found) {
    return fail(
      `Cannot find node-llama-cpp in ${flags.package}`,
      'npm i --ignore-scripts node-llama-cpp@3.22.1 in some folder, then add --package FOLDER',
    );
  }
  const { version } = JSON.parse(readFileSync(path.join(found, 'package.json'), 'utf8'));
  return { package: await import(pathToFileURL(path.resolve(found, 'dist/index.js')).href), version };
}

/**
 * @param {string} message
 * @param {string} hint
 * @param {number} exitCode
 * @returns {never}
 */
function fail(message, hint, exitCode = 1) {
  process.stderr.write(`error: ${message}\nhint:  ${hint}\n`);
  process.exit(exitCode);
}
