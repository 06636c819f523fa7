import { spawnSync } from 'node:child_process';
import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { describe, expect, it } from 'vitest';

const ROOT = fileURLToPath(new URL('..', import.meta.url));
/** docs/log.md is a record of experiments and CHANGELOG.md of releases: their figures do not change with new rows. */
const DOCUMENTS = [
  'README.md',
  'CONTRIBUTING.md',
  'models/README.md',
  'bench/README.md',
  ...readdirSync(join(ROOT, 'docs'), { recursive: true, encoding: 'utf8' })
    .filter((name) => name.endsWith('.md') && name !== 'log.md')
    .map((name) => `docs/${name}`),
];

describe('numbers in README and docs', () => {
  it('are those of bench/results', () => {
    const { status, stderr } = spawnSync(process.execPath, ['scripts/results.mjs', '--check'], {
      cwd: ROOT,
      encoding: 'utf8',
    });
    expect({ status, stderr }).toEqual({ status: 0, stderr: '' });
  });

  it.each(DOCUMENTS)('%s states no speed outside of generated blocks', (path) => {
    const typed = readFileSync(join(ROOT, path), 'utf8').replace(/<!-- (\w+): [\s\S]*?<!-- \/\1 -->/g, '');
    const speed =
      /\d ?(tokens\/s|tok\/s|tokens (a|per) second|[GMk]B\/s|× faster|times (as fast|faster|the speed))/;
    expect(typed.split('\n').filter((line) => speed.test(line))).toEqual([]);
  });
});
