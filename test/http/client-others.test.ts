/** The AI SDK and LangChain against a real socket. */
import { createOpenAICompatible } from '@ai-sdk/openai-compatible';
import { ContextOverflowError } from '@langchain/core/errors';
import { HumanMessage } from '@langchain/core/messages';
import { tool as langchainTool } from '@langchain/core/tools';
import { ChatOpenAI } from '@langchain/openai';
import { generateObject, generateText, Output, stepCountIs, streamText, tool } from 'ai';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { z } from 'zod';
import { openTinyServer, type TinyServer } from './listening.ts';

let tiny: TinyServer;
beforeAll(async () => {
  tiny = await openTinyServer();
});
afterAll(() => tiny.close());

const prompt = 'The little lighthouse';
const idle = (): boolean => tiny.model.engine.loop.numRunning + tiny.model.engine.loop.numWaiting === 0;

describe('AI SDK', () => {
  const model = (): ReturnType<ReturnType<typeof createOpenAICompatible>> =>
    createOpenAICompatible({
      name: 'dots',
      baseURL: tiny.baseURL,
      includeUsage: true,
      supportsStructuredOutputs: true,
    })('tiny');

  it('generates and streams the same text, with usage', async () => {
    const options = { prompt, maxOutputTokens: 20, seed: 1, maxRetries: 0 };
    const whole = await generateText({ model: model(), ...options });
    const streamed = streamText({ model: model(), ...options });
    let text = '';
    for await (const piece of streamed.textStream) text += piece;
    expect(text).toBe(whole.text);
    expect((await streamed.usage).outputTokens).toBe(whole.usage.outputTokens);
    expect(['stop', 'length']).toContain(await streamed.finishReason);
  });

  it('calls a tool and continues with its result', async () => {
    const asked: string[] = [];
    const result = streamText({
      model: model(),
      prompt,
      seed: 2,
      maxOutputTokens: 200,
      maxRetries: 0,
      toolChoice: 'required',
      stopWhen: stepCountIs(2),
      tools: {
        weather: tool({
          description: 'Weather of a town',
          inputSchema: z.object({ town: z.enum(['Oslo', 'Rome']) }),
          execute: async ({ town }) => {
            asked.push(town);
            return 'rain';
          },
        }),
      },
    });
    await result.consumeStream();
    expect((await result.steps).length).toBe(2);
    expect(asked.length).toBeGreaterThanOrEqual(2);
    expect(['Oslo', 'Rome']).toContain(asked[0]);
    expect(await result.finishReason).toBe('tool-calls');
  });

  it('has tools and an object of a schema in one request', async () => {
    const schema = z.object({ mood: z.enum(['glad', 'sad']), score: z.int().multipleOf(5).min(0).max(100) });
    const tools = {
      weather: tool({
        inputSchema: z.object({ town: z.enum(['Oslo', 'Rome']) }),
        execute: async () => 'rain',
      }),
    };
    const kinds = new Set<string>();
    for (let seed = 0; seed < 8; seed++) {
      const options = { prompt, seed, maxOutputTokens: 200, maxRetries: 0, temperature: 1.5 };
      const { finishReason, text } = await generateText({
        model: model(),
        ...options,
        tools,
        output: Output.object({ schema }),
      });
      kinds.add(finishReason);
      if (finishReason === 'stop') schema.parse(JSON.parse(text));
    }
    expect(kinds.has('stop') || kinds.has('tool-calls')).toBe(true);
  });

  it('generates an object of a schema', async () => {
    const { object } = await generateObject({
      model: model(),
      prompt,
      seed: 3,
      maxOutputTokens: 200,
      maxRetries: 0,
      schema: z.object({ name: z.string().max(10), old: z.boolean() }),
    });
    expect(typeof object.old).toBe('boolean');
    expect(object.name.length).toBeLessThanOrEqual(10);
  });

  it('reports errors and frees everything when it aborts', async () => {
    await expect(generateText({ model: model(), prompt: 'x'.repeat(9000), maxRetries: 0 })).rejects.toThrow(
      /maximum context length is 4096/,
    );
    const controller = new AbortController();
    const result = streamText({
      model: model(),
      prompt,
      maxOutputTokens: 4000,
      abortSignal: controller.signal,
      providerOptions: { dots: { ignore_eos: true } },
    });
    for await (const _ of result.textStream) controller.abort();
    await expect.poll(idle, { timeout: 20_000 }).toBe(true);
  });
});

describe('LangChain', () => {
  const model = (): ChatOpenAI =>
    new ChatOpenAI({
      model: 'tiny',
      apiKey: 'none',
      maxTokens: 200,
      maxRetries: 0,
      configuration: { baseURL: tiny.baseURL },
    });

  it('streams with usage', async () => {
    let text = '';
    let outputTokens = 0;
    for await (const chunk of await model().stream([new HumanMessage(prompt)])) {
      text += chunk.text;
      outputTokens += (chunk.usage_metadata as { output_tokens?: number } | undefined)?.output_tokens ?? 0;
    }
    expect(text).not.toBe('');
    expect(outputTokens).toBeGreaterThan(0);
  });

  it('gets structured output by a schema and by a call', async () => {
    const schema = z.object({ old: z.boolean() });
    for (const method of ['jsonSchema', 'functionCalling'] as const) {
      const answer = await model().withStructuredOutput(schema, { name: 'person', method }).invoke(prompt);
      expect(typeof answer.old).toBe('boolean');
    }
  });

  it('knows a prompt that is too long from other errors', async () => {
    await expect(model().invoke('x'.repeat(9000))).rejects.toSatisfy(ContextOverflowError.isInstance);
  });

  it('gets calls of bound tools', async () => {
    const weather = langchainTool(() => 'rain', {
      name: 'weather',
      description: 'Weather of a town',
      schema: z.object({ town: z.enum(['Oslo', 'Rome']) }),
    });
    const answer = await model().bindTools([weather], { tool_choice: 'weather' }).invoke(prompt);
    expect(answer.tool_calls?.[0]).toMatchObject({ name: 'weather' });
    expect(['Oslo', 'Rome']).toContain(answer.tool_calls?.[0].args.town);
  });
});
