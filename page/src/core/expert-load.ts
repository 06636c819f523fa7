import { chosenExperts, type ExpertLayout, type Recording } from './recording.ts';

/** How often each expert of each layer was chosen: [layers, experts], and for how many tokens. */
export interface Load {
  readonly layout: ExpertLayout;
  readonly numTokens: number;
  readonly counts: Float64Array;
}

/** Kinds of tokens that one can compare; a token is of the kind of its first letter or digit. */
export const KINDS = ['latin', 'han', 'digits', 'other'] as const;
export type Kind = (typeof KINDS)[number];

export function kindOf(piece: string): Kind {
  for (const character of piece) {
    if (/\p{Script=Latin}/u.test(character)) return 'latin';
    if (/\p{Script=Han}/u.test(character)) return 'han';
    if (/\p{Number}/u.test(character)) return 'digits';
  }
  return 'other';
}

/** A token of an answer, by the position of its routing. */
export interface RecordedToken {
  readonly recording: Recording;
  readonly token: number;
}

/** Tokens of recordings of one layout are added up. */
export function loadOf(layout: ExpertLayout, tokens: readonly RecordedToken[]): Load {
  const { layers, numExperts, numChosen } = layout;
  const counts = new Float64Array(layers.length * numExperts);
  for (const { recording, token } of tokens) {
    let at = token * layers.length * numChosen;
    for (let layer = 0; layer < layers.length; layer++) {
      for (let k = 0; k < numChosen; k++) counts[layer * numExperts + recording.ids[at++]]++;
    }
  }
  return { layout, numTokens: tokens.length, counts };
}

export function sameLayout(a: ExpertLayout, b: ExpertLayout): boolean {
  return (
    a.numExperts === b.numExperts && a.numChosen === b.numChosen && String(a.layers) === String(b.layers)
  );
}

/** Times the even share: 1 where an expert is chosen as often as it would be if all were chosen equally often. */
export function relativeLoad({ layout, numTokens: tokens, counts }: Load): Float64Array {
  const even = (tokens * layout.numChosen) / layout.numExperts;
  return even > 0 ? counts.map((count) => count / even) : counts;
}

/** The experts of a layer that were chosen most, most first; ties go to the lower number. */
export function busiestExperts(
  { layout, counts }: Load,
  layerIndex: number,
  limit: number,
): readonly { readonly expert: number; readonly count: number }[] {
  const start = layerIndex * layout.numExperts;
  return Array.from({ length: layout.numExperts }, (_, expert) => ({ expert, count: counts[start + expert] }))
    .filter(({ count }) => count > 0)
    .sort((a, b) => b.count - a.count || a.expert - b.expert)
    .slice(0, limit);
}

/** Share of all choices of a layer that its `top` busiest experts took. */
export function topShare(load: Load, layerIndex: number, top: number): number {
  const total = load.numTokens * load.layout.numChosen;
  const { numExperts } = load.layout;
  // A copy: typed arrays sort in place, and by number.
  const row = load.counts.slice(layerIndex * numExperts, (layerIndex + 1) * numExperts).sort();
  const taken = row.subarray(-top).reduce((sum, count) => sum + count, 0);
  return total > 0 ? taken / total : 0;
}

/** For each layer, how many experts two tokens have in common. */
export function sharedExperts(a: RecordedToken, b: RecordedToken): readonly number[] {
  return a.recording.layout.layers.map((_, layer) => {
    const ofB = new Set(chosenExperts(b.recording, b.token, layer));
    return chosenExperts(a.recording, a.token, layer).filter((expert) => ofB.has(expert)).length;
  });
}

/** For each layer, the part of their load that two groups of tokens put on the same experts: 1 for the same shares, 0 for none. */
export function overlap(a: Load, b: Load): readonly number[] {
  const { layers, numExperts, numChosen } = a.layout;
  return layers.map((_, layer) => {
    let sum = 0;
    for (let i = layer * numExperts; i < (layer + 1) * numExperts; i++) {
      sum += Math.min(
        a.counts[i] / (a.numTokens * numChosen || 1),
        b.counts[i] / (b.numTokens * numChosen || 1),
      );
    }
    return sum;
  });
}

/**
 * How much more often A chose an expert than B, as log2 of the ratio of their shares. Half a choice is added to either count:
 * an expert that a few tokens happened to miss is not an infinite difference.
 */
export function preference(a: Load, b: Load): Float64Array {
  const { numExperts, numChosen } = a.layout;
  const share = (load: Load, i: number): number =>
    (load.counts[i] + 0.5) / (load.numTokens * numChosen + 0.5 * numExperts);
  return a.counts.map((_, i) => Math.log2(share(a, i) / share(b, i)));
}
