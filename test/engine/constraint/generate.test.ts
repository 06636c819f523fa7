import { Ajv2020 } from 'ajv/dist/2020.js';
import { afterAll, beforeAll, describe, expect, it, vi } from 'vitest';
import { compileConstraint } from '../../../src/engine/constraint/compile-constraint.ts';
import { type FinishEvent, type GenerateOptions, type Model, open } from '../../../src/index.ts';
import { TINY_HF_FOLDER } from '../../fixtures/golden-dots1.ts';

function* tooAmbiguous(): Generator<void, void> {
  yield;
  throw new Error('too ambiguous');
}

const schema = {
  type: 'object',
  properties: {
    name: { type: 'string', maxLength: 12 },
    size: { enum: ['small', 'large'] },
    count: { type: 'integer', minimum: 0, maximum: 99 },
  },
  required: ['name', 'size', 'count'],
  additionalProperties: false,
};

describe('generate() with a constraint', () => {
  let model: Model;
  beforeAll(async () => {
    model = await open(TINY_HF_FOLDER, { backend: 'reference', maxParallel: 6 });
  });
  afterAll(() => model.close());

  async function answer(
    prompt: string,
    options: GenerateOptions,
  ): Promise<{ text: string; end: FinishEvent }> {
    let text = '';
    for await (const event of model.complete(prompt, options)) {
      if (event.type === 'token-delta') text += event.text;
      if (event.type === 'finish') return { text, end: event };
    }
    throw new Error('no finish');
  }

  it('gives valid documents, the same alone and among others with and without constraints', async () => {
    const isValid = new Ajv2020().compile(schema);
    const constraint = compileConstraint({ type: 'json-schema', schema }, model.tokenizer);
    const yesNo = compileConstraint({ type: 'choice', choices: ['yes', 'no'] }, model.tokenizer);
    const requests: GenerateOptions[] = Array.from({ length: 9 }, (_, i) => ({
      seed: i,
      maxTokens: 90,
      temperature: 1.2,
      ...(i % 3 === 0 ? { constraint } : i % 3 === 1 ? { constraint: yesNo } : { maxTokens: 12 }),
    }));
    const together = await Promise.all(requests.map((options) => answer('Once ', options)));
    for (const [i, options] of requests.entries()) {
      const { text, end } = together[i];
      expect(text).toBe((await answer('Once ', options)).text);
      if (i % 3 === 0) {
        expect({ reason: end.reason, valid: isValid(JSON.parse(text)) }).toEqual({
          reason: 'stop',
          valid: true,
        });
      }
      if (i % 3 === 1) expect(['yes', 'no']).toContain(text);
    }
  });

  it('gives the same answers where finding the next tokens takes longer than a step', async () => {
    const constraint = compileConstraint({ type: 'json-schema', schema }, model.tokenizer);
    const options = (seed: number): GenerateOptions => ({ seed, maxTokens: 30 + 30 * seed, constraint });
    const seeds = [0, 1, 2];
    const expected = await Promise.all(seeds.map((seed) => answer('Once ', options(seed))));
    const begin = vi.spyOn(model.engine.loop.turns, 'begin').mockReturnValue(false);
    const slow = await Promise.all(seeds.map((seed) => answer('Once ', options(seed))));
    expect(begin).toHaveBeenCalled();
    const comparable = ({ text, end }: (typeof slow)[0]): unknown => [text, end.reason, end.stoppedBy];
    expect(slow.map(comparable)).toEqual(expected.map(comparable));

    const failing = { ...constraint, start: () => ({ ...constraint.start(), advance: tooAmbiguous }) };
    await expect(answer('x', { constraint: failing })).rejects.toThrow('too ambiguous');
    begin.mockRestore();
  });

  it('ends when nothing more can follow, whatever else was wished', async () => {
    const constraint = compileConstraint({ type: 'choice', choices: ['abc'] }, model.tokenizer);
    const bias = new Map(Array.from(model.tokenizer.encode('abc'), (id) => [id, -100] as const));
    const { text, end } = await answer('x', { constraint, ignoreEos: true, minTokens: 50, logitBias: bias });
    expect([text, end.reason]).toEqual(['abc', 'stop']);
    const stopTokens = Array.from(model.tokenizer.encode('abc'));
    const stopped = await answer('x', { constraint, minTokens: 50, stopTokens });
    expect([stopped.text, stopped.end.reason]).toEqual(['', 'stop']);
  });

  it('may be cut off, and says so', async () => {
    const constraint = compileConstraint({ type: 'json-schema', schema }, model.tokenizer);
    const { text, end } = await answer('x', { constraint, maxTokens: 5, temperature: 0 });
    expect(end.reason).toBe('length');
    expect(text).toMatch(/^\{/);
  });
});
