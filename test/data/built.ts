/** A build of its own for tests that start processes: dist/ may be older than the sources, or just being written. */
import { spawnSync } from 'node:child_process';
import { cpSync, existsSync, mkdirSync } from 'node:fs';
import { createRequire } from 'node:module';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';

const root = fileURLToPath(new URL('../..', import.meta.url));
export const BUILD = join(root, '.cache', 'data-test');
export const DOTS = join(BUILD, 'bin', 'dots.js');

export function buildProgram(): void {
  mkdirSync(BUILD, { recursive: true });
  for (const name of ['package.json', 'bin', 'lists'])
    cpSync(join(root, name), join(BUILD, name), { recursive: true });
  const typescript = dirname(createRequire(import.meta.url).resolve('typescript/package.json'));
  const flags = ['-p', join(root, 'tsconfig.build.json'), '--outDir', join(BUILD, 'dist')];
  const state = ['--tsBuildInfoFile', join(BUILD, 'tsbuildinfo')];
  spawnSync(process.execPath, [join(typescript, 'bin', 'tsc'), ...flags, ...state]);
  if (!existsSync(join(BUILD, 'dist/cli/main.js'))) throw new Error('the build failed');
}
