import { describe, expect, it } from 'vitest';
import {
  changeSelection,
  NOTHING_SELECTED,
  type SelectionAction,
  shownTokens,
} from '../../page/src/experts/selection.ts';

const selectionOf = (...actions: SelectionAction[]) => actions.reduce(changeSelection, NOTHING_SELECTED);

describe('the selection among tokens', () => {
  it('follows the newest token while the answer streams, until one is chosen', () => {
    expect(shownTokens(selectionOf(), 'load', 3, true)).toEqual({
      a: 2,
      b: undefined,
      active: 2,
      isFollowing: true,
    });
    const chosen = selectionOf({ type: 'select', index: 0, slot: 'a' });
    expect(shownTokens(chosen, 'load', 3, true)).toMatchObject({ a: 0, isFollowing: false });
    expect(shownTokens(selectionOf(), 'load', 3, false)).toMatchObject({ a: 2, isFollowing: false });
    expect(shownTokens(selectionOf(), 'load', 0, true)).toMatchObject({ a: undefined });
  });

  it('previews the token under the pointer, and goes back when it leaves', () => {
    const chosen = { type: 'select', index: 1, slot: 'a' } as const;
    const point = (index: number | undefined) => ({ type: 'point', index }) as const;
    expect(shownTokens(selectionOf(chosen, point(2)), 'load', 3, false).a).toBe(2);
    expect(shownTokens(selectionOf(chosen, point(2), point(undefined)), 'load', 3, false).a).toBe(1);
  });

  it('of two tokens, points at the one that the next selection sets', () => {
    const both = [
      { type: 'select', index: 0, slot: 'a' },
      { type: 'select', index: 1, slot: 'b' },
      { type: 'slot', slot: 'b' },
      { type: 'point', index: 2 },
    ] as const;
    expect(shownTokens(selectionOf(...both), 'tokens', 3, false)).toMatchObject({ a: 0, b: 2, active: 1 });
    // In other views there is no second token.
    expect(shownTokens(selectionOf(...both), 'load', 3, false)).toMatchObject({ a: 2, b: undefined });
    expect(shownTokens(selectionOf(...both), 'groups', 3, false)).toMatchObject({
      b: undefined,
      active: undefined,
    });
  });

  it('is forgotten with the tokens it was made among, but for which token comes next', () => {
    const cleared = selectionOf(
      { type: 'select', index: 0, slot: 'a' },
      { type: 'slot', slot: 'b' },
      { type: 'point', index: 1 },
      { type: 'clear' },
    );
    expect(cleared).toEqual({ ...NOTHING_SELECTED, slot: 'b' });
  });

  it('shows no token that the list does not have', () => {
    const beyond = selectionOf({ type: 'select', index: 7, slot: 'b' }, { type: 'point', index: 9 });
    expect(shownTokens(beyond, 'tokens', 3, false)).toMatchObject({ a: undefined, b: undefined });
  });
});
