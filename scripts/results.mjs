/**
 * Writes the figures of README and docs: every block between `<!-- results: NAME -->` and `<!-- /results -->` and the
 * charts docs/speed.svg and docs/recipe.svg come from the newest rows of bench/results/*.csv. `--check` writes nothing and
 * exits with 1 when a file is out of date (test/results.test.ts).
 */
import { readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { recipeChart } from './recipe-results.mjs';
import { BLOCKS } from './results-blocks.mjs';
import { speedChart } from './results-chart.mjs';

const ROOT = fileURLToPath(new URL('..', import.meta.url));
const DOCUMENTS = [
  'README.md',
  'bench/README.md',
  'models/README.md',
  ...readdirSync(join(ROOT, 'docs'))
    .filter((name) => name.endsWith('.md'))
    .map((name) => `docs/${name}`),
];

/** @type {string[]} */
const stale = [];
for (const path of DOCUMENTS) update(path, withBlocks);
update('docs/speed.svg', speedChart);
update('docs/recipe.svg', recipeChart);
if (process.argv.includes('--check') && stale.length > 0) {
  console.error(`Out of date: ${stale.join(', ')}. Run "node scripts/results.mjs" and commit the result.`);
  process.exitCode = 1;
}

/**
 * @param {string} path
 * @param {(text: string, path: string) => string} write
 */
function update(path, write) {
  const file = join(ROOT, path);
  const before = readFileSync(file, 'utf8');
  const after = write(before, path);
  if (after === before) return;
  stale.push(path);
  if (!process.argv.includes('--check')) writeFileSync(file, after);
}

/**
 * @param {string} text
 * @param {string} path
 */
function withBlocks(text, path) {
  return text.replace(/<!-- results: (\S+) -->\n[\s\S]*?<!-- \/results -->/g, (_, name) => {
    if (!BLOCKS[name])
      throw new Error(`${path} names the block "${name}", which scripts/results-blocks.mjs lacks`);
    return `<!-- results: ${name} -->\n\n${BLOCKS[name]()}\n\n<!-- /results -->`;
  });
}
