#!/usr/bin/env node
// Lets llama.cpp and transformers run what `dots convert` writes, and records what they answer: peers.json.
//
//   npm run build
//   mkdir /tmp/peers && cd /tmp/peers && npm init -y && npm i --ignore-scripts node-llama-cpp@3.22.1
//   python3 -m venv /tmp/venv && /tmp/venv/bin/pip install torch transformers
//   node record.mjs --package /tmp/peers --python /tmp/venv/bin/python
//
// The test converts again and compares: same bytes as llama.cpp and transformers were given, same tokens from us.
import { execFileSync } from 'node:child_process';
import { createHash } from 'node:crypto';
import { mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { parseArgs } from 'node:util';

const { values: flags } = parseArgs({
  options: {
    package: { type: 'string', default: '/tmp/peers' },
    python: { type: 'string', default: '/tmp/venv/bin/python' },
    dots: { type: 'string', default: fileURLToPath(new URL('../../../bin/dots.js', import.meta.url)) },
  },
});
const fixtures = fileURLToPath(new URL('../../fixtures', import.meta.url));
const peer = fileURLToPath(new URL('../../../bench/peers/node-llama-cpp.mjs', import.meta.url));
/** @type {{ greedy: { prompt: string, tokens: number[], continuation: number[] }[] }} */
const { greedy } = JSON.parse(readFileSync(join(fixtures, 'tiny-hf.json'), 'utf8'));
const folder = mkdtempSync(join(tmpdir(), 'dots-record-'));
/** @param {string} path */
const sha256 = (path) => createHash('sha256').update(readFileSync(path)).digest('hex');
/**
 * @param {string} from
 * @param {string} to
 * @param {string[]} more
 */
const convert = (from, to, ...more) =>
  execFileSync('node', [flags.dots, 'convert', from, to, ...more], { stdio: 'inherit' });

/** @type {Record<string, string>} versions */
const made = {};
/** @type {Record<string, { sha256: string, greedy: number[][] }>} */
const gguf = {};
for (const type of ['f16', 'q8_0']) {
  const path = join(folder, `${type}.gguf`);
  convert(join(fixtures, 'tiny-hf'), path, '--type', type);
  const tokens = greedy.map((entry) => {
    const argv = ['greedy', path, '--tokens', entry.tokens.join(), '-n', String(entry.continuation.length)];
    const answer = JSON.parse(
      execFileSync('node', [peer, ...argv, '--package', flags.package], { encoding: 'utf8' }),
    );
    made.nodeLlamaCpp = answer.version;
    return answer.tokens;
  });
  gguf[type] = { sha256: sha256(path), greedy: tokens };
}

const hfFolder = join(folder, 'hf');
convert(join(fixtures, 'tiny-llamacpp.gguf'), hfFolder, '--type', 'bf16');
const script = `
import json, sys, torch, transformers
folder, prompts = sys.argv[1], json.loads(sys.argv[2])
model, report = transformers.AutoModelForCausalLM.from_pretrained(folder, dtype=torch.float32, output_loading_info=True)
assert not any(report.values()), report
tokenizer = transformers.AutoTokenizer.from_pretrained(folder)
answers = []
for prompt in prompts:
    ids = tokenizer.encode(prompt)
    output = model.generate(torch.tensor([ids]), max_new_tokens=48, do_sample=False)
    answers.append({"prompt": ids, "greedy": output[0, len(ids):].tolist()})
chat = tokenizer.apply_chat_template([{"role": "user", "content": "Hello!"}], add_generation_prompt=True, tokenize=False)
print(json.dumps({"version": transformers.__version__, "answers": answers, "chat": chat}))
`;
const prompts = JSON.stringify(greedy.map(({ prompt }) => prompt));
const { version, answers, chat } = JSON.parse(
  execFileSync(flags.python, ['-c', script, hfFolder, prompts], { encoding: 'utf8' }).split('\n').at(-2) ??
    '',
);
made.transformers = version;
const files = Object.fromEntries(readdirSync(hfFolder).map((name) => [name, sha256(join(hfFolder, name))]));
rmSync(folder, { recursive: true });

const text = JSON.stringify({ made, gguf, hf: { sha256: files, answers, chat } }, null, 1);
// Lists of numbers on one line.
writeFileSync(
  new URL('peers.json', import.meta.url),
  `${text.replace(/\[\s+(-?\d[^\]]*?)\s+\]/g, (_, list) => `[${list.replace(/\s+/g, ' ')}]`)}\n`,
);
