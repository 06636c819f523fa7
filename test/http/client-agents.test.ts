/** OpenAI's Agents SDK against a real socket, on both of the APIs that it can use. */
import { Agent, OpenAIChatCompletionsModel, OpenAIResponsesModel, Runner, tool } from '@openai/agents';
import OpenAI from 'openai';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { z } from 'zod';
import { openTinyServer, type TinyServer } from './listening.ts';

let tiny: TinyServer;
beforeAll(async () => {
  tiny = await openTinyServer();
});
afterAll(() => tiny.close());

const PROMPT = 'The little lighthouse';
const runner = new Runner({ tracingDisabled: true });

describe.each([
  { api: 'chat completions', Model: OpenAIChatCompletionsModel },
  { api: 'responses', Model: OpenAIResponsesModel },
])('Agents SDK on $api', ({ Model }) => {
  const model = (name = 'tiny'): OpenAIChatCompletionsModel | OpenAIResponsesModel =>
    new Model(new OpenAI({ baseURL: tiny.baseURL, apiKey: 'none', maxRetries: 0 }) as never, name);
  const options = { name: 'Keeper', instructions: 'Be brief.' };

  function weather(towns: string[]) {
    return tool({
      name: 'weather',
      description: 'Weather of a town',
      parameters: z.object({ town: z.enum(['Oslo', 'Rome']) }),
      execute: async ({ town }) => {
        towns.push(town);
        return `rain in ${town}`;
      },
    });
  }

  it('answers, with usage', async () => {
    const result = await runner.run(new Agent({ ...options, model: model() }), PROMPT);
    expect(result.finalOutput).not.toBe('');
    expect(result.state.usage.outputTokens).toBeGreaterThan(0);
  });

  it('streams the text of the final output', async () => {
    const agent = new Agent({ ...options, model: model(), modelSettings: { maxTokens: 20 } });
    const result = await runner.run(agent, PROMPT, { stream: true });
    let text = '';
    for await (const piece of result.toTextStream()) text += piece;
    await result.completed;
    expect(text).not.toBe('');
    expect(text).toBe(result.finalOutput);
  });

  it('calls a tool and continues with its result, whole and streamed', async () => {
    for (const stream of [false, true]) {
      const towns: string[] = [];
      const agent = new Agent({
        ...options,
        model: model(),
        tools: [weather(towns)],
        // The SDK sends the choice with the first request only.
        modelSettings: { toolChoice: 'required', maxTokens: 400 },
      });
      const result = stream
        ? await runner.run(agent, PROMPT, { stream: true, maxTurns: 10 })
        : await runner.run(agent, PROMPT, { maxTurns: 10 });
      if ('completed' in result) await result.completed;
      expect(['Oslo', 'Rome']).toContain(towns[0]);
      expect(typeof result.finalOutput).toBe('string');
    }
  });

  it('gets an output of a schema', async () => {
    const schema = z.object({ old: z.boolean(), town: z.enum(['Oslo', 'Rome']) });
    const result = await runner.run(new Agent({ ...options, model: model(), outputType: schema }), PROMPT);
    schema.parse(result.finalOutput);
  });

  it('hands a conversation over to another agent', async () => {
    const model_ = model();
    const expert = new Agent({ ...options, name: 'Expert', model: model_, modelSettings: { maxTokens: 40 } });
    const agent = new Agent({
      ...options,
      model: model_,
      handoffs: [expert],
      modelSettings: { toolChoice: 'required', maxTokens: 400 },
    });
    const result = await runner.run(agent, PROMPT);
    expect(result.lastAgent?.name).toBe('Expert');
  });

  it('continues a conversation with the history of the first run', async () => {
    const agent = new Agent({ ...options, model: model(), modelSettings: { maxTokens: 20 } });
    const first = await runner.run(agent, PROMPT);
    const second = await runner.run(agent, [...first.history, { role: 'user', content: 'And then?' }]);
    expect(second.finalOutput).not.toBe('');
  });

  it('reports an unknown model and a bad field', async () => {
    await expect(runner.run(new Agent({ ...options, model: model('none') }), PROMPT)).rejects.toMatchObject({
      status: 404,
    });
    const agent = new Agent({ ...options, model: model(), modelSettings: { temperature: 9 } });
    await expect(runner.run(agent, PROMPT)).rejects.toMatchObject({ status: 400 });
  });
});
