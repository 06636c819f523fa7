import { mkdirSync, readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { expect, it, vi } from 'vitest';

const ROOT = fileURLToPath(new URL('..', import.meta.url));

/** What each example prints, for it to be worth reading. */
const PRINTED: Readonly<Record<string, readonly RegExp[]>> = {
  'ask.mjs': [/fall as rain/, /\d+ tokens, \d+ per second/],
  'conversation.mjs': [/> Hello!\n\S/, /6 messages/],
  'server.mjs': [/mini on http:\/\/127\.0\.0\.1:\d+/, /I am mini/],
  'stream.mjs': [/\(stop: \d+ tokens\)/, /\(stopped\)/],
  'structured.mjs': [/"animal":"(dog|cat|bird)","legs":\d/],
  'tools.mjs': [/weather\(\{"city":"(Beijing|Paris)"\}\)/, /-> \{"city"/, /assistant, tool, assistant/],
};

const names = readdirSync(join(ROOT, 'examples')).filter((name) => name.endsWith('.mjs'));

it('every example is tested, and the page lists it', () => {
  expect(names).toEqual(Object.keys(PRINTED));
  const page = readFileSync(join(ROOT, 'examples/README.md'), 'utf8');
  expect([...page.matchAll(/^\| \[(.*?)\]/gm)].map(([, name]) => name).sort()).toEqual(names);
});

it.each(names)('examples/%s runs and prints what it is there to show', async (name) => {
  // From the source, so that it needs no build.
  const code = readFileSync(join(ROOT, 'examples', name), 'utf8').replace(
    "'dots.ts'",
    "'../../src/index.ts'",
  );
  const folder = join(ROOT, 'test', '.generated');
  mkdirSync(folder, { recursive: true });
  writeFileSync(join(folder, name), code);
  let printed = '';
  const print = (text: unknown): void => {
    printed += `${typeof text === 'string' ? text : JSON.stringify(text)}\n`;
  };
  const spies = [
    vi.spyOn(console, 'log').mockImplementation(print),
    vi.spyOn(process.stdout, 'write').mockImplementation((text) => {
      printed += String(text);
      return true;
    }),
  ];
  try {
    await import(/* @vite-ignore */ join(folder, name));
  } finally {
    for (const spy of spies) spy.mockRestore();
  }
  for (const pattern of PRINTED[name]) expect(printed).toMatch(pattern);
});
