import type { JSX } from 'preact';
import { useEffect, useMemo, useRef, useState } from 'preact/hooks';
import { type Load, loadOf } from '../core/expert-load.ts';
import type { ExpertLayout } from '../core/recording.ts';
import { usePage, useValue } from '../ui/hooks.ts';
import { Icon } from '../ui/icons.tsx';
import { ExpertMap } from './expert-map.tsx';
import { ExpertTable } from './expert-table.tsx';
import { type Group, GroupChoice, groupTest } from './group-choice.tsx';
import { Legend, type View } from './legend.tsx';
import { busiestFirst, type Cell } from './map-geometry.ts';
import { groupsPicture, hasLine, loadPicture, tokensPicture } from './picture.ts';
import { Readout } from './readout.tsx';
import { TokenChoice } from './token-choice.tsx';
import { type TokenRef, TokenStrip } from './token-strip.tsx';
import { type RecordedAnswer, useRecordedAnswers, useTokens } from './use-tokens.ts';

export interface ExpertPanelProps {
  /** The chosen answer; undefined for the newest one. */
  readonly shownAnswer: string | undefined;
  readonly onShowAnswer: (messageId: string | undefined) => void;
  readonly isOverlay: boolean;
  readonly onClose: () => void;
}

/** Which experts tokens were routed to, layer by layer. */
export function ExpertPanel(props: ExpertPanelProps): JSX.Element {
  const { chat, t } = usePage();
  const server = useValue(chat.server);
  const answers = useRecordedAnswers();
  const panel = useRef<HTMLElement>(null);
  const serverLayout = server.status === 'ready' ? server.experts?.layout : undefined;
  const layout = answers.at(-1)?.recording.layout ?? serverLayout;
  useEffect(() => {
    if (props.isOverlay) panel.current?.focus();
  }, [props.isOverlay]);
  return (
    <aside
      class={`experts ${props.isOverlay ? 'overlay' : ''}`}
      aria-labelledby="experts-title"
      ref={panel}
      tabIndex={-1}
      onKeyDown={(event) => {
        if (event.key !== 'Escape' || !props.isOverlay || event.defaultPrevented) return;
        event.preventDefault();
        props.onClose();
      }}
    >
      <header class="experts-head">
        <h2 id="experts-title">{t('experts')}</h2>
        <button type="button" class="icon-button" aria-label={t('hideExperts')} onClick={props.onClose}>
          <Icon name="close" />
        </button>
      </header>
      {layout ? (
        <>
          <p class="intro">
            {t('expertsIntro', {
              layers: layout.layers.length,
              experts: layout.numExperts,
              chosen: layout.numChosen,
            })}
          </p>
          <Explorer {...props} answers={answers} layout={layout} />
        </>
      ) : (
        <p class="hint">{t(server.status === 'ready' ? 'noExperts' : 'connecting')}</p>
      )}
    </aside>
  );
}

type Scope = 'answer' | 'conversation' | 'server';

interface ExplorerProps extends ExpertPanelProps {
  readonly answers: readonly RecordedAnswer[];
  readonly layout: ExpertLayout;
}

function Explorer({ answers, layout, shownAnswer, onShowAnswer }: ExplorerProps): JSX.Element {
  const { chat, t } = usePage();
  const server = useValue(chat.server);
  const [view, setView] = useState<View>('load');
  const [wantedScope, setScope] = useState<Scope>('answer');
  const [chosenA, setA] = useState<number | undefined>(undefined);
  const [chosenB, setB] = useState<number | undefined>(undefined);
  const [slot, setSlot] = useState<'a' | 'b'>('a');
  const [pointed, setPointed] = useState<number | undefined>(undefined);
  const [cursor, setCursor] = useState<Cell | undefined>(undefined);
  const [pinned, setPinned] = useState<Cell | undefined>(undefined);
  const [isOrdered, setOrdered] = useState(false);
  const [groups, setGroups] = useState<readonly [Group, Group]>(['latin', 'han']);

  const scope: Scope = view === 'load' ? wantedScope : wantedScope === 'server' ? 'answer' : wantedScope;
  const shown = answers.find(({ message }) => message.id === shownAnswer) ?? answers.at(-1);
  // Two answers can only be compared where both are there.
  const inScope = view === 'groups' || scope === 'conversation' ? answers : shown ? [shown] : [];
  const tokens = useTokens(inScope, layout);
  const isStreaming = shown?.message.status === 'streaming';
  const isFollowing = chosenA === undefined && isStreaming;
  const last = tokens.length > 0 ? tokens.length - 1 : undefined;
  const a = within((slot === 'a' || view === 'load' ? pointed : undefined) ?? chosenA ?? last, tokens);
  const b = view === 'tokens' ? within((slot === 'b' ? pointed : undefined) ?? chosenB, tokens) : undefined;
  const tokenA = a === undefined ? undefined : tokens[a];
  const tokenB = b === undefined ? undefined : tokens[b];
  const counted = server.status === 'ready' ? server.experts : undefined;
  const isServerScope = scope === 'server' && counted !== undefined;

  // Another answer, another set of tokens: what was selected among the old ones means nothing.
  const scopeKey = `${scope} ${inScope.map(({ message }) => message.id).join(' ')}`;
  useEffect(() => {
    setA(undefined);
    setB(undefined);
    setPointed(undefined);
  }, [scopeKey, view]);
  useEffect(() => {
    if (scope === 'server') void chat.refreshExperts();
  }, [chat, scope]);

  const load: Load = useMemo(() => {
    if (isServerScope) return counted;
    return loadOf(
      layout,
      inScope.map(({ recording }) => recording),
    );
  }, [isServerScope, counted, layout, tokens]);
  const [loadA, loadB] = useMemo(
    () =>
      groups.map((group) =>
        view === 'groups'
          ? loadOfTokens(layout, tokens, groupTest(group))
          : loadOfTokens(layout, [], () => false),
      ),
    [groups, tokens, view, layout],
  );
  const picture = useMemo(() => {
    const token = isServerScope ? undefined : tokenA;
    const content =
      view === 'groups'
        ? groupsPicture(loadA, loadB)
        : view === 'tokens'
          ? tokensPicture(load, tokenA, tokenB)
          : loadPicture(load, token, isFollowing ? tokens.slice(0, -1) : undefined);
    const barTitle = view === 'load' ? t('barTop', { count: layout.numChosen }) : t('barShared');
    const order = isOrdered ? busiestFirst(layout, load.counts) : undefined;
    const orderTitles = [t('busiest'), t('rarest')] as const;
    return { ...content, barTitle, order, orderTitles, cursor, pinned };
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

  const [isInA, isInB] = groups.map(groupTest);
  const select = (index: number, isSecond: boolean): void => {
    if (view !== 'tokens') setA(index);
    else if (isSecond || slot === 'b') setB(index);
    else setA(index);
  };
  const showsTokens = !isServerScope && tokens.length > 0;
  const activeIndex = view === 'tokens' && slot === 'b' ? (chosenB ?? a) : a;
  return (
    <>
      <div class="experts-controls">
        <fieldset class="segments">
          <legend class="sr-only">{t('view')}</legend>
          {(['load', 'tokens', 'groups'] as const).map((name) => (
            <label key={name}>
              <input type="radio" name="view" checked={view === name} onChange={() => setView(name)} />
              <span>{t(name === 'load' ? 'viewLoad' : name === 'tokens' ? 'viewTokens' : 'viewGroups')}</span>
            </label>
          ))}
        </fieldset>
        {view !== 'groups' && (
          <label class="scope">
            <span class="sr-only">{t('scope')}</span>
            <select
              value={scope === 'answer' && shown ? shown.message.id : scope}
              onChange={(event) => {
                const { value } = event.currentTarget;
                const isScope = value === 'conversation' || value === 'server' || value === 'answer';
                setScope(isScope ? value : 'answer');
                if (!isScope) onShowAnswer(value);
              }}
            >
              {answers.length === 0 && <option value="answer">{t('scopeAnswer')}</option>}
              {answers.map(({ message }, i) => (
                <option key={message.id} value={message.id}>
                  {t('answerNumberOf', { index: i + 1, text: excerpt(message.content) })}
                </option>
              ))}
              {answers.length > 1 && <option value="conversation">{t('scopeConversation')}</option>}
              {view === 'load' && counted && <option value="server">{t('scopeServer')}</option>}
            </select>
          </label>
        )}
      </div>
      {view === 'tokens' && <TokenChoice slot={slot} onSlot={setSlot} a={tokenA} b={tokenB} />}
      {view === 'groups' && <GroupChoice answers={answers} groups={groups} onChange={setGroups} />}
      {showsTokens ? (
        <TokenStrip
          source={scopeKey}
          tokens={tokens}
          isA={view === 'groups' ? (index) => isInA(tokens[index]) : (index) => index === a}
          isB={view === 'groups' ? (index) => isInB(tokens[index]) : (index) => index === b}
          pinned={pinned}
          active={view === 'groups' ? undefined : activeIndex}
          isFollowing={isFollowing}
          onPoint={setPointed}
          onSelect={select}
        />
      ) : (
        !isServerScope && <p class="nothing">{t('nothingRecorded')}</p>
      )}
      {showsTokens && view === 'load' && <p class="hint">{t('tokensHint')}</p>}
      <ExpertMap
        picture={picture}
        describedBy="experts-readout"
        onPoint={setCursor}
        onPin={(cell) => setPinned(sameCell(cell, pinned) ? undefined : cell)}
      />
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

function within(index: number | undefined, tokens: readonly TokenRef[]): number | undefined {
  return index !== undefined && index < tokens.length ? index : undefined;
}

function sameCell(a: Cell, b: Cell | undefined): boolean {
  return a.layerIndex === b?.layerIndex && a.expert === b.expert;
}

function loadOfTokens(
  layout: ExpertLayout,
  tokens: readonly TokenRef[],
  isMember: (ref: TokenRef) => boolean,
): Load {
  const { numChosen, numExperts, layers } = layout;
  const members = tokens.filter(isMember);
  const counts = new Float64Array(layers.length * numExperts);
  for (const { recording, token } of members) {
    let at = token * layers.length * numChosen;
    for (let layer = 0; layer < layers.length; layer++) {
      for (let k = 0; k < numChosen; k++) counts[layer * numExperts + recording.ids[at++]]++;
    }
  }
  return { layout, numTokens: members.length, counts };
}

function excerpt(text: string): string {
  const line = text.trim().replace(/\s+/g, ' ');
  return line.length > 32 ? `${line.slice(0, 31)}…` : line;
}
