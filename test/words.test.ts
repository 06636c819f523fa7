import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import type { Command } from 'commander';
import { describe, expect, it } from 'vitest';
import { buildProgram } from '../src/cli/program.ts';
import type { Session } from '../src/cli/session.ts';
import { PHRASES } from './house-words.ts';
import { type Prose, proseOf } from './prose.ts';

const ROOT = fileURLToPath(new URL('..', import.meta.url));

/** Text that is not ours to word, or that a machine reads: path, phrase, reason. */
const ALLOWED: readonly (readonly [path: string, phrase: RegExp, reason: string])[] = [
  ['models/README.md', /^(tell|met)$/i, 'questions to mini and its answers'],
  ['docs/api.md', /^remember$/i, 'the name of a method'],
  ['examples/stream.mjs', /^tell$/i, 'questions to mini'],
  ['scripts/page-pictures.mjs', /^tell$/i, 'a question to mini'],
];

function filesIn(folder: string, ending: RegExp): string[] {
  return readdirSync(join(ROOT, folder), { recursive: true, encoding: 'utf8' })
    .map((name) => `${folder}/${name}`)
    .filter(
      (path) =>
        ending.test(path) && !/golden\/|\.generated|fixtures\/|build\/|house-words|words\.test/.test(path),
    )
    .sort();
}

function linesOf(path: string): Prose[] {
  return readFileSync(join(ROOT, path), 'utf8')
    .split('\n')
    .map((text, i) => ({ line: i + 1, text }));
}

/** `path:line: phrase -> what to write instead` for each phrase of the list. */
function findings(path: string, prose: readonly Prose[]): string[] {
  return prose.flatMap(({ line, text }) =>
    PHRASES.flatMap(({ pattern, instead }) => {
      const [phrase] = pattern.exec(text) ?? [];
      if (phrase === undefined) return [];
      if (ALLOWED.some(([file, allowed]) => file === path && allowed.test(phrase))) return [];
      return [`${path}:${line}: "${phrase}" -> ${instead}`];
    }),
  );
}

function commandsOf(command: Command): Command[] {
  return [command, ...command.commands.flatMap((child) => commandsOf(child as Command))];
}

function program(): Command {
  const terminal = { columns: 100, write: () => true };
  return buildProgram({ io: { stdout: terminal, stderr: terminal } } as unknown as Session);
}

describe('the words of the field', () => {
  const documents = [
    'README.md',
    'CONTRIBUTING.md',
    'CHANGELOG.md',
    'models/README.md',
    'bench/README.md',
    ...filesIn('docs', /\.md$/),
  ];

  it.each(documents)('%s uses them', (path) => {
    expect(findings(path, linesOf(path))).toEqual([]);
  });

  it.each(commandsOf(program()).map((command) => [command.name(), command.helpInformation()]))(
    'dots %s --help uses them',
    (name, help) => {
      const lines = help.split('\n').map((text, i) => ({ line: i + 1, text }));
      expect(findings(`dots ${name} --help`, lines)).toEqual([]);
    },
  );

  it.each([
    ['src', /\.ts$/],
    ['page/src', /\.tsx?$/],
    ['native', /\.(cc|h|def)$/],
    ['test', /\.ts$/],
    ['bench', /\.(ts|mjs)$/],
    ['scripts', /\.mjs$/],
  ] as const)('comments and messages in %s use them', (folder, ending) => {
    const found = filesIn(folder, ending).flatMap((path) =>
      findings(path, proseOf(readFileSync(join(ROOT, path), 'utf8'))),
    );
    expect(found).toEqual([]);
  });

  it.each([
    ['the gradient on its way back', 'way back'],
    ['it goes on with the text', 'goes on'],
    ['cut, beside the others', 'beside'],
    ['"x" is no multiple of "y"', 'is no m'],
    ['whose logits are wanted', 'wanted'],
    ['tokens a second', 'tokens a second'],
  ])('finds "%s"', (text, phrase) => {
    const found = findings('some.ts', proseOf(`const wanted = 1; // ${text}\n`));
    expect(found).toEqual([expect.stringContaining(`some.ts:1: "${phrase}"`)]);
  });

  it('proseOf() reads comments and texts, and no code', () => {
    const source = [
      "const told = /['\"`]/.test(x) ? 'one' : `two $" + '{told /* three */ + "four"} five`; // six',
      '/* seven',
      ' * eight */',
      "const big = 1'000; char c = 'x'; // nine",
    ].join('\n');
    const texts = proseOf(source).map(({ line, text }) => `${line}${text.replaceAll(/[^a-z]/g, '')}`);
    expect(texts).toEqual([
      '1one',
      '1two',
      '1three',
      '1four',
      '1five',
      '1six',
      '2seven',
      '3eight',
      '4x',
      '4nine',
    ]);
  });
});

describe('--help', () => {
  const commands = commandsOf(program()).map((command) => [command.name(), command] as const);

  it.each(commands)('of %s has one line for each option, at 100 columns', (_, command) => {
    const lines = command.helpInformation().split('\n');
    expect(lines.filter((line) => line.length > 100 || /^ {8,}/.test(line))).toEqual([]);
  });

  it.each(commands)('of %s begins lines with a verb or a noun', (_, command) => {
    const texts = [
      command.description(),
      ...command.options.map(({ description }) => description),
      ...command.registeredArguments.map(({ description }) => description),
    ];
    const others =
      /^(an?|the|of|to|in|at|with|for|from|only|as|and|or|above|below|how|what|where|which|when|it|this|that|\d)\b/i;
    expect(texts.filter((text) => others.test(text) || text === '')).toEqual([]);
  });

  it.each(commands)('of %s names the default of each number', (_, command) => {
    const numbers = command.options.filter(({ flags }) => /<(N|X|SIZE|SECONDS|N,…)>$/.test(flags));
    const silent = numbers.filter(
      ({ description, defaultValue, mandatory }) =>
        !mandatory && defaultValue === undefined && !/default: |same as /.test(description),
    );
    expect(silent.map(({ flags }) => flags)).toEqual([]);
  });
});
