import { existsSync, readFileSync, statSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { resolveModel } from '../src/cli/resolve-model.ts';
import { type Model, open } from '../src/index.ts';
import { runCli } from './cli/run-cli.ts';

// The model that ships with the project: what its card and the README say of it.
const MINI = resolveModel('mini');
const HELD_OUT = fileURLToPath(new URL('../examples/runs/mini/held-out.jsonl', import.meta.url));

interface HeldOut {
  readonly language: 'en' | 'zh';
  readonly question: string;
  readonly answers: readonly string[];
  readonly isSum?: boolean;
  readonly isStory?: boolean;
}

const heldOut = readFileSync(HELD_OUT, 'utf8')
  .trim()
  .split('\n')
  .map((line) => JSON.parse(line) as HeldOut)
  .filter(({ isSum, isStory }) => !isSum && !isStory);

/** Words, in Chinese characters, that an answer shares with the one written for the question, as F1. */
function overlap(answer: string, reference: string, language: string): number {
  const parts = (text: string) =>
    language === 'zh'
      ? [...text.replace(/[\s\p{P}]/gu, '')]
      : text
          .toLowerCase()
          .split(/[^a-z0-9]+/)
          .filter((word) => word !== '');
  const left = parts(reference);
  const given = parts(answer);
  const total = left.length + given.length;
  let shared = 0;
  for (const part of given) {
    const at = left.indexOf(part);
    if (at < 0) continue;
    left.splice(at, 1);
    shared++;
  }
  return total === 0 ? 0 : (2 * shared) / total;
}

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
    const { config } = model.engine.files;
    expect(config.numDenseLayers).toBe(1);
    expect(config.numExperts).toBeGreaterThanOrEqual(16);
    expect(config.numSharedExperts).toBeGreaterThanOrEqual(1);
    expect(config.normalizeTopK).toBe(true);
    expect(existsSync(MINI) && statSync(MINI).size).toBeLessThan(48e6);
  });

  it.each(['en', 'zh'] as const)(
    'answers everyday questions it was not trained on, in %s, and comes to an end',
    async (language) => {
      const questions = heldOut.filter((item) => item.language === language).filter((_, i) => i % 6 === 0);
      let ended = 0;
      let onTopic = 0;
      for (const { question, answers } of questions) {
        const { text, reason } = await ask(question);
        if (reason === 'stop') ended++;
        if (Math.max(...answers.map((answer) => overlap(text, answer, language))) >= 0.5) onTopic++;
      }
      expect(ended / questions.length).toBeGreaterThan(0.95);
      expect(onTopic / questions.length).toBeGreaterThan(0.6);
    },
  );

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
