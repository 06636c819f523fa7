import { existsSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { gzipSync } from 'node:zlib';
import { describe, expect, it } from 'vitest';
import { extractCorpus } from '../../src/data/extract/extract-corpus.ts';
import { jsonLines, temporaryFolder } from '../data/helpers.ts';
import { runCli } from './run-cli.ts';

const folder = temporaryFolder();
const SENTENCE =
  'The ferry leaves the island at six in the morning, and in winter it waits until the ice is thin enough.';
const htmlOf = (name: string): string =>
  `<html><head><title>${name}</title></head><body><nav><a href="/">Start</a></nav><article><h1>${name}</h1><p>${SENTENCE}</p><p>${SENTENCE.toUpperCase()}</p></article></body></html>`;
const pages = ['one', 'two', 'three'].map((id) => ({
  id,
  url: `https://example.org/${id}`,
  html: htmlOf(id),
}));
const input = folder.write('pages.jsonl', jsonLines(pages));

function rows(file: string): Record<string, unknown>[] {
  return readFileSync(file, 'utf8')
    .trim()
    .split('\n')
    .map((line) => JSON.parse(line) as Record<string, unknown>);
}

describe('dots data extract', () => {
  it('writes id, text, title and type of each page, in order', async () => {
    const out = join(folder.path, 'text.jsonl');
    const { code, stdout } = await runCli(['data', 'extract', input, '--out', out, '--json']);
    expect(code).toBe(0);
    expect(JSON.parse(stdout)).toMatchObject({ pages: 3, errors: 0, resumed: 0 });
    expect(rows(out).map(({ id }) => id)).toEqual(['one', 'two', 'three']);
    expect(Object.keys(rows(out)[0])).toEqual(['id', 'text', 'title', 'pageType']);
    expect(rows(out)[0].text).toContain(SENTENCE);
    expect(existsSync(join(folder.path, 'text.errors.jsonl'))).toBe(false);
    expect(existsSync(`${out}.partial`)).toBe(false);
  });

  it('reads several files, gzipped ones and stdin', async () => {
    const zipped = folder.write('more.jsonl.gz', gzipSync(jsonLines(pages.slice(1))));
    const out = join(folder.path, 'all.jsonl');
    const { code, stdout, stderr } = await runCli(['data', 'extract', input, zipped, '-', '--out', out], {
      stdin: jsonLines(pages.slice(2)),
    });
    expect(code, stderr).toBe(0);
    expect(stdout).toContain('6 pages');
    expect(rows(out).map(({ id }) => id)).toEqual(['one', 'two', 'three', 'two', 'three', 'three']);
  });

  it('puts bad lines and bad pages into a table and continues', async () => {
    const bad = folder.write(
      'bad.jsonl',
      `{"id": "cut", "html": "<p>\n{"id": "empty"}\n\n[]\n${JSON.stringify({ id: 'deep', html: '<div>'.repeat(5000) })}\n${JSON.stringify(pages[0])}\n`,
    );
    const out = join(folder.path, 'good.jsonl');
    const { code, stdout } = await runCli(['data', 'extract', bad, '--out', out]);
    expect(code).toBe(0);
    expect(stdout).toContain('4 lines could not be extracted (3 bad-document, 1 page-too-deep)');
    expect(rows(out).map(({ id }) => id)).toEqual(['one']);
    const errors = rows(join(folder.path, 'good.errors.jsonl'));
    expect(errors.map(({ line, code: errorCode, id }) => [line, errorCode, id])).toEqual([
      [1, 'bad-document', null],
      [2, 'bad-document', 'empty'],
      [4, 'bad-document', null],
      [5, 'page-too-deep', 'deep'],
    ]);
    expect(errors[0].file).toBe(bad);
  });

  it('continues after an interruption with the same result, and begins anew when an input has changed', async () => {
    const html = htmlOf('one').replace('</article>', `<!--${'x'.repeat(8000)}--></article>`);
    const many = folder.write(
      'many.jsonl',
      jsonLines(Array.from({ length: 300 }, (_, i) => ({ ...pages[0], html, id: `p${i}` }))),
    );
    const whole = join(folder.path, 'whole.jsonl');
    await runCli(['data', 'extract', many, '--out', whole]);
    const out = join(folder.path, 'parts.jsonl');
    const interrupted = async (): Promise<void> => {
      const controller = new AbortController();
      const work = extractCorpus({
        files: [many],
        out,
        errors: join(folder.path, 'parts.errors.jsonl'),
        threads: 1,
        signal: controller.signal,
        onProgress: (_, __, done) => done > 0 && controller.abort(new Error('stop')),
      });
      await expect(work).rejects.toThrow('stop');
    };
    await interrupted();
    expect(existsSync(out)).toBe(false);
    const { stdout } = await runCli(['data', 'extract', many, '--out', out, '--json']);
    expect((JSON.parse(stdout) as { resumed: number }).resumed).toBeGreaterThan(0);
    expect(readFileSync(out, 'utf8')).toBe(readFileSync(whole, 'utf8'));

    await interrupted();
    writeFileSync(many, jsonLines(pages));
    const anew = await runCli(['data', 'extract', many, '--out', out, '--json']);
    expect(JSON.parse(anew.stdout)).toMatchObject({ pages: 3, resumed: 0 });
  });

  it.each([
    ['no such file', ['missing.jsonl', '--out', join(folder.path, 'o.jsonl')], 'there is no such file'],
    ['an output that is the input', [input, '--out', input], 'onto itself'],
    ['no output', [input], '--out'],
    ['stdin twice', ['-', '-', '--out', join(folder.path, 'o.jsonl')], 'stdin twice'],
    ['one file for output and errors', [input, '--out', 'o.jsonl', '--errors', 'o.jsonl'], 'both to o.jsonl'],
  ])('refuses %s before it writes anything', async (_, argv, message) => {
    const before = readFileSync(input, 'utf8');
    const { code, stderr } = await runCli(['data', 'extract', ...argv]);
    expect(code).toBe(2);
    expect(stderr).toContain(message);
    expect(readFileSync(input, 'utf8')).toBe(before);
  });
});
