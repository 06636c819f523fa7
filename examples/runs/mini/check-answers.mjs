// Asks a model the questions that were held out and tells how many answers end by themselves and stay on topic.
// node examples/runs/mini/check-answers.mjs MODEL [--every N] [--show]
//
// On topic: the answer shares at least half of its words (characters in Chinese) with one of the answers written for the
// question, by F1. Sums are right or wrong.
import { readFileSync } from 'node:fs';

/** @type {typeof import('../../../src/index.ts')} */
const { open } = await import(new URL('../../../dist/index.js', import.meta.url).href);

const [path, ...flags] = process.argv.slice(2);
const every = flags.includes('--every') ? Number(flags[flags.indexOf('--every') + 1]) : 1;
/** @type {{ language: string, question: string, answers: string[], isSum?: boolean, isStory?: boolean }[]} */
const items = readFileSync(new URL('held-out.jsonl', import.meta.url), 'utf8')
  .trim()
  .split('\n')
  .map((line) => JSON.parse(line))
  .filter((_, i) => i % every === 0);

/**
 * @param {string} text
 * @param {string} language
 */
const parts = (text, language) =>
  language === 'zh'
    ? [...text.replace(/[\s，。！？、“”《》：:,.!?]/g, '')]
    : text
        .toLowerCase()
        .split(/[^a-z0-9]+/)
        .filter((word) => word !== '');

/**
 * @param {string} answer
 * @param {string} reference
 * @param {string} language
 */
function overlap(answer, reference, language) {
  const left = parts(reference, language);
  const given = parts(answer, language);
  const total = left.length + given.length;
  let shared = 0;
  for (const part of given) {
    const at = left.indexOf(part);
    if (at < 0) continue;
    left.splice(at, 1);
    shared++;
  }
  return total === 0 ? 0 : (2 * shared) / total;
}

const model = await open(path);
/** @type {Record<string, { asked: number, ended: number, onTopic: number }>} */
const counts = {};
for (const { language, question, answers, isSum, isStory } of items) {
  let text = '';
  let reason = '';
  for await (const event of model.chat([{ role: 'user', content: question }], {
    temperature: 0,
    maxTokens: 200,
  })) {
    if (event.type === 'token-delta') text += event.text;
    if (event.type === 'finish') reason = event.reason;
  }
  const score = Math.max(...answers.map((answer) => overlap(text, answer, language)));
  const isFine = isSum ? answers.includes(text.trim()) : score >= (isStory ? 0.35 : 0.5);
  const kind = `${language} ${isSum ? 'sums' : isStory ? 'stories' : 'everyday'}`;
  counts[kind] ??= { asked: 0, ended: 0, onTopic: 0 };
  counts[kind].asked++;
  if (reason === 'stop') counts[kind].ended++;
  if (isFine) counts[kind].onTopic++;
  if (flags.includes('--show'))
    process.stdout.write(`${isFine ? ' ' : '!'} ${question}\n    ${text.trim()}\n`);
}
process.stdout.write(`${JSON.stringify(counts)}\n`);
await model.close();
