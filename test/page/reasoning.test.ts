import { describe, expect, it } from 'vitest';
import type { ApiClient, ChatChunk } from '../../page/src/core/api.ts';
import { requestMessages, runGeneration } from '../../page/src/core/generation.ts';
import { splitReasoning } from '../../page/src/core/reasoning.ts';

describe('reasoning', () => {
  it.each([
    ['Just an answer.', undefined, 'Just an answer.', false],
    ['<think>\nHmm.\n</think>\n\nYes.', 'Hmm.', 'Yes.', false],
    [' \n<think>Hmm', 'Hmm', '', true],
    ['<think></think>Yes.', undefined, 'Yes.', false],
    // The template began it.
    ['Hmm.\n</think>\n\nYes.', 'Hmm.', 'Yes.', false],
    ['Write `</think>` at the end.', undefined, 'Write `</think>` at the end.', false],
    ['An answer with <think> in it', undefined, 'An answer with <think> in it', false],
  ])('splitReasoning(%j)', (content, reasoning, answer, isOpen) => {
    expect(splitReasoning(content)).toEqual({ reasoning, answer, isOpen });
  });

  it('that comes apart from the answer is kept with it, and calls of functions are joined', async () => {
    const pieces: ChatChunk[] = [
      { text: '', reasoning: 'Let me ' },
      { text: '', reasoning: 'think.' },
      { text: 'The ' },
      { text: 'answer.' },
      { text: '', toolCalls: [{ index: 0, name: 'weather', arguments: '{"city":' }] },
      { text: '', toolCalls: [{ index: 0, name: '', arguments: '"Kyoto"}' }] },
    ];
    const { outcome } = await runGeneration({
      api: {
        async *chat() {
          yield* pieces;
        },
      } as unknown as ApiClient,
      request: { model: 'm', messages: [], fields: {} },
      layout: undefined,
      odds: false,
      before: undefined,
      signal: new AbortController().signal,
      now: () => 0,
      onProgress: () => {},
    });
    expect(splitReasoning(outcome.content)).toEqual({
      reasoning: 'Let me think.',
      answer: 'The answer.',
      isOpen: false,
    });
    expect(outcome.toolCalls).toEqual([{ name: 'weather', arguments: '{"city":"Kyoto"}' }]);
  });

  it('is not sent back, but for an answer that is to be continued', () => {
    const message = (role: 'user' | 'assistant', content: string) =>
      ({ id: content, parent: null, role, content, created: 0, status: 'done' }) as const;
    const thought = '<think>\nHmm.\n</think>\n\nYes.';
    const path = [message('user', 'a'), message('assistant', thought), message('user', 'b')];
    expect(requestMessages('', path).map(({ content }) => content)).toEqual(['a', 'Yes.', 'b']);
    expect(requestMessages('', path.slice(0, 2)).map(({ content }) => content)).toEqual(['a', thought]);
  });
});
