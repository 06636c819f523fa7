import { execFileSync } from 'node:child_process';
import { existsSync, readFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { expect, it } from 'vitest';

const ROOT = fileURLToPath(new URL('..', import.meta.url));
const MAX_COLUMNS = 140;

/** A line that is one text, template or regular expression, perhaps with a name: data, which cannot be broken. */
const IS_DATA =
  /^(?:return |const \w+ = |\w+: |[:?+] )?(?:'[^']*'|"[^"]*"|(?:String\.raw)?`(?:[^`\\]|\\.)*`|\/.+\/\w*)(?:\.test\()?[;,)]*(?: \+)?$/;

// The formatter keeps code below 110 columns, but leaves comments and texts as they are.
it.skipIf(!existsSync(`${ROOT}.git`))(`no line is wider than ${MAX_COLUMNS} columns, but for data`, () => {
  const list = execFileSync('git', ['ls-files', '-z', '*.ts', '*.tsx', '*.mjs'], {
    cwd: ROOT,
    encoding: 'utf8',
  });
  const wide = list
    .split('\0')
    .filter((name) => name !== '' && existsSync(`${ROOT}${name}`))
    .flatMap((name) =>
      readFileSync(`${ROOT}${name}`, 'utf8')
        .split('\n')
        .flatMap((line, i) =>
          line.length > MAX_COLUMNS && !IS_DATA.test(line.trim()) ? [`${name}:${i + 1}`] : [],
        ),
    );
  expect(wide).toEqual([]);
});
