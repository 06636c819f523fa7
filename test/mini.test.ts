import { execFile } from 'node:child_process';
import { existsSync, statSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { shippedModelPath } from '../src/engine/model-source.ts';
import { createServer, type Model, open } from '../src/index.ts';
import type { Dots1Config } from '../src/model/dots1/config.ts';
import { runCli } from './cli/run-cli.ts';

// The model that ships with the project: what its card and the README say of it.
const MINI = shippedModelPath();
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
      if (event.type === 'token-delta') text += event.text;
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

  it('gives the answer of the README in at least 18 of 20 samples with the sampling that its file recommends', async () => {
    expect(model.samplingDefaults).toEqual({ temperature: 0.5, topP: 0.8 });
    const best = await model.ask('Why does it rain?', { temperature: 0 });
    const texts: string[] = [];
    for (let seed = 0; seed < 20; seed++) texts.push((await model.ask('Why does it rain?', { seed })).text);
    expect(texts.filter((text) => text === best.text).length).toBeGreaterThanOrEqual(18);
  });

  it('samples the same way from library, command line and server, unless a request says otherwise', async () => {
    const question = 'Tell me a short story about a dog.';
    const expected = await model.ask(question, { seed: 3 });
    const warm = await model.ask(question, { seed: 3, temperature: 2, topP: 1, maxTokens: 60 });
    expect(warm.text).not.toBe(expected.text);
    const { stdout } = await runCli(['chat', '--message', question, '--seed', '3', '--json']);
    expect(JSON.parse(stdout).text).toBe(expected.text);

    await using server = await createServer(model, { port: 0 });
    const props = (await (await fetch(`${server.url}/props`)).json()) as { sampling_defaults: object };
    expect(props.sampling_defaults).toMatchObject({ temperature: 0.5, top_p: 0.8, top_k: 0 });
    const answer = async (more: object): Promise<string> => {
      const body = JSON.stringify({ messages: [{ role: 'user', content: question }], seed: 3, ...more });
      const headers = { 'content-type': 'application/json' };
      const response = await fetch(`${server.url}/v1/chat/completions`, { method: 'POST', headers, body });
      const { choices } = (await response.json()) as { choices: { message: { content: string } }[] };
      return choices[0].message.content;
    };
    expect(await answer({})).toBe(expected.text);
    expect(await answer({ temperature: 2, top_p: 1, max_tokens: 60 })).toBe(warm.text);
  });

  it('has one name, in its file and for clients', () => {
    expect(model.name).toBe('mini');
  });

  it('is what commands take where no model is given', async () => {
    const argv = ['chat', '--message', 'Who are you?', '--temperature', '0', '--json', '--max-tokens', '60'];
    const { code, stdout } = await runCli(argv);
    expect(code).toBe(0);
    expect(JSON.parse(stdout).text).toContain('mini');
    expect(JSON.parse(stdout).finishReason).toBe('stop');
  });
});
