import { spawnSync } from 'node:child_process';
import { readdirSync, readFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { describe, expect, it } from 'vitest';
import { NATIVE_OPS } from '../../src/backend/program/native-ops.ts';

const root = new URL('../../', import.meta.url);
const kebab = (name: string): string => name.replace(/[A-Z]/g, (letter) => `-${letter.toLowerCase()}`);

describe('native/ops.def', () => {
  it('has the ops of src/backend/program/native-ops.ts, in its order and with its attributes', () => {
    const script = fileURLToPath(new URL('scripts/native-ops.mjs', root));
    const { status, stderr } = spawnSync(process.execPath, [script, '--check'], { encoding: 'utf8' });
    expect(stderr).toBe('');
    expect(status).toBe(0);
    const definition = readFileSync(new URL('native/ops.def', root), 'utf8');
    expect(Object.keys(NATIVE_OPS)).toHaveLength(definition.match(/^DOTS_OP/gm)?.length ?? 0);
  });

  it.each([
    ['native/ops', '.cc'],
    ['src/graph/ops', '.ts'],
    ['src/backend/reference/ops', '.ts'],
    ['test/conformance/cases', '.ts'],
  ])('names ops that have a file of their name in %s', (folder, ending) => {
    const files = readdirSync(new URL(folder, root));
    // quantizeRows is inserted by lowering: no model calls it.
    const names = Object.keys(NATIVE_OPS).filter(
      (name) => folder === 'native/ops' || name !== 'quantizeRows',
    );
    expect(names.map((name) => kebab(name) + ending).filter((name) => !files.includes(name))).toEqual([]);
  });

  it('has an op that docs/add-an-op.md shows as it is', () => {
    const page = readFileSync(new URL('docs/add-an-op.md', root), 'utf8');
    expect(page).toContain(readFileSync(new URL('native/ops/softmax.cc', root), 'utf8'));
  });
});
