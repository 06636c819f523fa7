import {
  type Load,
  overlap,
  preference,
  relativeLoad,
  sharedExperts,
  topShare,
} from '../core/expert-load.ts';
import { chosenExperts, type ExpertLayout } from '../core/recording.ts';
import type { MapPicture } from './draw-map.ts';
import type { TokenRef } from './token-strip.tsx';

/** The scale's end: this many times the even share, and beyond, look the same. */
const MOST_LOAD = 4;
/** The end of the scale of differences: eight times as often. */
const MOST_DIFFERENCE = 3;
/** Tokens that leave a trace while an answer streams. */
const TRAIL_LENGTH = 5;

/** With more experts the line would only cross itself. */
const MOST_EXPERTS_WITH_LINE = 32;

type Content = Omit<MapPicture, 'cursor' | 'pinned' | 'barTitle' | 'order' | 'orderTitles'>;

/** How often each expert was chosen, with the path of one token over it. */
export function loadPicture(
  load: Load,
  token: TokenRef | undefined,
  recent: readonly TokenRef[] | undefined,
): Content {
  const { layout } = load;
  return {
    layout,
    values: relativeLoad(load).map((times) => Math.sqrt(times / MOST_LOAD)),
    scale: 'load',
    marks: marksOf(layout, token),
    trail: recent && trailOf(layout, recent),
    line:
      token && hasLine(layout)
        ? layout.layers.map((_, layer) => chosenExperts(token.recording, token.token, layer)[0])
        : undefined,
    bars: layout.layers.map((_, layer) => topShare(load, layer, layout.numChosen)),
  };
}

export function hasLine({ numExperts }: ExpertLayout): boolean {
  return numExperts <= MOST_EXPERTS_WITH_LINE;
}

/** The paths of two tokens. */
export function tokensPicture(load: Load, a: TokenRef | undefined, b: TokenRef | undefined): Content {
  const { layout } = load;
  const shared = a && b ? sharedExperts(a, b) : [];
  return {
    layout,
    values: relativeLoad(load).map((times) => Math.sqrt(times / MOST_LOAD)),
    scale: 'faint',
    marks: marksOf(layout, a, b),
    trail: undefined,
    line: undefined,
    bars: shared.map((count) => count / layout.numChosen),
  };
}

/** Where one group of tokens goes more often than another. */
export function groupsPicture(a: Load, b: Load): Content {
  const { layout } = a;
  const hasBoth = a.numTokens > 0 && b.numTokens > 0;
  return {
    layout,
    values: hasBoth
      ? preference(a, b).map((log) => Math.max(-1, Math.min(1, log / MOST_DIFFERENCE)))
      : new Float64Array(a.counts.length),
    scale: 'difference',
    marks: new Uint8Array(a.counts.length),
    trail: undefined,
    line: undefined,
    bars: hasBoth ? overlap(a, b) : [],
  };
}

function marksOf(layout: ExpertLayout, ...tokens: (TokenRef | undefined)[]): Uint8Array {
  const marks = new Uint8Array(layout.layers.length * layout.numExperts);
  tokens.forEach((ref, i) => {
    if (!ref) return;
    for (let layer = 0; layer < layout.layers.length; layer++) {
      for (const expert of chosenExperts(ref.recording, ref.token, layer))
        marks[layer * layout.numExperts + expert] |= 1 << i;
    }
  });
  return marks;
}

/** The newest last. */
function trailOf(layout: ExpertLayout, recent: readonly TokenRef[]): Float64Array {
  const trail = new Float64Array(layout.layers.length * layout.numExperts);
  recent.slice(-TRAIL_LENGTH).forEach(({ recording, token }, i, all) => {
    const strength = (0.7 * (i + 1)) / (all.length + 1);
    for (let layer = 0; layer < layout.layers.length; layer++) {
      for (const expert of chosenExperts(recording, token, layer))
        trail[layer * layout.numExperts + expert] = strength;
    }
  });
  return trail;
}
