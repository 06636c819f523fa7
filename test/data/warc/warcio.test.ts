import { createReadStream, existsSync, mkdtempSync, readdirSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, describe, expect, it } from 'vitest';
import { WARCParser } from 'warcio';
import { readWarc } from '../../../src/data/warc/read-warc.ts';
import { pages, warcGz } from './archives.ts';

const folder = mkdtempSync(join(tmpdir(), 'dots-warcio-'));
afterAll(() => rmSync(folder, { recursive: true }));

async function ours(file: string): Promise<string[]> {
  const found: string[] = [];
  for await (const item of readWarc(file))
    if ('record' in item) found.push(`${item.record.url} ${item.record.id}`);
  return found;
}

async function warcio(file: string): Promise<string[]> {
  const found: string[] = [];
  const parser = new WARCParser(createReadStream(file) as never);
  for await (const record of parser)
    found.push(`${record.warcTargetURI ?? ''} ${record.warcHeader('WARC-Record-ID') ?? ''}`);
  return found;
}

// Types are not compared: where a header ends at a boundary of what it has read, warcio 2.4.11 gives none.
describe('readWarc() next to warcio', () => {
  it('finds the same records with the same URLs and ids', async () => {
    const file = join(folder, 'a.warc.gz');
    writeFileSync(file, warcGz(pages(30)));
    expect(await ours(file)).toEqual(await warcio(file));
  });

  // A collection of crawls next to the project, where there is one.
  const samples = process.env.DOTS_WARC_SAMPLES;
  it.skipIf(!samples || !existsSync(samples))('finds the same records in real crawls', async () => {
    const files = readdirSync(samples as string).filter((name) =>
      /example(?:-digest)?\.warc(\.gz)?$|wget/.test(name),
    );
    expect(files.length).toBeGreaterThan(2);
    for (const name of files) {
      const file = join(samples as string, name);
      const [a, b] = [await ours(file), await warcio(file)];
      expect(a.length, name).toBeGreaterThan(0);
      expect(a, name).toEqual(b);
    }
  });
});
