/** Tools where the model's own template explains them, in the two forms that calls have. */
import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { type Model, open } from '../../src/engine/model.ts';
import { type App, createApp } from '../../src/server/app.ts';
import { editedGguf } from '../cli/edited-gguf.ts';

// biome-ignore lint/suspicious/noExplicitAny: wire data
type Json = any;

const folder = mkdtempSync(join(tmpdir(), 'dots-templates-'));
afterAll(() => rmSync(folder, { recursive: true }));

const weather = {
  type: 'function',
  function: {
    name: 'weather',
    description: 'Weather in a city',
    parameters: {
      type: 'object',
      properties: { city: { enum: ['Köln', 'Paris'] }, days: { type: 'integer', minimum: 1, maximum: 9 } },
      required: ['city'],
      additionalProperties: false,
    },
  },
};
const messages = [{ role: 'user', content: 'Weather?' }];

describe.each([
  [
    'chatml-tools',
    '<tools>\n{"type": "function", "function": {"name": "weather"',
    '<tool_call>\n{"name": "weather", "arguments": {',
  ],
  ['llama3-tools', 'with a call of one of these functions', '{"name": "weather", "parameters": {'],
])('%s', (template, explained, called) => {
  let model: Model;
  let app: App;
  beforeAll(async () => {
    const source = readFileSync(new URL(`../golden/templates/${template}.jinja`, import.meta.url), 'utf8');
    const path = await editedGguf(join(folder, `${template}.gguf`), {
      metadata: {
        'dots1.context_length': { type: 'u32', value: 4096 },
        'tokenizer.chat_template': { type: 'string', value: source },
      },
    });
    model = await open(path, { threads: 1 });
    app = createApp(model, { modelName: 'tiny' });
  });
  afterAll(() => model.close());

  const post = async (path: string, body: object): Promise<Json> => {
    const init = {
      method: 'POST',
      headers: { 'content-type': 'application/json' },
      body: JSON.stringify(body),
    };
    return (await app.fetch(new Request(`http://localhost${path}`, init))).json();
  };

  it('explains tools itself, reads calls as the model writes them, and shows it their results', async () => {
    const asked = await post('/apply-template', { messages, tools: [weather] });
    expect(asked.prompt).toContain(explained);
    const first = await post('/v1/chat/completions', {
      messages,
      tools: [weather],
      tool_choice: 'required',
      parallel_tool_calls: false,
      max_tokens: 200,
      seed: 4,
    });
    expect(first.choices[0].finish_reason).toBe('tool_calls');
    const [call] = first.choices[0].message.tool_calls;
    expect(call.function.name).toBe('weather');
    expect(['Köln', 'Paris']).toContain(JSON.parse(call.function.arguments).city);

    const again = [
      ...messages,
      { role: 'assistant', content: null, tool_calls: [call] },
      { role: 'tool', tool_call_id: call.id, content: 'rain' },
    ];
    const { prompt } = await post('/apply-template', { messages: again, tools: [weather] });
    expect(prompt).toContain(called);
    expect(prompt.indexOf('rain')).toBeGreaterThan(prompt.indexOf(called));
    const second = await post('/v1/chat/completions', { messages: again, tools: [weather], max_tokens: 4 });
    expect(second.usage.completion_tokens).toBeGreaterThan(0);
  });

  it('is rendered as it is where there are no tools', async () => {
    const { prompt } = await post('/apply-template', { messages });
    expect(prompt).not.toContain('weather');
    expect(prompt).not.toContain(explained);
  });
});
