import { spawnSync } from 'node:child_process';
import { expect, it } from 'vitest';

it('the package holds every source that its native backend is built from', () => {
  const output = (command: string, ...args: string[]): string =>
    spawnSync(command, args, { encoding: 'utf8', maxBuffer: 1 << 26 }).stdout;
  const [{ files }] = JSON.parse(output('npm', 'pack', '--dry-run', '--json', '--ignore-scripts')) as [
    { files: { path: string }[] },
  ];
  const packed = new Set(files.map(({ path }) => path));
  const sources = output('git', 'ls-files', 'native')
    .split('\n')
    .filter((path) => /\.(cc|h|def)$|Makefile$/.test(path) && !path.startsWith('native/tests/'));
  expect(sources.length).toBeGreaterThan(50);
  expect(sources.filter((path) => !packed.has(path))).toEqual([]);
});
