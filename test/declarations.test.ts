import { spawnSync } from 'node:child_process';
import { mkdirSync, mkdtempSync, readFileSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { afterAll, expect, it } from 'vitest';
import { API_PAGE, apiPage, writeDeclarations } from '../scripts/api-docs.mjs';

const ROOT = fileURLToPath(new URL('..', import.meta.url));
const folder = mkdtempSync(join(tmpdir(), 'dots-declarations-'));
afterAll(() => rmSync(folder, { recursive: true }));

it('docs/api.md is what "node scripts/api-docs.mjs" writes', () => {
  expect(apiPage()).toBe(readFileSync(API_PAGE, 'utf8'));
});

const CONSUMER = `
import { createServer, type Message, open, type SamplingOptions, type Tokenizer } from 'dots.ts';
const options: SamplingOptions = { temperature: 0 };
export const model = await open('mini');
export const tokenizer: Tokenizer = model.tokenizer;
export const answer: string = (await model.ask('Hi', options)).text;
const history: Message[] = [{ role: 'user', content: 'Hi' }];
history.push(...(await model.ask(history)).messages, { role: 'user', content: 'And then?' });
for await (const event of model.chat([{ role: 'user', content: 'Hi' }], { signal: AbortSignal.timeout(1) }))
  if (event.type === 'finish') export_(event.usage.totalTokens);
function export_(total: number): void { void total; }
const server = await createServer(model, { port: 0 });
await server.close();
`;

it('a program that compiles for es2022, without types of its own and with checked libraries, can use the declarations', () => {
  const installed = join(folder, 'node_modules/dots.ts');
  mkdirSync(installed, { recursive: true });
  writeDeclarations(join(installed, 'dist'));
  writeFileSync(join(installed, 'package.json'), readFileSync(join(ROOT, 'package.json')));
  // What npm installs next to the package: its dependencies and nothing else.
  const { dependencies } = JSON.parse(readFileSync(join(ROOT, 'package.json'), 'utf8')) as {
    dependencies: Record<string, string>;
  };
  for (const name of [...Object.keys(dependencies), 'undici-types']) {
    mkdirSync(dirname(join(folder, 'node_modules', name)), { recursive: true });
    symlinkSync(join(ROOT, 'node_modules', name), join(folder, 'node_modules', name));
  }
  writeFileSync(join(folder, 'package.json'), '{"type":"module"}');
  writeFileSync(join(folder, 'program.ts'), CONSUMER);
  const compilerOptions = {
    target: 'es2022',
    lib: ['es2022'],
    types: [],
    module: 'nodenext',
    strict: true,
    skipLibCheck: false,
    noEmit: true,
  };
  writeFileSync(join(folder, 'tsconfig.json'), JSON.stringify({ compilerOptions, files: ['program.ts'] }));
  const tsc = join(dirname(createRequire(import.meta.url).resolve('typescript/package.json')), 'bin/tsc');
  const { stdout } = spawnSync(process.execPath, [tsc, '-p', folder], { encoding: 'utf8' });
  expect(stdout).toBe('');
});
