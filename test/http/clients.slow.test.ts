/** Python's clients of the API, unmodified, one script for each in clients/. */
import { execFile, spawnSync } from 'node:child_process';
import { existsSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { openTinyServer, type TinyServer } from './listening.ts';

const run = promisify(execFile);
const FOLDER = fileURLToPath(new URL('./clients/', import.meta.url));

let tiny: TinyServer;
beforeAll(async () => {
  tiny = await openTinyServer();
});
afterAll(() => tiny.close());

interface Report {
  readonly client: string;
  readonly passed: readonly string[];
  readonly failed: Record<string, string>;
  readonly outside: readonly string[];
}

/** Their dependencies contradict each other, so that each may have a virtual environment of its own in DOTS_CLIENTS. */
function findPython(name: string, module: string): string | undefined {
  const own = join(process.env.DOTS_CLIENTS ?? '', name, 'bin', 'python');
  const found = [own, process.env.DOTS_PYTHON, 'python3'].filter(
    (path) => path !== undefined && (path !== own || existsSync(own)),
  );
  const test = `import importlib.util, sys; sys.exit(importlib.util.find_spec(${JSON.stringify(module)}) is None)`;
  return found.find((path) => spawnSync(path as string, ['-c', test]).status === 0);
}

describe.each([
  { name: 'instructor', module: 'instructor', numScenarios: 9 },
  { name: 'langchain-openai', module: 'langchain_openai', numScenarios: 14 },
  { name: 'litellm', module: 'litellm', numScenarios: 13 },
  { name: 'llama-index', module: 'llama_index.llms.openai_like', numScenarios: 10 },
  { name: 'pydantic-ai', module: 'pydantic_ai', numScenarios: 13 },
])('Python $name', ({ name, module, numScenarios }) => {
  const python = findPython(name, module);

  it('passes every scenario and talks to nobody else', async (context) => {
    if (!python) return context.skip(`no Python here imports ${module} (DOTS_PYTHON, DOTS_CLIENTS)`);
    const script = join(FOLDER, `${name.replaceAll('-', '_')}_client.py`);
    const { stdout } = await run(python, [script, tiny.server.url], {
      env: { ...process.env, PYTHONDONTWRITEBYTECODE: '1' },
    });
    const report = JSON.parse(stdout.trim().split('\n').at(-1) ?? '') as Report;
    expect(report.failed).toEqual({});
    expect(report.outside).toEqual([]);
    expect(report.passed).toHaveLength(numScenarios);
  });
});
