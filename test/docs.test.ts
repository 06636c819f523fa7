import {
  existsSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { afterAll, describe, expect, it, vi } from 'vitest';
import type { Model, RunningServer } from '../src/index.ts';
import { readRunConfig } from '../src/train/run-config.ts';
import { runCli } from './cli/run-cli.ts';
import { TINY_HF_FOLDER, TINY_LLAMACPP_GGUF } from './fixtures/golden-dots1.ts';

const ROOT = fileURLToPath(new URL('..', import.meta.url));
const readme = readFileSync(join(ROOT, 'README.md'), 'utf8');
const scratch = mkdtempSync(join(tmpdir(), 'dots-docs-'));
afterAll(() => rmSync(scratch, { recursive: true }));

/** Code blocks of a language, without comments. */
function blocks(text: string, language: string): string[] {
  return [...text.matchAll(new RegExp(`^\`\`\`${language}\\n([\\s\\S]*?)^\`\`\``, 'gm'))].map(
    (match) => match[1],
  );
}

describe('README', () => {
  const commands = blocks(readme, 'sh')
    .flatMap((block) => block.split('\n'))
    .map((line) => line.replace(/\s+#.*$/, ''))
    // A server runs until a signal ends it; test/http/process.slow.test.ts does that.
    .filter((line) => line.startsWith('npx dots ') && !line.startsWith('npx dots serve '));

  it('has commands to try', () => {
    expect(commands.length).toBeGreaterThan(5);
  });

  it.each(commands)('"%s" works', async (command) => {
    const words = command.match(/"[^"]*"|\S+/g)?.slice(2) ?? [];
    const substitutes: Readonly<Record<string, string>> = {
      MODEL: TINY_LLAMACPP_GGUF,
      FOLDER: TINY_HF_FOLDER,
      'model.gguf': join(scratch, 'model.gguf'),
      'q4.gguf': join(scratch, 'q4.gguf'),
      'test/fixtures/tiny-llamacpp.gguf': TINY_LLAMACPP_GGUF,
      // What a reader measures on a real model would take this test a minute.
      512: '8',
      128: '4',
    };
    const args = words.map((word) => substitutes[word] ?? word.replaceAll('"', ''));
    // A conversation of one line; the other commands don't read it.
    const { code, stderr } = await runCli(args, { stdin: 'Hi\n' });
    expect({ code, stderr: code === 0 ? '' : stderr }).toEqual({ code: 0, stderr: '' });
  });
});

/** Each program of the documents: its page, and its text with models that the tests have. */
const programs = ['README.md', 'docs/api.md', 'docs/errors.md', 'docs/structured-output.md'].flatMap((page) =>
  blocks(readFileSync(join(ROOT, page), 'utf8'), 'ts').map((code, i) => {
    const local = code
      .replace("'dots.ts'", "'../../src/index.ts'")
      .replace(/open\('(?!missing|mini)[^']+'\)/, `open(${JSON.stringify(TINY_HF_FOLDER)})`)
      .replace('port: 8000', 'port: 0')
      // A server runs until something closes it; its model with it.
      .replace(
        /^(?:const|await using) server = .*$/m,
        '$&\nObject.assign(globalThis, { documented: { server, model } });',
      )
      .replace('{ constraint }', '{ constraint, maxTokens: 8 }');
    return [page, i, local] as const;
  }),
);

interface Documented {
  readonly documented: { readonly server: RunningServer; readonly model: Model };
}

it.each(programs)('the program of %s prints something (%i)', async (page, i, code) => {
  const folder = join(ROOT, 'test', '.generated');
  mkdirSync(folder, { recursive: true });
  const file = join(folder, `${page.replaceAll(/\W/g, '-')}-${i}.ts`);
  writeFileSync(file, code);
  let printed = '';
  const print = (...texts: unknown[]): boolean => {
    printed += texts.join(' ');
    return true;
  };
  const spies = [
    vi.spyOn(process.stdout, 'write').mockImplementation(print as typeof process.stdout.write),
    vi.spyOn(console, 'log').mockImplementation(print),
    vi.spyOn(console, 'error').mockImplementation(print),
  ];
  try {
    await import(/* @vite-ignore */ file);
  } finally {
    for (const spy of spies) spy.mockRestore();
  }
  expect(printed.length).toBeGreaterThan(0);
  if (!code.includes('createServer(')) return;
  const { server, model } = (globalThis as unknown as Documented).documented;
  // `await using` would have closed it when its program was read to the end.
  try {
    expect((await fetch(`${server.url}/health`)).status).toBe(200);
  } finally {
    await server.close();
    await model.close();
  }
});

it('the run in docs/training.md is one that dots train accepts', () => {
  const [json] = blocks(readFileSync(join(ROOT, 'docs/training.md'), 'utf8'), 'json');
  expect(() => readRunConfig(JSON.parse(json), 'run.json')).not.toThrow();
});

/** Without code: a lambda looks like a link. */
const prose = (text: string): string => text.replaceAll(/^```.*?^```$/gms, '');

it('every source file that the documents name exists', () => {
  const sources = ['src', 'native', 'test', 'bench', 'scripts', 'page', 'examples'].flatMap((folder) =>
    readdirSync(join(ROOT, folder), { recursive: true, encoding: 'utf8' }).map((name) => `${folder}/${name}`),
  );
  const pages = readdirSync(join(ROOT, 'docs'), { recursive: true, encoding: 'utf8' }).map(
    (name) => `docs/${name}`,
  );
  const missing = ['README.md', 'CONTRIBUTING.md', 'models/README.md', 'bench/README.md', ...pages]
    .filter((page) => page.endsWith('.md'))
    .flatMap((page) =>
      [
        ...readFileSync(join(ROOT, page), 'utf8').matchAll(
          /`([\w./-]+\.(?:ts|tsx|cc|h|def|mjs|sh|py))(?:: \w+)?`/g,
        ),
      ]
        .map(([, name]) => name)
        .filter((name) => !sources.some((path) => path === name || path.endsWith(`/${name}`)))
        .map((name) => `${page}: ${name}`),
    );
  expect(missing).toEqual([]);
});

it('the native op of docs/add-an-op.md is the one in the tree', () => {
  const [code] = blocks(readFileSync(join(ROOT, 'docs/add-an-op.md'), 'utf8'), 'cpp');
  expect(code).toBe(readFileSync(join(ROOT, 'native/ops/softmax.cc'), 'utf8'));
});

it('every link in the documents leads to a file', () => {
  const documents = [
    'README.md',
    'CONTRIBUTING.md',
    'CHANGELOG.md',
    'models/README.md',
    'bench/README.md',
    ...readdirSync(join(ROOT, 'docs'), { recursive: true, encoding: 'utf8' }).map((name) => `docs/${name}`),
  ];
  const broken = documents
    .filter((document) => document.endsWith('.md'))
    .flatMap((document) =>
      [...prose(readFileSync(join(ROOT, document), 'utf8')).matchAll(/\]\(([^)#:]+)(?:#[^)]*)?\)/g)]
        .filter((match) => !existsSync(join(ROOT, dirname(document), match[1])))
        .map((match) => `${document} -> ${match[1]}`),
    );
  expect(broken).toEqual([]);
});
