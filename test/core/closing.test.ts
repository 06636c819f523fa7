import { describe, expect, it } from 'vitest';
import { closeAll, closeOnThrow } from '../../src/core/closing.ts';

function recorder() {
  const closed: string[] = [];
  const thing = (name: string, error?: Error) => ({
    close: async () => {
      closed.push(name);
      if (error) throw error;
    },
  });
  return { closed, thing };
}

describe('closeAll()', () => {
  it('closes the last one first, and all of them where one throws', async () => {
    const { closed, thing } = recorder();
    const broken = new Error('broken');
    await expect(closeAll([thing('a'), thing('b', broken), thing('c')])).rejects.toBe(broken);
    expect(closed).toEqual(['c', 'b', 'a']);
  });
});

describe('closeOnThrow()', () => {
  it('leaves open what belongs to a result', async () => {
    const { closed, thing } = recorder();
    const result = await closeOnThrow(async (own) => ({ part: own(thing('a')) }));
    expect(closed).toEqual([]);
    await result.part.close();
  });

  it('closes what was open when a later step threw, and throws why, not what closing throws', async () => {
    const { closed, thing } = recorder();
    const why = new Error('why');
    const work = closeOnThrow(async (own) => {
      own(thing('a', new Error('closing')));
      own(thing('b'));
      throw why;
    });
    await expect(work).rejects.toBe(why);
    expect(closed).toEqual(['b', 'a']);
  });
});
