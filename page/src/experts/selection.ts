/** What the map shows: one token among the load, two tokens, or two groups of tokens. */
export type View = 'load' | 'tokens' | 'groups';

/** Which tokens of a list are selected, by index: A is the one that is shown, B the one that it is compared with. */
export interface Selection {
  readonly chosen: Readonly<Record<Slot, number | undefined>>;
  /** Which of the two the next selection sets. */
  readonly slot: Slot;
  /** The token under the pointer, which is shown as a preview. */
  readonly pointed: number | undefined;
}

export type Slot = 'a' | 'b';

export type SelectionAction =
  | { readonly type: 'clear' }
  | { readonly type: 'slot'; readonly slot: Slot }
  | { readonly type: 'point'; readonly index: number | undefined }
  | { readonly type: 'select'; readonly index: number; readonly slot: Slot };

export const NOTHING_SELECTED: Selection = {
  chosen: { a: undefined, b: undefined },
  slot: 'a',
  pointed: undefined,
};

export function changeSelection(selection: Selection, action: SelectionAction): Selection {
  switch (action.type) {
    case 'clear':
      return { ...NOTHING_SELECTED, slot: selection.slot };
    case 'slot':
      return { ...selection, slot: action.slot };
    case 'point':
      return { ...selection, pointed: action.index };
    case 'select':
      return { ...selection, chosen: { ...selection.chosen, [action.slot]: action.index } };
  }
}

export interface ShownTokens {
  readonly a: number | undefined;
  readonly b: number | undefined;
  /** Where the arrow keys start from. */
  readonly active: number | undefined;
  /** A is the newest token, and moves on with each new one. */
  readonly isFollowing: boolean;
}

/** What a selection among so many tokens shows. Without a choice A is the last token. */
export function shownTokens(
  { chosen, slot, pointed }: Selection,
  view: View,
  numTokens: number,
  isStreaming: boolean,
): ShownTokens {
  const within = (index: number | undefined): number | undefined =>
    index !== undefined && index < numTokens ? index : undefined;
  const last = numTokens > 0 ? numTokens - 1 : undefined;
  const isSecond = view === 'tokens' && slot === 'b';
  const pointsAtA = slot === 'a' || view === 'load';
  const a = within((pointsAtA ? pointed : undefined) ?? chosen.a ?? last);
  const b = view === 'tokens' ? within((isSecond ? pointed : undefined) ?? chosen.b) : undefined;
  return {
    a,
    b,
    active: view === 'groups' ? undefined : isSecond ? (chosen.b ?? a) : a,
    isFollowing: chosen.a === undefined && isStreaming,
  };
}
