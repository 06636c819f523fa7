import type { JSX } from 'preact';
import { useEffect, useLayoutEffect, useMemo, useReducer, useState } from 'preact/hooks';
import { loadOf } from '../core/expert-load.ts';
import type { ExpertLayout } from '../core/recording.ts';
import { usePage, useValue } from '../ui/hooks.ts';
import { ExpertMap } from './expert-map.tsx';
import { ExpertTable } from './expert-table.tsx';
import { ExplorerControls, type Scope } from './explorer-controls.tsx';
import { type Group, GroupChoice, groupTest } from './group-choice.tsx';
import { Legend } from './legend.tsx';
import { busiestFirst } from './map-geometry.ts';
import { groupsPicture, hasLine, loadPicture, tokensPicture } from './picture.ts';
import { Readout } from './readout.tsx';
import { changeSelection, NOTHING_SELECTED, shownTokens, type View } from './selection.ts';
import { TokenChoice } from './token-choice.tsx';
import { TokenOdds } from './token-odds.tsx';
import { TokenStrip } from './token-strip.tsx';
import { useCells } from './use-cells.ts';
import { type RecordedAnswer, useTokens } from './use-tokens.ts';

export interface ExplorerProps {
  readonly answers: readonly RecordedAnswer[];
  readonly layout: ExpertLayout;
  /** The chosen answer; undefined for the newest one. */
  readonly shownAnswer: string | undefined;
  readonly onShowAnswer: (messageId: string | undefined) => void;
}

/** The map of the experts, what it shows, and the tokens to choose from. */
export function Explorer({ answers, layout, shownAnswer, onShowAnswer }: ExplorerProps): JSX.Element {
  const { chat, settings, t } = usePage();
  const { recordsRouting } = useValue(settings);
  const server = useValue(chat.server);
  const [view, setView] = useState<View>('load');
  const [chosenScope, setScope] = useState<Scope>('answer');
  const [groups, setGroups] = useState<readonly [Group, Group]>(['latin', 'han']);
  const [isOrdered, setOrdered] = useState(false);
  const [selection, dispatch] = useReducer(changeSelection, NOTHING_SELECTED);
  const { cursor, pinned, point, togglePin } = useCells();

  // The server keeps counts only: there are no tokens of it to compare.
  const scope = view !== 'load' && chosenScope === 'server' ? 'answer' : chosenScope;
  const shown = answers.find(({ message }) => message.id === shownAnswer) ?? answers.at(-1);
  // Two answers can only be compared where both are there.
  const inScope = view === 'groups' || scope === 'conversation' ? answers : shown ? [shown] : [];
  const tokens = useTokens(inScope, layout);
  const isStreaming = shown?.message.status === 'streaming';
  const { a, b, active, isFollowing } = shownTokens(selection, view, tokens.length, isStreaming);
  const tokenA = a === undefined ? undefined : tokens[a];
  const tokenB = b === undefined ? undefined : tokens[b];
  const counted = server.status === 'ready' ? server.experts : undefined;
  const isServerScope = scope === 'server' && counted !== undefined;

  // Another answer, another set of tokens: what was selected among the old ones means nothing.
  const scopeKey = `${scope} ${inScope.map(({ message }) => message.id).join(' ')}`;
  useLayoutEffect(() => dispatch({ type: 'clear' }), [scopeKey, view]);
  useEffect(() => {
    if (scope === 'server') void chat.refreshExperts();
  }, [chat, scope]);

  const load = useMemo(
    () => (isServerScope ? counted : loadOf(layout, tokens)),
    [isServerScope, counted, layout, tokens],
  );
  const [isInA, isInB] = useMemo(() => groups.map(groupTest), [groups]);
  const [loadA, loadB] = useMemo(
    () => [isInA, isInB].map((isIn) => loadOf(layout, view === 'groups' ? tokens.filter(isIn) : [])),
    [isInA, isInB, tokens, view, layout],
  );
  const picture = useMemo(() => {
    const content =
      view === 'groups'
        ? groupsPicture(loadA, loadB)
        : view === 'tokens'
          ? tokensPicture(load, tokenA, tokenB)
          : loadPicture(
              load,
              isServerScope ? undefined : tokenA,
              isFollowing ? tokens.slice(0, -1) : undefined,
            );
    return {
      ...content,
      barTitle: view === 'load' ? t('barTop', { count: layout.numChosen }) : t('barShared'),
      order: isOrdered ? busiestFirst(layout, load.counts) : undefined,
      orderTitles: [t('busiest'), t('rarest')] as const,
      cursor,
      pinned,
    };
  }, [
    view,
    load,
    loadA,
    loadB,
    tokenA,
    tokenB,
    isServerScope,
    isFollowing,
    isOrdered,
    cursor,
    pinned,
    tokens,
    t,
  ]);

  const showsTokens = !isServerScope && tokens.length > 0;
  return (
    <>
      {!recordsRouting && (
        <p class="nothing">
          {t('recordingOff')}
          <button
            type="button"
            class="button"
            onClick={() => settings.update((all) => ({ ...all, recordsRouting: true }))}
          >
            {t('switchOnRecording')}
          </button>
        </p>
      )}
      <ExplorerControls
        view={view}
        onView={setView}
        scope={scope}
        onScope={setScope}
        answers={answers}
        shown={shown}
        onShowAnswer={onShowAnswer}
        hasServer={counted !== undefined}
      />
      {view === 'tokens' && (
        <TokenChoice
          slot={selection.slot}
          onSlot={(slot) => dispatch({ type: 'slot', slot })}
          a={tokenA}
          b={tokenB}
        />
      )}
      {view === 'groups' && <GroupChoice answers={answers} groups={groups} onChange={setGroups} />}
      {showsTokens ? (
        <TokenStrip
          source={scopeKey}
          tokens={tokens}
          isA={view === 'groups' ? (index) => isInA(tokens[index]) : (index) => index === a}
          isB={view === 'groups' ? (index) => isInB(tokens[index]) : (index) => index === b}
          pinned={pinned}
          active={active}
          isFollowing={isFollowing}
          onPoint={(index) => dispatch({ type: 'point', index })}
          onSelect={(index, isSecond) => {
            const setsB = view === 'tokens' && (isSecond || selection.slot === 'b');
            dispatch({ type: 'select', index, slot: setsB ? 'b' : 'a' });
          }}
        />
      ) : (
        !isServerScope && recordsRouting && <p class="nothing">{t('nothingRecorded')}</p>
      )}
      {showsTokens && view !== 'groups' && tokenA && <TokenOdds at={tokenA} />}
      {showsTokens && view === 'load' && <p class="hint">{t('tokensHint')}</p>}
      <ExpertMap picture={picture} describedBy="experts-readout" onPoint={point} onPin={togglePin} />
      <Readout
        view={view}
        cell={cursor ?? pinned}
        pinned={pinned}
        load={load}
        loads={[loadA, loadB]}
        tokens={tokens}
        a={tokenA}
        b={tokenB}
      />
      <div class="legend-row">
        <Legend
          view={view}
          hasToken={tokenA !== undefined && !isServerScope}
          hasLine={hasLine(layout)}
          hasTrail={view === 'load' && isFollowing}
        />
        <label class="check">
          <input
            type="checkbox"
            checked={isOrdered}
            onChange={(event) => setOrdered(event.currentTarget.checked)}
          />
          {t('busiestFirst')}
        </label>
      </div>
      <ExpertTable load={load} selected={isServerScope || view === 'groups' ? undefined : tokenA} />
    </>
  );
}
