// Picks short, self-contained conversations out of a collection of chat sets, for annealing and tuning mini.
// node examples/runs/mini/make-chat.mjs CHAT_FOLDER OUT_FOLDER
import { createHash } from 'node:crypto';
import { readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { gunzipSync } from 'node:zlib';

const [from, to] = process.argv.slice(2);

/** What is taken of each set: turns, longest question and answer in characters. */
const SETS = {
  en: [
    { file: 'en_dolly_subset', turns: 1, question: 160, answer: 320 },
    { file: 'en_oasst1', turns: 2, question: 200, answer: 360 },
    { file: 'en_self_instruct_human', turns: 1, question: 200, answer: 320 },
    { file: 'en_topical_chat', turns: 2, question: 160, answer: 200 },
    { file: 'en_gsm8k_train', turns: 1, question: 160, answer: 220 },
    { file: 'en_fairytaleqa', turns: 1, question: 700, answer: 160 },
  ],
  zh: [
    { file: 'zh_howtocook', turns: 2, question: 120, answer: 260 },
    { file: 'zh_kdconv', turns: 3, question: 80, answer: 120 },
    { file: 'zh_drcd', turns: 1, question: 420, answer: 80 },
    { file: 'zh_crosswoz', turns: 2, question: 80, answer: 120 },
  ],
};

// Code, links, tables and talk of other assistants are beyond a model of this size, or wrong in its mouth.
const UNWANTED =
  /```|https?:|www\.|\||\\[a-z]+\{|open.?assistant|as an ai|language model|chatgpt|laion|<[a-z]+>/i;
/** @param {{ question: number, answer: number }} longest */
const isFine =
  ({ question, answer }) =>
  (/** @type {{ role: string, content: string }} */ message) =>
    message.content.length <= (message.role === 'user' ? question : answer) &&
    message.content.trim() !== '' &&
    !UNWANTED.test(message.content);

for (const [language, sets] of Object.entries(SETS)) {
  const lines = [];
  for (const set of sets) {
    const text = gunzipSync(readFileSync(join(from, `${set.file}.jsonl.gz`))).toString();
    let taken = 0;
    for (const line of text.trim().split('\n')) {
      const messages = JSON.parse(line).messages.slice(0, 2 * set.turns);
      if (!messages.every(isFine(set))) continue;
      taken++;
      lines.push(JSON.stringify({ messages, source: set.file }));
    }
    process.stderr.write(`${set.file}: ${taken} conversations\n`);
  }
  // The order of the files would be the order of subjects.
  const key = (/** @type {string} */ line) => createHash('md5').update(line).digest('hex');
  lines.sort((a, b) => (key(a) < key(b) ? -1 : 1));
  writeFileSync(join(to, `chat-${language}.jsonl`), `${lines.join('\n')}\n`);
}
