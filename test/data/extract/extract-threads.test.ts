import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { pathToFileURL } from 'node:url';
import { describe, expect, it } from 'vitest';
import { ExtractThreads } from '../../../src/data/extract/extract-threads.ts';
import { temporaryFolder } from '../helpers.ts';

const folder = temporaryFolder();
const script = join(folder.path, 'worker.mjs');
writeFileSync(
  script,
  `import { parentPort } from 'node:worker_threads';
  parentPort.on('message', (line) => {
    const { id } = JSON.parse(new TextDecoder().decode(line));
    if (id === 'exit') process.exit(1);
    if (id === 'throw') throw new Error('a bug');
    if (id === 'hang') for (;;);
    parentPort.postMessage({ json: id, numChars: 1, pageType: 'article' });
  });`,
);
const lineOf = (id: string): Uint8Array => Buffer.from(JSON.stringify({ id }));

describe('ExtractThreads', () => {
  it('gives a page that ends, breaks or hangs its thread as an error, and all others as they are', async () => {
    await using threads = new ExtractThreads(2, { file: pathToFileURL(script), maxMs: 3000 });
    const ids = ['a', 'exit', 'b', 'throw', 'c', 'hang', 'd', 'e'];
    const results = await Promise.all(ids.map((id) => threads.extract(lineOf(id))));
    expect(results.map((result) => ('json' in result ? result.json : result.code))).toEqual([
      'a',
      'page-failed',
      'b',
      'page-failed',
      'c',
      'page-too-slow',
      'd',
      'e',
    ]);
    expect(results[1]).toMatchObject({ id: 'exit' });
  });
});
