import type { JSX } from 'preact';
import { type Load, overlap, sharedExperts } from '../core/expert-load.ts';
import { chosenExperts } from '../core/recording.ts';
import { usePage, useValue } from '../ui/hooks.ts';
import type { Cell } from './map-geometry.ts';
import type { View } from './selection.ts';
import type { TokenRef } from './token-strip.tsx';

export interface ReadoutProps {
  readonly view: View;
  readonly cell: Cell | undefined;
  readonly pinned: Cell | undefined;
  readonly load: Load;
  readonly loads: readonly [Load, Load];
  readonly tokens: readonly TokenRef[];
  readonly a: TokenRef | undefined;
  readonly b: TokenRef | undefined;
}

/** What the map says, in words: the cell that is pointed at, and what is compared as a whole. */
export function Readout(props: ReadoutProps): JSX.Element {
  const { t } = usePage();
  const { pinned, tokens, load } = props;
  const summary = useSummary(props);
  const cell = useCellText(props);
  return (
    <div class="readout" id="experts-readout">
      {/* Said as it changes. The summary would be said for every token of an answer that is being written. */}
      <div role="status">
        {cell && <p>{cell}</p>}
        {pinned && tokens.length > 0 && (
          <p class="pinned-note">
            {t('tokensOfExpert', {
              count: tokens.filter(({ recording, token }) =>
                chosenExperts(recording, token, pinned.layerIndex).includes(pinned.expert),
              ).length,
              expert: pinned.expert,
              layer: load.layout.layers[pinned.layerIndex],
            })}
          </p>
        )}
      </div>
      {!cell && <p>{summary}</p>}
    </div>
  );
}

function usePercent(): (share: number) => string {
  const { settings } = usePage();
  const { language } = useValue(settings);
  const format = new Intl.NumberFormat(language, { style: 'percent', maximumFractionDigits: 1 });
  return (share) => format.format(share);
}

function useCellText({ view, cell, load, loads }: ReadoutProps): string | undefined {
  const { t } = usePage();
  const percent = usePercent();
  if (!cell) return undefined;
  const { layout } = load;
  const i = cell.layerIndex * layout.numExperts + cell.expert;
  const where = { layer: layout.layers[cell.layerIndex], expert: cell.expert };
  if (view === 'groups') {
    const [a, b] = loads.map(({ counts, numTokens }) => percent(counts[i] / (numTokens || 1)));
    return t('cellTimes', { ...where, percentA: a, percentB: b });
  }
  const share = load.counts[i] / (load.numTokens || 1);
  return t('cellCount', {
    ...where,
    count: load.counts[i],
    total: load.numTokens,
    percent: percent(share),
    times: ((share * layout.numExperts) / layout.numChosen).toFixed(1),
  });
}

function useSummary({ view, a, b, loads, load }: ReadoutProps): string {
  const { t } = usePage();
  const percent = usePercent();
  const { layout } = load;
  const even = layout.numChosen / layout.numExperts;
  if (view === 'tokens' && a && b) {
    const total = layout.layers.length * layout.numChosen;
    const shared = sharedExperts(a, b).reduce((sum, count) => sum + count, 0);
    return t('sharedTokens', { shared, total, percent: percent(shared / total), chance: percent(even) });
  }
  if (view === 'tokens') return t('tokensHintTwo');
  if (view === 'groups') {
    const [groupA, groupB] = loads;
    if (groupA.numTokens === 0 || groupB.numTokens === 0) return t('tooFewTokens');
    const shares = overlap(groupA, groupB);
    const least = shares.indexOf(Math.min(...shares));
    return t('sharedGroups', {
      countA: groupA.numTokens,
      countB: groupB.numTokens,
      percent: percent(shares.reduce((sum, share) => sum + share, 0) / shares.length),
      layer: layout.layers[least],
      least: percent(shares[least]),
    });
  }
  return t('barTopHelp', { count: layout.numChosen, even: percent(even) });
}
