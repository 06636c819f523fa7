/** Rows of bench/results/*.csv, and the newest measurement of a test with everyone who took part in it. */
import { readdirSync, readFileSync } from 'node:fs';

const FOLDER = new URL('../bench/results/', import.meta.url);

/**
 * Values as text, by column.
 * @typedef {Record<string, string>} Row
 *
 * The rows of one comparison, by contender.
 * @typedef {Map<string, Row>} Comparison
 */

/**
 * `train.csv` -> one object for each row.
 * @param {string} name
 * @returns {Row[]}
 */
export function readCsv(name) {
  const [head, ...lines] = readFileSync(new URL(name, FOLDER), 'utf8').trim().split('\n').map(cells);
  return lines.map((line) => Object.fromEntries(head.map((column, i) => [column, line[i] ?? ''])));
}

/** Rows of bench/compare.mjs from all machines, oldest first. */
export function comparisonRows() {
  return readdirSync(FOLDER)
    .filter((name) => name.endsWith('-cores.csv'))
    .flatMap(readCsv)
    .sort((a, b) => a.date.localeCompare(b.date));
}

/**
 * The newest comparison of a test: each begins with the row of dots.ts, and the rows of the peers follow. Peers that were
 * not measured then are absent: figures of different runs are not put side by side.
 * @param {Row[]} rows
 * @param {(row: Row) => boolean} isTest
 * @returns {Comparison}
 */
export function newestComparison(rows, isTest) {
  /** @type {Comparison} */
  let newest = new Map();
  /** @type {Comparison} */
  let current = new Map();
  for (const row of rows.filter(isTest)) {
    if (row.who === 'dots.ts') current = new Map();
    current.set(contender(row), row);
    if (row.who !== 'dots.ts' && current.has('dots.ts')) newest = current;
  }
  return newest;
}

/**
 * `ik_llama.cpp` with weights repacked at load is a contender of its own.
 * @param {Row} row
 */
function contender(row) {
  return row.test?.endsWith('+repack') ? `${row.who}, repacked` : row.who.replace(' (node-llama-cpp)', '');
}

/**
 * 1234.5 -> "1,235"; figures below 100 keep three digits.
 * @param {string | number} value
 */
export function figure(value) {
  const number = Number(value);
  const digits = number >= 100 ? 0 : number >= 10 ? 1 : 2;
  return number.toLocaleString('en', { minimumFractionDigits: digits, maximumFractionDigits: digits });
}

/**
 * A markdown table. Missing cells become a dash.
 * @param {string[]} head
 * @param {(string | undefined)[][]} rows
 */
export function table(head, rows) {
  const line = (/** @type {(string | undefined)[]} */ items) =>
    `| ${items.map((item) => (item === undefined || item === '' ? '–' : item)).join(' | ')} |`;
  return [line(head), line(head.map((_, i) => (i === 0 ? '---' : '--:'))), ...rows.map(line)].join('\n');
}

/**
 * @param {string} line
 * @returns {string[]}
 */
function cells(line) {
  return [...line.matchAll(/(?:^|,)(?:"((?:[^"]|"")*)"|([^,]*))/g)].map((match) =>
    match[1] === undefined ? match[2] : match[1].replaceAll('""', '"'),
  );
}
