import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, describe, expect, it } from 'vitest';
import { buildNative } from '../../scripts/build-native.mjs';

const folder = mkdtempSync(join(tmpdir(), 'dots-build-'));
afterAll(() => rmSync(folder, { recursive: true }));

// Three files that no compiler has to read.
const MAKEFILE = `
all: build/avx2/a.o build/b.o build/c.o
build/%.o:
\t@mkdir -p $(@D)
\t$(CXX) -c -o $@ $(notdir $*).cc
\t@touch $@
`;

async function build(compiler: string, isTTY: boolean): Promise<{ ok: boolean; shown: string }> {
  let shown = '';
  const output = { isTTY, columns: 80, write: (text: string) => (shown += text) };
  const ok = await buildNative({ folder, compiler, jobs: 1, output });
  return { ok, shown };
}

describe('buildNative()', () => {
  it('says what it compiles and how long that takes, shows each file, and nothing where all is built', async () => {
    writeFileSync(join(folder, 'Makefile'), MAKEFILE);
    const first = await build('true', true);
    expect(first.ok).toBe(true);
    expect(first.shown).toMatch(/compiling the native backend with true: 3 files on 1 core, about 1 minute/);
    expect(first.shown).toContain('[1/3] a.cc (avx2)');
    expect(first.shown).toContain('[3/3] c.cc');
    expect((await build('true', false)).shown).toBe('');
  });

  it('shows a line now and then where the output is not a terminal', async () => {
    rmSync(join(folder, 'build'), { recursive: true });
    const { shown } = await build('true', false);
    expect(shown.split('\n').slice(1)).toEqual(['[1/3] a.cc (avx2)', '[3/3] c.cc', '']);
  });

  it('gives false where the compiler fails', async () => {
    rmSync(join(folder, 'build'), { recursive: true });
    expect((await build('false', false)).ok).toBe(false);
  });
});
