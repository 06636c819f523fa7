/** Samples of bench/compare.mjs -> rows of its CSV and the table it prints. */
import { appendFileSync, existsSync, mkdirSync, writeFileSync } from 'node:fs';
import os from 'node:os';
import path from 'node:path';

/**
 * @typedef {import('./contenders.mjs').Contender} Contender
 *
 * All values of one test and contender, one a round.
 * @typedef {{ contender: Contender, test: string, unit: string, values: number[] }} Entry
 *
 * A row of the CSV; '' where a cell has no meaning.
 * @typedef {{
 *   date: string, machine: string, cores: number, model: string, test: string, threads: number, who: string,
 *   version: string, unit: string, median: number, min: number, max: number, rounds: number,
 *   percentOfLimit: number | '', oursOverThis: number | '', shareOfOwn: number | '',
 * }} ResultRow
 */

/** @type {(keyof ResultRow)[]} */
const COLUMNS = [
  'date',
  'machine',
  'cores',
  'model',
  'test',
  'threads',
  'who',
  'version',
  'unit',
  'median',
  'min',
  'max',
  'rounds',
  'percentOfLimit',
  'oursOverThis',
  'shareOfOwn',
];

export const machine = { name: os.cpus()[0].model.trim(), cores: os.cpus().length };

/** `Intel(R) Xeon(R) Processor @ 2.80GHz`, 2 -> `intel-xeon-processor-2.80ghz-2-cores.csv` */
export function machineFile() {
  const name = machine.name.toLowerCase().replaceAll(/\(r\)|\(tm\)/g, '');
  return `${name.replaceAll(/[^a-z0-9.]+/g, '-').replaceAll(/^-|-$/g, '')}-${machine.cores}-cores.csv`;
}

/** All samples of one model and test: by contender, one value a round. */
export class Samples {
  /** @type {Map<string, Entry>} */
  byKey = new Map();
  /**
   * Best limits seen, by test and contender: a neighbour that slowed a round down is not a limit of the machine.
   * @type {Map<string, number>}
   */
  limits = new Map();

  /**
   * @param {Contender} contender
   * @param {string} test
   * @param {string} unit
   * @param {number} value
   * @param {number} [limit]
   */
  add(contender, test, unit, value, limit) {
    const key = keyOf(test, contender);
    const entry = this.byKey.get(key) ?? { contender, test, unit, values: [] };
    this.byKey.set(key, entry);
    entry.values.push(value);
    if (limit) this.limits.set(key, Math.max(limit, this.limits.get(key) ?? 0));
  }

  /**
   * Ours know the limit of their instruction set; peers use the best there is.
   * @param {Entry} entry
   */
  limitOf({ contender, test }) {
    const own = this.limits.get(keyOf(test, contender));
    const all = [...this.limits].filter(([key]) => key.startsWith(`${withoutSuffix(test)}\n`));
    return own ?? Math.max(0, ...all.map(([, limit]) => limit));
  }

  /**
   * The median of the rounds' ratios, so that a machine that slows down between rounds does not count.
   * @param {Entry | undefined} one
   * @param {Entry | undefined} other
   * @returns {number | ''}
   */
  ratio(one, other) {
    if (!one || !other || one === other) return '';
    const ratios = other.values.flatMap((value, round) => one.values[round] / value || []);
    return median(ratios);
  }

  /**
   * @param {{ model: string, threads: number, date: string }} run
   * @returns {ResultRow[]}
   */
  rows({ model, threads, date }) {
    const entries = [...this.byKey.values()];
    return entries.map((entry) => {
      const { contender, test, unit, values } = entry;
      const first = entries.find((one) => one.contender.isOurs && one.test === withoutSuffix(test));
      const limit = this.limitOf(entry);
      return {
        date,
        machine: machine.name,
        cores: machine.cores,
        model,
        test,
        threads,
        who: contender.who,
        version: contender.version,
        unit,
        median: median(values),
        min: Math.min(...values),
        max: Math.max(...values),
        rounds: values.length,
        percentOfLimit: limit > 0 ? (100 * median(values)) / limit : '',
        oursOverThis: unit === '%' ? '' : this.ratio(first, entry),
        // With neighbours or at depth, against the same contender alone and at depth 0.
        shareOfOwn: this.ratio(entry, this.byKey.get(keyOf(base(test), contender))),
      };
    });
  }
}

/**
 * @param {string} test
 * @param {Contender} contender
 */
function keyOf(test, contender) {
  return `${test}\n${contender.who}`;
}

/**
 * `pp512+repack` is compared with `pp512`.
 * @param {string} test
 */
function withoutSuffix(test) {
  return test.replace('+repack', '');
}

/**
 * `tg64~2busy` and `tg64@d4096` -> `tg64`
 * @param {string} test
 */
function base(test) {
  return test.replace(/~\d+busy|@d\d+/, '');
}

/** @param {number[]} values */
export function median(values) {
  const sorted = values.toSorted((a, b) => a - b);
  const middle = sorted.length >> 1;
  return sorted.length % 2 ? sorted[middle] : (sorted[middle - 1] + sorted[middle]) / 2;
}

/**
 * @param {string} file
 * @param {ResultRow[]} rows
 */
export function appendRows(file, rows) {
  mkdirSync(path.dirname(file), { recursive: true });
  if (!existsSync(file)) writeFileSync(file, `${COLUMNS.join()}\n`);
  appendFileSync(file, rows.map((row) => `${COLUMNS.map((name) => cell(row[name])).join()}\n`).join(''));
}

/** @param {string | number} value */
function cell(value) {
  if (typeof value === 'number') return Number.isInteger(value) ? value : Number(value.toPrecision(4));
  return /[",\n]/.test(value) ? `"${value.replaceAll('"', '""')}"` : value;
}

/**
 * One line a row, for people.
 * @param {ResultRow} row
 */
export function formatRow(row) {
  const percent = row.percentOfLimit === '' ? '' : `${row.percentOfLimit.toFixed(0)} % of limit`;
  const ratio = row.oursOverThis === '' ? '' : `ours is ${row.oursOverThis.toFixed(2)} x`;
  const share = row.shareOfOwn === '' ? '' : `${(100 * row.shareOfOwn).toFixed(0)} % of its own`;
  const value = `${row.median.toPrecision(4)} ${row.unit}`;
  const cells = [
    row.test.padEnd(24),
    row.who.padEnd(26),
    value.padStart(16),
    percent.padStart(16),
    ratio,
    share,
  ];
  return cells.join('  ').trimEnd();
}
