// Builds dist/ with tsc, the chat page with Vite, and, where make and a C++ compiler are present, the native backend.
// Without a compiler the reference backend is used; that is announced, and is not an error.
import { spawnSync } from 'node:child_process';
import { existsSync, symlinkSync } from 'node:fs';
import { createRequire } from 'node:module';
import { availableParallelism } from 'node:os';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { buildNative } from './build-native.mjs';

const root = join(dirname(fileURLToPath(import.meta.url)), '..');
/**
 * @param {string} command
 * @param {string[]} args
 */
const run = (command, args) => spawnSync(command, args, { cwd: root, stdio: 'inherit' }).status === 0;

const tscScript = join(
  dirname(createRequire(import.meta.url).resolve('typescript/package.json')),
  'bin',
  'tsc',
);
if (!run(process.execPath, [tscScript, '-p', 'tsconfig.build.json'])) process.exit(1);

/** @param {string} tool */
const has = (tool) => spawnSync(tool, ['--version'], { stdio: 'ignore' }).status === 0;
if (existsSync(join(root, 'native', 'Makefile'))) {
  const compiler = process.env.CXX ?? ['g++', 'clang++', 'c++'].find(has);
  if (!compiler || !has('make')) {
    console.error(
      'dots.ts: no C++ compiler or no make found; the (slower) reference backend will run. Install g++ and make, then run "npm run build".',
    );
  } else if (!(await buildNative({ folder: join(root, 'native'), compiler, jobs: availableParallelism() }))) {
    console.error(
      'dots.ts: the native backend did not build (see above); the (slower) reference backend will run.',
    );
  }
}

// The chat page: static files that the server serves.
if (existsSync(join(root, 'page'))) {
  const { build } = await import('vite');
  await build({ configFile: join(root, 'page', 'vite.config.js'), logLevel: 'warn' });
}

// `npx dots` works in a clone as it does where the package is installed.
const link = join(root, 'node_modules', '.bin', 'dots');
if (process.platform !== 'win32' && existsSync(dirname(link)) && !existsSync(link)) {
  symlinkSync(join('..', '..', 'bin', 'dots.js'), link);
}
