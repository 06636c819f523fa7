// What the models of extraction learn from: features and labels of all lines of pages with reference text.
//
//   node scripts/build.mjs
//   node scripts/extraction/features.mjs FOLDER PAGES.jsonl.gz…
//
// writes what train.py reads into FOLDER: arrays, and FOLDER/pages.json for train.py. A page has "html", "url", and its
// text in "main_content" or "gold_text", or pieces of it in "with" and of the rest in "without"; those with "page_type" also teach the
// types.
import { mkdirSync, writeFileSync } from 'node:fs';
import { basename, join } from 'node:path';
import { PageBudget } from '../../dist/data/extract/budget.js';
import { lineFeatures } from '../../dist/data/extract/line-features.js';
import { CONTEXT_MODEL_FEATURES, LINE_MODEL_FEATURES } from '../../dist/data/extract/load-models.js';
import { PAGE_FEATURES, PAGE_TYPES, pageFeatures } from '../../dist/data/extract/page-features.js';
import { parsePage } from '../../dist/data/extract/parse-page.js';
import { readJsonLines } from '../../dist/data/json-lines.js';
import { labelLines, labelPieces, wordsOf } from './labels.mjs';

const [folder, ...files] = process.argv.slice(2);
if (files.length === 0) throw new Error('usage: features.mjs FOLDER PAGES.jsonl.gz…');
mkdirSync(folder, { recursive: true });

/** @type {Map<string, number>} */
const vocabulary = new Map();
const idOf = (/** @type {string} */ word) => {
  const known = vocabulary.get(word);
  if (known !== undefined) return known;
  vocabulary.set(word, vocabulary.size);
  return vocabulary.size - 1;
};

const pages = [];
const lineRows = [];
/** @type {Record<string, Buffer[]>} */
const columns = { runs: [], looks: [], parentLooks: [], headings: [] };
/** @type {Buffer[]} */
const statWords = [];
const pageRows = [];
/** @type {number[]} */
const labels = [];
/** @type {number[]} */
const tokens = [];
const offsets = [0];
for (const file of files) {
  for await (const { fields } of readJsonLines(file)) {
    const { id, html } = fields;
    const reference = String(fields.main_content ?? fields.gold_text ?? '');
    const url = typeof fields.url === 'string' ? fields.url : '';
    const type = typeof fields.page_type === 'string' ? fields.page_type : '';
    const pieces = [fields.with, fields.without].map((list) => (Array.isArray(list) ? list.map(String) : []));
    const hasPieces = reference === '' && type === '';
    if (hasPieces && pieces[0].length === 0) continue;
    const page = parsePage(String(html), new PageBudget({ maxMs: 60_000 }));
    const { values, stats, surroundings } = lineFeatures(page);
    for (const [name, column] of Object.entries(surroundings)) columns[name].push(Buffer.from(column.buffer));
    statWords.push(Buffer.from(Float32Array.from(stats, (line) => line.words).buffer));
    const texts = page.lines.map((line) => line.text);
    lineRows.push(Buffer.from(values.buffer));
    pageRows.push(Buffer.from(pageFeatures(page, stats, url).buffer));
    const own = hasPieces ? labelPieces(texts, pieces[0], pieces[1]) : labelLines(texts, reference);
    for (const share of own) labels.push(share);
    for (const text of texts) {
      for (const word of wordsOf(text)) tokens.push(idOf(word));
      offsets.push(tokens.length);
    }
    const host = URL.canParse(url) ? new URL(url).hostname.split('.').slice(-2).join('.') : String(id);
    pages.push({
      file: basename(file),
      id,
      type,
      site: host,
      lines: texts.length,
      reference: wordsOf(reference).map(idOf),
      hasPieces,
    });
  }
}
writeFileSync(join(folder, 'lines.bin'), Buffer.concat(lineRows));
for (const [name, parts] of Object.entries(columns))
  writeFileSync(join(folder, `${name}.bin`), Buffer.concat(parts));
writeFileSync(join(folder, 'words.bin'), Buffer.concat(statWords));
writeFileSync(join(folder, 'pages.bin'), Buffer.concat(pageRows));
writeFileSync(join(folder, 'labels.bin'), Buffer.from(Float32Array.from(labels).buffer));
writeFileSync(join(folder, 'tokens.bin'), Buffer.from(Int32Array.from(tokens).buffer));
writeFileSync(join(folder, 'offsets.bin'), Buffer.from(Int32Array.from(offsets).buffer));
writeFileSync(
  join(folder, 'pages.json'),
  JSON.stringify({
    pages,
    types: PAGE_TYPES,
    lineFeatures: LINE_MODEL_FEATURES,
    contextFeatures: CONTEXT_MODEL_FEATURES,
    pageFeatures: PAGE_FEATURES,
  }),
);
console.log(`${pages.length} pages, ${labels.length} lines, ${LINE_MODEL_FEATURES.length} features`);
