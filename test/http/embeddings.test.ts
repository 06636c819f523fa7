/** Vectors of texts: equal to their definition, whatever else runs, in the formats that official clients read. */
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { Ollama } from 'ollama';
import OpenAI from 'openai';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { referenceBackend } from '../../src/backend/reference/reference-backend.ts';
import { compile } from '../../src/compile/compile.ts';
import { storageTypeByName } from '../../src/dtype/index.ts';
import { inferenceGraph } from '../../src/engine/inference-graph.ts';
import { open } from '../../src/engine/model.ts';
import { memorySource } from '../../src/format/memory-source.ts';
import { bindWeights } from '../../src/model/bind-weights.ts';
import { createApp } from '../../src/server/app.ts';
import { editedGguf } from '../cli/edited-gguf.ts';
import { openTinyServer, type TinyServer } from './listening.ts';
import { openTinyApp } from './tiny-app.ts';

let tiny: TinyServer;
let client: OpenAI;
beforeAll(async () => {
  tiny = await openTinyServer({}, { kvType: 'f32', maxStepTokens: 16, backend: 'reference' });
  client = new OpenAI({ baseURL: `${tiny.server.url}/v1`, apiKey: 'none' });
});
afterAll(() => tiny.close());

const INPUTS = ['The little lighthouse', 'Every evening the lamp <|response|> was lit. '.repeat(4), 'é😀'];

async function vectorOf(input: string): Promise<number[]> {
  const { data } = await client.embeddings.create({ model: 'tiny', input });
  return data[0].embedding;
}

/** By definition: all positions at once, without an engine. */
async function meanHidden(tokens: readonly number[]): Promise<number[]> {
  const { files } = tiny.model.engine;
  const { weights } = bindWeights(files.config, files.tensors, files.format, files.origin);
  const numPages = 4;
  const program = compile(inferenceGraph(files.config, numPages), {
    name: 'dots1',
    supports: referenceBackend.supports,
  });
  const executable = await referenceBackend.load(program, weights, {
    stateBindings: { P: numPages },
    stateType: storageTypeByName('f32'),
  });
  const T = tokens.length;
  const range = Int32Array.from({ length: T }, (_, i) => i);
  const inputs = {
    tokens: Int32Array.from(tokens),
    positions: range,
    sequences: new Int32Array(T),
    outputRows: range,
    pages: Int32Array.from({ length: numPages }, (_, page) => page),
  };
  const { hidden } = await executable.run(inputs, { T, O: T, B: 1 }, undefined, ['hidden']);
  await executable.close();
  const D = files.config.hiddenSize;
  const mean = Array.from({ length: D }, (_, d) => range.reduce((sum, t) => sum + hidden[t * D + d], 0) / T);
  const length = Math.hypot(...mean);
  return mean.map((value) => value / length);
}

describe('/v1/embeddings', () => {
  it('gives the mean of the final hidden states, of length 1, and counts tokens', async () => {
    for (const input of INPUTS) {
      const tokens = Array.from(tiny.model.tokenizer.encode(input));
      const { data, usage, model } = await client.embeddings.create({ model: 'tiny', input });
      expect({ model, usage }).toEqual({
        model: 'tiny',
        usage: { prompt_tokens: tokens.length, total_tokens: tokens.length },
      });
      const expected = await meanHidden(tokens);
      const [{ embedding }] = data;
      expect(embedding).toHaveLength(expected.length);
      expect(Math.max(...embedding.map((value, d) => Math.abs(value - expected[d])))).toBeLessThan(1e-6);
      expect(Math.hypot(...embedding)).toBeCloseTo(1, 6);
    }
  });

  it('gives the same bits alone, in a list, and next to answers, as text, token ids, floats and base64', async () => {
    const alone = await Promise.all(INPUTS.map(vectorOf));
    const answers = [1, 2, 3].map((seed) =>
      client.completions.create({ model: 'tiny', prompt: 'The', max_tokens: 40, seed }),
    );
    const [together, asFloats, asIds] = await Promise.all([
      client.embeddings.create({ model: 'tiny', input: INPUTS }),
      client.embeddings.create({ model: 'tiny', input: INPUTS, encoding_format: 'float' }),
      client.embeddings.create({
        model: 'tiny',
        input: INPUTS.map((input) => Array.from(tiny.model.tokenizer.encode(input))),
      }),
    ]);
    await Promise.all(answers);
    for (const { data } of [together, asFloats, asIds]) {
      expect(data.map(({ index }) => index)).toEqual([0, 1, 2]);
      expect(data.map(({ embedding }) => Array.from(embedding))).toEqual(alone.map((one) => Array.from(one)));
    }
  });

  it.each([
    [{ input: '' }, 'input'],
    [{ input: [] }, 'input'],
    [{ input: [[]] }, 'input'],
    [{ input: 'x', dimensions: 8 }, 'dimensions'],
    [{ input: 'x', encoding_format: 'int8' }, 'encoding_format'],
    [{ input: 'word '.repeat(5000) }, 'input'],
    [{ input: [['a']] }, 'input'],
    [{ input: 'x', temperature: 1 }, 'temperature'],
  ])('%j is refused, naming %s', async (body, param) => {
    const response = await tiny.post('/v1/embeddings', body);
    expect(response.status).toBe(400);
    const { error } = (await response.json()) as { error: { param: string } };
    expect(error.param).toMatch(new RegExp(`^${param}`));
  });

  it('has a receipt that names tokens and fields without effect', async () => {
    const response = await tiny.post('/v1/embeddings', { input: 'The', odd: 1, dots: { receipt: true } });
    const { dots } = (await response.json()) as { dots: { receipt: object } };
    expect(dots.receipt).toMatchObject({
      prompt_token_ids: [Array.from(tiny.model.tokenizer.encode('The'))],
      ignored: ['unknown field "odd"'],
    });
  });

  it("are the same in Ollama's API", async () => {
    const ollama = new Ollama({ host: tiny.server.url });
    const { embeddings, prompt_eval_count } = await ollama.embed({ model: 'tiny:latest', input: INPUTS });
    const { data, usage } = await client.embeddings.create({ model: 'tiny', input: INPUTS });
    expect(embeddings).toEqual(data.map(({ embedding }) => Array.from(embedding)));
    expect(prompt_eval_count).toBe(usage.prompt_tokens);
  });

  it('cut an input that is too long to the context, as Ollama does, but for truncate: false', async () => {
    const small = await openTinyApp({}, { contextLength: 32, backend: 'reference' });
    const sentence = 'The lamp was lit. ';
    // The longer one is cut before it is encoded, too.
    for (const text of [sentence.repeat(20), sentence.repeat(10_000)]) {
      const cut = await small.post('/api/embed', { model: 'tiny', input: ['The', text] });
      expect(cut.status).toBe(200);
      const { embeddings } = (await cut.json()) as { embeddings: number[][] };
      const input = Array.from(small.model.tokenizer.encode(sentence.repeat(20))).slice(0, 31);
      const whole = await small.post('/v1/embeddings', { model: 'tiny', input });
      const { data } = (await whole.json()) as { data: { embedding: number[] }[] };
      expect(embeddings[1]).toEqual(data[0].embedding);
      const refused = await small.post('/api/embed', { model: 'tiny', input: text, truncate: false });
      expect(refused.status).toBe(400);
      expect(await refused.text()).toContain('32 tokens');
    }
    await small.close();
  });

  it('of a model whose weights are not numbers are an error with a code, never null or zeros', async () => {
    const folder = mkdtempSync(join(tmpdir(), 'dots-nan-'));
    const path = await editedGguf(join(folder, 'nan.gguf'), {
      tensors: (tensors) =>
        tensors.map((tensor) =>
          tensor.name === 'blk.1.attn_norm.weight'
            ? {
                ...tensor,
                offset: 0,
                source: memorySource(
                  new Uint8Array(new Float32Array(tensor.sizeBytes / 4).fill(Number.NaN).buffer),
                  'nan',
                ),
              }
            : tensor,
        ),
    });
    const model = await open(path, { threads: 1, backend: 'reference' });
    const app = createApp(model, { modelName: 'nan' });
    try {
      for (const [url, body] of [
        ['/v1/embeddings', { input: 'The' }],
        ['/v1/embeddings', { input: 'The', encoding_format: 'base64' }],
        ['/api/embed', { model: 'nan', input: ['The', 'lamp'] }],
      ] as const) {
        const response = await app.fetch(
          new Request(`http://localhost${url}`, {
            method: 'POST',
            headers: { 'content-type': 'application/json' },
            body: JSON.stringify(body),
          }),
        );
        expect(response.status).toBe(500);
        const text = await response.text();
        expect(text).toContain('hidden states of the model are not numbers');
        if (url.startsWith('/v1')) expect(JSON.parse(text).error.code).toBe('not_a_number');
      }
    } finally {
      await model.close();
      rmSync(folder, { recursive: true });
    }
  });
});
