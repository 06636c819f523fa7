import { readdirSync, readFileSync } from 'node:fs';
import { dirname, join, relative, resolve } from 'node:path';
import { fileURLToPath } from 'node:url';
import { describe, expect, it } from 'vitest';

const SRC = fileURLToPath(new URL('../src', import.meta.url));

/** What each folder may import, in addition to itself; docs/architecture.md shows the same table. */
const MAY_IMPORT: Readonly<Record<string, readonly string[]>> = {
  core: [],
  dtype: ['core'],
  format: ['core', 'dtype'],
  hub: ['core', 'format'],
  text: ['core', 'format'],
  graph: ['core', 'dtype'],
  compile: ['core', 'dtype', 'graph'],
  model: ['core', 'dtype', 'format', 'graph'],
  backend: ['core', 'dtype', 'graph', 'compile/program.ts'],
  engine: ['core', 'dtype', 'format', 'hub', 'text', 'graph', 'compile', 'model', 'backend'],
  convert: ['core', 'dtype', 'format', 'text', 'model'],
  quantize: ['core', 'dtype', 'format', 'graph', 'compile', 'model', 'convert', 'backend'],
  doctor: ['core', 'dtype', 'format', 'text'],
  data: ['core', 'format', 'text', 'backend/native/addon.ts'],
  train: ['core', 'dtype', 'format', 'graph', 'compile', 'model', 'convert', 'backend', 'data'],
  recipe: ['core', 'dtype', 'format', 'graph', 'compile', 'model', 'convert', 'quantize', 'backend', 'train'],
  eval: ['core', 'dtype', 'format', 'text', 'engine'],
  server: ['core', 'text', 'model', 'engine'],
  cli: [
    'core',
    'dtype',
    'format',
    'hub',
    'text',
    'graph',
    'compile',
    'model',
    'convert',
    'quantize',
    'doctor',
    'backend',
    'engine',
    'data',
    'train',
    'recipe',
    'eval',
    'server',
  ],
};

/** `core` to `engine` run in a browser, apart from the first three of these doors to the machine. */
const MAY_IMPORT_NODE = [
  /^format\/(?:file-source|lock-file)\.ts$/,
  /^hub\/(?:http|proxy|environment|cache|cache-models|remove|disk|blob|range-record|hash)\.ts$/,
  /^backend\/native\//,
  /^server\//,
  /^data\//,
  /^quantize\/collection-folder\.ts$/,
  /^train\/run-folder\.ts$/,
  /^cli\//,
];

const files = readdirSync(SRC, { recursive: true, encoding: 'utf8' }).filter((name) => name.endsWith('.ts'));

function importsOf(file: string): string[] {
  const text = readFileSync(join(SRC, file), 'utf8');
  const found = text.matchAll(/^(?:import|export)\s(?:[^'";]*?from\s)?'([^']+)'|\bimport\('([^']+)'\)/gm);
  return [...found].map((match) => match[1] ?? match[2]);
}

/** Imports of other files of src/, as paths below it. */
function localImports(file: string): string[] {
  return importsOf(file)
    .filter((specifier) => specifier.startsWith('.'))
    .map((specifier) => relative(SRC, resolve(SRC, dirname(file), specifier)));
}

describe('layers', () => {
  it('no folder imports from one that data reaches later', () => {
    const wrong = files.flatMap((file) => {
      const folder = file.split('/')[0];
      const allowed = MAY_IMPORT[folder];
      return localImports(file)
        .filter((target) => file.includes('/') && !target.startsWith(`${folder}/`))
        .filter((target) => !allowed?.some((entry) => target === entry || target.startsWith(`${entry}/`)))
        .map((target) => `${file} -> ${target}`);
    });
    expect(wrong).toEqual([]);
  });

  it('only the list of architectures knows one of them: nothing else imports its files', () => {
    const own = (target: string): string | undefined => /^model\/(?!blocks\/)([^/]+)\//.exec(target)?.[1];
    const wrong = files.flatMap((file) =>
      localImports(file)
        .filter((target) => own(target) !== undefined && own(target) !== own(file))
        .filter(() => file !== 'model/architectures.ts')
        .map((target) => `${file} -> ${target}`),
    );
    expect(wrong).toEqual([]);
  });

  it('no file imports itself in a circle', () => {
    const done = new Set<string>();
    const cycles: string[] = [];
    const visit = (file: string, path: readonly string[]): void => {
      if (path.includes(file)) {
        cycles.push([...path.slice(path.indexOf(file)), file].join(' -> '));
        return;
      }
      if (done.has(file)) return;
      for (const target of localImports(file)) visit(target, [...path, file]);
      done.add(file);
    };
    for (const file of files) visit(file, []);
    expect(cycles).toEqual([]);
  });

  it('only the doors to the machine import node: modules', () => {
    const wrong = files.filter(
      (file) =>
        importsOf(file).some((specifier) => specifier.startsWith('node:')) &&
        !MAY_IMPORT_NODE.some((pattern) => pattern.test(file)),
    );
    expect(wrong).toEqual([]);
  });

  it('every import names an existing file, so that this test sees all of them', () => {
    const missing = files.flatMap((file) =>
      localImports(file)
        .filter((target) => !files.includes(target))
        .map((target) => `${file} -> ${target}`),
    );
    expect(missing).toEqual([]);
  });
});
