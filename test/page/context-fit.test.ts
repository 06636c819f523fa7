import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { firstThatFits, sentPart } from '../../page/src/core/context-fit.ts';
import type { Message } from '../../page/src/core/conversation.ts';

/** Questions and answers in turn; each message has as many tokens as its text has characters. */
function pathOf(lengths: readonly number[]): readonly Message[] {
  return lengths.map((length, i) => ({
    id: `m${i}`,
    parent: i === 0 ? null : `m${i - 1}`,
    role: i % 2 === 0 ? 'user' : 'assistant',
    content: 'x'.repeat(length),
    created: i,
    status: 'done',
  }));
}
const size = (messages: readonly { content: string }[]) =>
  messages.reduce((sum, { content }) => sum + content.length, 0);
const fitted = async (
  path: readonly Message[],
  firstSent: string | undefined,
  contextLength: number,
  maxTokens: number | null = null,
) => {
  let numCounts = 0;
  const first = await firstThatFits({
    system: 'sys',
    path,
    firstSent,
    contextLength,
    maxTokens,
    countTokens: async (messages) => {
      numCounts++;
      return size(messages);
    },
  });
  return { first, sent: sentPart(path, first), numCounts };
};

describe('firstThatFits()', () => {
  it('sends all that fits with room for an answer', async () => {
    const { first, numCounts } = await fitted(pathOf([10, 10, 10]), undefined, 100);
    expect(first).toBeUndefined();
    expect(numCounts).toBe(1);
  });

  it('leaves out the oldest turns, more than it has to, so that the next turns continue the same prompt', async () => {
    const path = pathOf(Array(101).fill(10));
    const { first, sent } = await fitted(path, undefined, 400);
    expect(sent[0].role).toBe('user');
    // A quarter is for the answer; three quarters of the rest are used.
    expect(3 + size(sent)).toBeLessThanOrEqual(225);
    expect(3 + size(sent)).toBeGreaterThan(200);
    const longer = pathOf(Array(105).fill(10));
    expect((await fitted(longer, first, 400)).first).toBe(first);
  });

  it('reserves as many tokens as an answer may have', async () => {
    const path = pathOf([10, 10, 10, 10, 10]);
    expect((await fitted(path, undefined, 100, 47)).first).toBeUndefined();
    expect((await fitted(path, undefined, 100, 48)).first).toBe('m2');
  });

  it('keeps the last question whatever it is, and never leaves out less than before', async () => {
    const lengths = fc.array(fc.integer({ min: 1, max: 60 }), { minLength: 1, maxLength: 31 });
    await fc.assert(
      fc.asyncProperty(lengths, fc.nat(15), fc.integer({ min: 8, max: 400 }), async (all, turn, context) => {
        const path = pathOf(all.length % 2 === 1 ? all : all.slice(1));
        if (path.length === 0) return;
        const before = path[2 * turn]?.id;
        const { sent, numCounts } = await fitted(path, before, context);
        expect(sent.at(-1)).toBe(path.at(-1));
        expect(sent[0].role).toBe('user');
        expect(sent.length).toBeLessThanOrEqual(sentPart(path, before).length);
        expect(numCounts).toBeLessThanOrEqual(7);
      }),
    );
  });
});
