import { execFile } from 'node:child_process';
import { existsSync, statSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { resolveModel } from '../src/cli/resolve-model.ts';
import { type Model, open } from '../src/index.ts';
import type { Dots1Config } from '../src/model/dots1/config.ts';
import { runCli } from './cli/run-cli.ts';

// The model that ships with the project: what its card and the README say of it.
const MINI = resolveModel('mini');
const CHECK_ANSWERS = fileURLToPath(new URL('../examples/runs/mini/check-answers.mjs', import.meta.url));

describe('mini', () => {
  let model: Model;
  beforeAll(async () => {
    model = await open(MINI);
  });
  afterAll(() => model.close());

  async function ask(question: string): Promise<{ text: string; reason: string }> {
    let text = '';
    let reason = '';
    const messages = [{ role: 'user', content: question }];
    for await (const event of model.chat(messages, { temperature: 0, maxTokens: 120 })) {
      if (event.type === 'token-delta' || event.type === 'finish') text += event.text;
      if (event.type === 'finish') reason = event.reason;
    }
    return { text, reason };
  }

  it('has every part of the architecture, and fits into the package', () => {
    const config = model.engine.config as Dots1Config;
    expect(config.numDenseLayers).toBe(1);
    expect(config.numExperts).toBeGreaterThanOrEqual(16);
    expect(config.numSharedExperts).toBeGreaterThanOrEqual(1);
    expect(config.normalizeTopK).toBe(true);
    expect(existsSync(MINI) && statSync(MINI).size).toBeLessThan(48e6);
  });

  it('answers everyday questions it was not trained on, in both languages, and comes to an end', async () => {
    const { stdout } = await promisify(execFile)(process.execPath, [CHECK_ANSWERS, MINI, '--every', '6']);
    const counts = JSON.parse(stdout);
    for (const kind of ['en everyday', 'zh everyday']) {
      const { asked, ended, onTopic } = counts[kind];
      expect(asked).toBeGreaterThan(30);
      expect(ended / asked).toBeGreaterThan(0.97);
      expect(onTopic / asked).toBeGreaterThan(0.75);
    }
  });

  it('knows its name in both languages', async () => {
    expect((await ask('What is your name?')).text).toContain('mini');
    expect((await ask('你叫什么名字？')).text).toContain('mini');
  });

  it('is what commands take where no model is given', async () => {
    const argv = ['chat', '--message', 'Who are you?', '--temperature', '0', '--json', '--max-tokens', '60'];
    const { code, stdout } = await runCli(argv);
    expect(code).toBe(0);
    expect(JSON.parse(stdout).text).toContain('mini');
    expect(JSON.parse(stdout).finishReason).toBe('stop');
  });
});
