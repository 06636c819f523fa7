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
    // A server runs until it is told to end; test/http/process.slow.test.ts does that.
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

  it('the program in it prints an answer', async () => {
    const [code] = blocks(readme, 'ts');
    const folder = join(ROOT, 'test', '.generated');
    mkdirSync(folder, { recursive: true });
    const file = join(folder, 'readme.ts');
    writeFileSync(
      file,
      code
        .replace("'dots.ts'", "'../../src/index.ts'")
        .replace(/open\('[^']+'\)/, `open(${JSON.stringify(TINY_HF_FOLDER)})`),
    );
    let printed = '';
    const write = vi.spyOn(process.stdout, 'write').mockImplementation((text) => {
      printed += text;
      return true;
    });
    try {
      await import(/* @vite-ignore */ file);
    } finally {
      write.mockRestore();
    }
    expect(printed.length).toBeGreaterThan(0);
  });
});

it('every link in the documents leads to a file', () => {
  const documents = [
    'README.md',
    'CONTRIBUTING.md',
    'CHANGELOG.md',
    ...readdirSync(join(ROOT, 'docs')).map((name) => `docs/${name}`),
  ];
  const broken = documents
    .filter((document) => document.endsWith('.md'))
    .flatMap((document) =>
      [...readFileSync(join(ROOT, document), 'utf8').matchAll(/\]\(([^)#:]+)(?:#[^)]*)?\)/g)]
        .filter((match) => !existsSync(join(ROOT, dirname(document), match[1])))
        .map((match) => `${document} -> ${match[1]}`),
    );
  expect(broken).toEqual([]);
});
