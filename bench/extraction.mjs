/**
 * Extraction of main text next to trafilatura: word F1, pieces that must and must not be there, processor time.
 *
 *   node scripts/build.mjs
 *   node bench/extraction.mjs (--python VENV/bin/python | --peer FOLDER) [--cross-validated CHOSEN.jsonl] PAGES.jsonl.gz…
 *
 * `--python` runs trafilatura on the same pages; `--peer` takes what peers/trafilatura-extract.py has printed, one SET.jsonl for each
 * set. What is measured depends on what a file has: "main_content" or "gold_text" (mean over pages
 * of the F1 of words `\w+`, Unicode, lower case, as bags) or "with" and "without" (F1 of pieces over all pages: those that must be
 * there and are, those that must not be and are). Pages that the shipped models have learned from would flatter them: there the
 * text is made of the lines that models without the site of the page have chosen (scripts/extraction/train.py --predictions).
 */
import { spawn } from 'node:child_process';
import { readFileSync } from 'node:fs';
import os from 'node:os';
import { basename, dirname, join } from 'node:path';
import { createInterface } from 'node:readline';
import { fileURLToPath } from 'node:url';
import { parseArgs } from 'node:util';
import { PageBudget } from '../dist/data/extract/budget.js';
import { extractPage } from '../dist/data/extract/extract-page.js';
import { parsePage } from '../dist/data/extract/parse-page.js';
import { renderLines } from '../dist/data/extract/render-lines.js';
import { readJsonLines } from '../dist/data/json-lines.js';
import { wordF1, wordsOf } from '../scripts/extraction/labels.mjs';

/**
 * @typedef {{
 *   id: string, html: string, url: string | undefined, type: string, reference: string | undefined,
 *   with: string[], without: string[], language: string,
 * }} Page
 * @typedef {{ text: string, ms: number, pageType?: string }} Outcome
 */

const { values: flags, positionals: files } = parseArgs({
  allowPositionals: true,
  options: {
    python: { type: 'string' },
    peer: { type: 'string' },
    'cross-validated': { type: 'string' },
    note: { type: 'string', default: '' },
  },
});
const PEER = join(dirname(fileURLToPath(import.meta.url)), 'peers', 'trafilatura-extract.py');
const date = new Date().toISOString().slice(0, 10);
const machine = os.cpus()[0].model.trim();

/**
 * What models that had not seen the site of a page have chosen, by file and id.
 * @type {Map<string, { kept: number[], type: string }>}
 */
const crossValidated = new Map();
if (flags['cross-validated'] !== undefined) {
  for (const line of readFileSync(flags['cross-validated'], 'utf8').trim().split('\n')) {
    const { file, id, kept, found } = JSON.parse(line);
    crossValidated.set(`${file} ${id}`, { kept, type: found });
  }
}

console.log(
  'date,machine,set,part,pages,measure,dots,dotsBy,peer,peerName,dotsMsMean,dotsMsMedian,peerMsMean,peerMsMedian,note',
);
/** @param {string} file */
async function measure(file) {
  /** @type {Page[]} */
  const pages = [];
  for await (const { fields } of readJsonLines(file)) {
    const reference = fields.main_content ?? fields.gold_text;
    pages.push({
      id: `${basename(file)} ${fields.id}`,
      html: String(fields.html),
      url: typeof fields.url === 'string' ? fields.url : undefined,
      type: String(fields.page_type ?? ''),
      reference: typeof reference === 'string' ? reference : undefined,
      with: listOf(fields.with),
      without: listOf(fields.without),
      language: String(fields.lang ?? ''),
    });
  }
  const set = basename(file).replace(/\.jsonl(\.gz)?$/, '');
  const ours = pages.map(extract);
  const { outcomes: theirs, version } =
    flags.peer === undefined ? await runPeer(pages) : readPeer(join(flags.peer, `${set}.jsonl`));
  const all = pages.map((_, i) => i);
  const groups = new Map([['all', all]]);
  for (const key of /** @type {const} */ (['type', 'language'])) {
    for (const name of new Set(pages.map((page) => page[key]))) {
      if (name !== '')
        groups.set(
          name,
          all.filter((i) => pages[i][key] === name),
        );
    }
  }
  const hasReference = pages.some((page) => page.reference !== undefined);
  for (const [part, chosen] of groups) {
    const isLearned = chosen.some((i) => crossValidated.has(pages[i].id));
    const by = isLearned ? 'cross-validated over sites' : 'pages not learned from';
    const score = (/** @type {Outcome[]} */ outcomes) =>
      hasReference
        ? meanOf(chosen.map((i) => wordF1(wordsOf(outcomes[i].text), wordsOf(pages[i].reference ?? ''))))
        : pieceF1(chosen.map((i) => ({ page: pages[i], text: outcomes[i].text })));
    row([
      date,
      machine,
      set,
      part,
      chosen.length,
      hasReference ? 'word F1' : 'piece F1',
      score(ours).toFixed(4),
      by,
      score(theirs).toFixed(4),
      `trafilatura ${version}`,
      ...[ours, theirs].flatMap((outcomes) => {
        const times = chosen.map((i) => outcomes[i].ms).sort((a, b) => a - b);
        return [meanOf(times).toFixed(2), times[times.length >> 1].toFixed(2)];
      }),
      flags.note,
    ]);
    if (pages[0].type === '') continue;
    const accuracy = meanOf(chosen.map((i) => (ours[i].pageType === pages[i].type ? 1 : 0)));
    row([
      date,
      machine,
      set,
      part,
      chosen.length,
      'page type',
      accuracy.toFixed(4),
      by,
      '',
      '',
      '',
      '',
      '',
      '',
      flags.note,
    ]);
  }
}

/**
 * @param {Page} page
 * @returns {Outcome}
 */
function extract({ id, html, url }) {
  const before = process.cpuUsage();
  let text = '';
  let pageType = '';
  try {
    ({ text, pageType } = extractPage(html, { url }));
  } catch (error) {
    console.error(`${url}: ${/** @type {Error} */ (error).message}`);
  }
  const { user, system } = process.cpuUsage(before);
  const ms = (user + system) / 1000;
  const chosen = crossValidated.get(id);
  if (!chosen) return { text, pageType, ms };
  const page = parsePage(html, new PageBudget({ maxMs: 60_000 }));
  const isKept = new Uint8Array(page.lines.length);
  for (const line of chosen.kept) isKept[line] = 1;
  return { text: renderLines(page, isKept), pageType: chosen.type, ms };
}

/**
 * @param {Page[]} pages
 * @returns {Promise<{ outcomes: Outcome[], version: string }>}
 */
async function runPeer(pages) {
  if (flags.python === undefined)
    throw new Error('--python: an interpreter that has trafilatura (bench/peers/trafilatura-extract.py)');
  const child = spawn(flags.python, [PEER], { stdio: ['pipe', 'pipe', 'inherit'] });
  const lines = createInterface({ input: child.stdout })[Symbol.asyncIterator]();
  const next = async () => JSON.parse((await lines.next()).value);
  /** @type {Outcome[]} */
  const outcomes = [];
  for (const { html, url } of pages) {
    child.stdin.write(`${JSON.stringify({ html, url })}\n`);
    outcomes.push(await next());
  }
  child.stdin.end();
  const { version } = await next();
  return { outcomes, version };
}

/**
 * @param {string} file
 * @returns {{ outcomes: Outcome[], version: string }}
 */
function readPeer(file) {
  const rows = readFileSync(file, 'utf8')
    .trim()
    .split('\n')
    .map((line) => JSON.parse(line));
  return { outcomes: rows.slice(0, -1), version: rows[rows.length - 1].version };
}

/**
 * F1 of the pieces of all pages together, as trafilatura's own evaluation counts them.
 * @param {{ page: Page, text: string }[]} results
 */
function pieceF1(results) {
  let found = 0;
  let missed = 0;
  let wrong = 0;
  for (const { page, text } of results) {
    for (const piece of page.with)
      if (text.includes(piece)) found++;
      else missed++;
    for (const piece of page.without) if (text.includes(piece)) wrong++;
  }
  return (2 * found) / (2 * found + missed + wrong);
}

/** @param {readonly number[]} values */
function meanOf(values) {
  return values.reduce((a, b) => a + b, 0) / values.length;
}

/** @param {unknown} value */
function listOf(value) {
  return Array.isArray(value) ? value.filter((piece) => typeof piece === 'string' && piece !== '') : [];
}

/** @param {readonly (string | number)[]} cells */
function row(cells) {
  console.log(cells.map((cell) => (/[",]/.test(String(cell)) ? JSON.stringify(cell) : cell)).join(','));
}

for (const file of files) await measure(file);
