/** The programs of docs/serving.md, unchanged except for the port. */
import { execFile } from 'node:child_process';
import { mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { openTinyServer, type TinyServer } from './listening.ts';

const ROOT = fileURLToPath(new URL('../..', import.meta.url));
const text = readFileSync(join(ROOT, 'docs', 'serving.md'), 'utf8');
const run = promisify(execFile);

let tiny: TinyServer;
beforeAll(async () => {
  tiny = await openTinyServer({ modelName: 'dots1' });
});
afterAll(() => tiny.close());

function blocks(language: string): string[] {
  return [...text.matchAll(new RegExp(`^\`\`\`${language}\\n([\\s\\S]*?)^\`\`\``, 'gm'))].map(
    ([, code]) => code,
  );
}

const local = (code: string): string =>
  code.replaceAll(/http:\/\/(?:127\.0\.0\.1|localhost):8000/g, tiny.server.url);

describe('docs/serving.md', () => {
  it.each(blocks('js').map((code, i) => [/from '([^']+)'/.exec(code)?.[1], code, i] as const))(
    'the program with %s prints an answer',
    async (_, code, i) => {
      // Within the project, so that its packages are found.
      const folder = join(ROOT, 'test', '.generated');
      mkdirSync(folder, { recursive: true });
      const file = join(folder, `serving-${i}.mjs`);
      writeFileSync(file, local(code));
      const { stdout } = await run(process.execPath, [file]);
      expect(stdout.trim()).not.toBe('');
    },
  );

  it('the command with curl prints an answer', async () => {
    const [command] = blocks('bash');
    const { stdout } = await run('bash', ['-c', local(command).replace('curl ', 'curl -s ')]);
    expect(JSON.parse(stdout)).toMatchObject({ model: 'dots1', choices: [{ finish_reason: 'stop' }] });
  });
});
