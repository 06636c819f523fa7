// `npm start`: builds what is missing and serves the shipped model, or a small one from the tests until there is one.
import { spawnSync } from 'node:child_process';
import { existsSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';

const root = join(dirname(fileURLToPath(import.meta.url)), '..');
const main = join(root, 'dist', 'cli', 'main.js');
if (!existsSync(main)) {
  const built = spawnSync(process.execPath, [join(root, 'scripts', 'build.mjs')], { stdio: 'inherit' });
  if (built.status !== 0) process.exit(1);
}
const args = process.argv.slice(2);
const model = existsSync(join(root, 'models', 'mini.gguf'))
  ? 'mini'
  : join(root, 'test', 'fixtures', 'tiny-llamacpp.gguf');
const isModelGiven = args.length > 0 && !args[0].startsWith('-');
process.exitCode = await (await import(main)).main(['serve', ...(isModelGiven ? [] : [model]), ...args]);
