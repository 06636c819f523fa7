import { readdirSync, readFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { expect, it } from 'vitest';

const ROOT = fileURLToPath(new URL('..', import.meta.url));

/** Codes that the source gives to errors. Those of the HTTP API are of another kind: they are written with underscores. */
function codesInSource(): Set<string> {
  const files = readdirSync(`${ROOT}src`, { recursive: true, encoding: 'utf8' });
  const texts = files
    .filter((name) => name.endsWith('.ts') && !/^server\/(?!create-server|listen)/.test(name))
    .map((name) => readFileSync(`${ROOT}src/${name}`, 'utf8'));
  const codes = texts.flatMap((text) =>
    // The value of a property `code`, perhaps a choice of two; what it is compared with in the condition is none.
    [...text.matchAll(/\bcode:\s*([^,;]*?)(?:,|\s*\})/g)].flatMap(([, value]) =>
      [...value.replace(/[=!]== '[^']*'/g, '').matchAll(/'([^']*)'/g)].map(([, code]) => code),
    ),
  );
  return new Set(codes);
}

it('docs/errors.md lists exactly the codes of the source, each in kebab case and in order', () => {
  const page = readFileSync(`${ROOT}docs/errors.md`, 'utf8');
  const listed = [...page.matchAll(/^\| `([^`]+)` \| `\w+Error`(?:, `\w+Error`)* \| .+ \|$/gm)].map(
    ([, code]) => code,
  );
  const found = [...codesInSource()].sort();
  expect(found.length).toBeGreaterThan(100);
  for (const code of found) expect(code).toMatch(/^[a-z][a-z\d]*(-[a-z\d]+)*$/);
  expect(listed).toEqual(found);
});
