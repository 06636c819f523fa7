import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { openTinyApp, readEvents, type TinyApp } from './tiny-app.ts';

// biome-ignore lint/suspicious/noExplicitAny: answers are looked into field by field.
type Json = any;

const CARD = {
  model: 'tiny',
  messages: [
    { role: 'system', content: 'You are a helpful assistant.' },
    { role: 'user', content: 'Who won the world series in 2020?' },
  ],
  max_tokens: 32,
  temperature: 0,
};

let tiny: TinyApp;
beforeAll(async () => {
  tiny = await openTinyApp();
});
afterAll(() => tiny.close());

const chat = async (more: object = {}): Promise<Json> => {
  const response = await tiny.post('/v1/chat/completions', { ...CARD, ...more });
  return response.json();
};

describe('POST /v1/chat/completions', () => {
  it("answers the model card's request", async () => {
    const answer = await chat();
    expect(answer).toMatchObject({
      object: 'chat.completion',
      model: 'tiny',
      choices: [{ index: 0, message: { role: 'assistant', refusal: null }, finish_reason: 'stop' }],
      usage: { prompt_tokens: 44 },
    });
    expect(answer.choices[0].message.content).not.toBe('');
    expect(answer.usage.total_tokens).toBe(44 + answer.usage.completion_tokens);
  });

  it('streams the same text as without streaming, framed as clients expect it', async () => {
    const response = await tiny.post('/v1/chat/completions', {
      ...CARD,
      stream: true,
      stream_options: { include_usage: true },
    });
    expect(response.headers.get('content-type')).toBe('text/event-stream; charset=utf-8');
    expect(response.headers.get('x-request-id')).toMatch(/^req_/);
    const events = (await readEvents(response)) as Json[];
    const whole = await chat();
    expect(events.at(-1)).toBe('[DONE]');
    const chunks = events.slice(0, -1);
    expect(new Set(chunks.map((chunk) => `${chunk.id} ${chunk.created} ${chunk.model}`)).size).toBe(1);
    expect(chunks[0].choices[0].delta).toEqual({ role: 'assistant', content: '' });
    expect(chunks.slice(1).some((chunk) => 'role' in (chunk.choices[0]?.delta ?? {}))).toBe(false);
    expect(chunks.at(-2).choices[0]).toMatchObject({ delta: {}, finish_reason: 'stop' });
    expect(chunks.at(-1)).toMatchObject({ choices: [], usage: { prompt_tokens: 44 } });
    expect(chunks.slice(0, -1).every((chunk) => chunk.usage === null)).toBe(true);
    const text = chunks.map((chunk) => chunk.choices[0]?.delta.content ?? '').join('');
    expect(text).toBe(whole.choices[0].message.content);
  });

  it('gives the same answer for the same seed, and reports the seed it drew', async () => {
    const first = await chat({ temperature: 1, seed: undefined });
    const again = await chat({ temperature: 1, seed: first.dots.seed });
    expect(again.choices[0].message.content).toBe(first.choices[0].message.content);
  });
});
