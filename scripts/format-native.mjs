// Formats the C++ sources with the clang-format of package.json; with --check it only names the files that differ.
// It is the WebAssembly build: one file for every platform, and no install script for npm to warn about.

import { spawnSync } from 'node:child_process';
import { readdirSync } from 'node:fs';
import { createRequire } from 'node:module';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';

const root = fileURLToPath(new URL('..', import.meta.url));
const cli = join(
  dirname(createRequire(import.meta.url).resolve('@wasm-fmt/clang-format/package.json')),
  'clang-format-cli.cjs',
);
const files = readdirSync(join(root, 'native'), { recursive: true, encoding: 'utf8' })
  .filter((name) => !name.startsWith('build') && /\.(cc|h|def)$/.test(name))
  .map((name) => join('native', name));
const mode = process.argv.includes('--check') ? ['--dry-run', '--Werror'] : ['-i'];
const { status } = spawnSync(process.execPath, [cli, ...mode, ...files], { cwd: root, stdio: 'inherit' });
if (status !== 0 && mode.length === 2) console.error('run "npm run format" to format native/');
process.exit(status ?? 1);
