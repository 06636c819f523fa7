import type { JSX, TargetedKeyboardEvent } from 'preact';
import { memo } from 'preact/compat';
import { useId, useLayoutEffect, useRef } from 'preact/hooks';
import type { RecordedToken } from '../core/expert-load.ts';
import { chosenExperts } from '../core/recording.ts';
import { usePage } from '../ui/hooks.ts';
import type { Cell } from './map-geometry.ts';

export interface TokenRef extends RecordedToken {
  /** Answers of a conversation are numbered from 0. */
  readonly answer: number;
}

export interface TokenStripProps {
  /** Says which answers the tokens are of: as long as it stays, tokens are only added. */
  readonly source: string;
  readonly tokens: readonly TokenRef[];
  /** Tokens that are shown as A and as B: one each, or a group each. */
  readonly isA: (index: number) => boolean;
  readonly isB: (index: number) => boolean;
  /** Tokens that went to this expert are marked. */
  readonly pinned?: Cell | undefined;
  /** How unlikely a token was, 0 to 4. */
  readonly surprise?: (index: number) => number;
  /** Where the arrow keys start from. */
  readonly active: number | undefined;
  readonly isFollowing: boolean;
  readonly onPoint: (index: number | undefined) => void;
  readonly onSelect: (index: number, isSecond: boolean) => void;
}

/** The text of the answer, token by token. */
export function TokenStrip(props: TokenStripProps): JSX.Element {
  const { source, tokens, active, isFollowing, onPoint, onSelect } = props;
  const { t } = usePage();
  const list = useRef<HTMLDivElement>(null);
  const name = useId();
  useLayoutEffect(() => {
    const shown = list.current?.querySelector(`[data-index="${isFollowing ? tokens.length - 1 : active}"]`);
    if (!shown || !list.current) return;
    // Only the list scrolls, not the panel around it.
    const { offsetTop } = shown as HTMLElement;
    const { scrollTop, clientHeight } = list.current;
    if (offsetTop < scrollTop || offsetTop > scrollTop + clientHeight - 24)
      list.current.scrollTop = offsetTop - clientHeight / 2;
  }, [active, isFollowing, tokens.length]);

  const indexOf = (event: Event): number | undefined => {
    const index = (event.target as HTMLElement).dataset?.index;
    return index === undefined ? undefined : Number(index);
  };
  const onKeyDown = (event: TargetedKeyboardEvent<HTMLDivElement>): void => {
    const from = active ?? tokens.length - 1;
    const targets: Record<string, number> = {
      ArrowLeft: from - 1,
      ArrowRight: from + 1,
      ArrowUp: from - 10,
      ArrowDown: from + 10,
      Home: 0,
      End: tokens.length - 1,
    };
    if (!(event.key in targets) || tokens.length === 0) return;
    event.preventDefault();
    onSelect(Math.min(tokens.length - 1, Math.max(0, targets[event.key])), event.shiftKey);
  };
  return (
    <div
      class="token-strip"
      ref={list}
      role="listbox"
      tabIndex={0}
      aria-label={t('tokensTitle')}
      aria-activedescendant={active === undefined ? undefined : `${name}-${active}`}
      onPointerOver={(event) => onPoint(indexOf(event))}
      onPointerLeave={() => onPoint(undefined)}
      onClick={(event) => {
        const index = indexOf(event);
        if (index !== undefined) onSelect(index, event.shiftKey);
      }}
      onKeyDown={onKeyDown}
    >
      {piecesOf(tokens).map(({ start, end }) => (
        <TokenPiece
          key={start}
          name={name}
          source={source}
          tokens={tokens}
          start={start}
          end={end}
          marks={marksOf(props, start, end)}
        />
      ))}
    </div>
  );
}

/**
 * Tokens are drawn in pieces that end with a line: while an answer grows only its last piece changes, and browsers lay out the
 * lines of a block anew for every token that it gains.
 */
function piecesOf(tokens: readonly TokenRef[]): { start: number; end: number }[] {
  const pieces: { start: number; end: number }[] = [];
  let start = 0;
  tokens.forEach(({ recording, token, answer }, index) => {
    const isLast = index === tokens.length - 1;
    const endsLine =
      recording.pieces[token].endsWith('\n') || (!isLast && tokens[index + 1].answer !== answer);
    if (!isLast && !endsLine) return;
    pieces.push({ start, end: index + 1 });
    start = index + 1;
  });
  return pieces;
}

/** A character for each token: what it is shown as. */
function marksOf(
  { tokens, isA, isB, pinned, surprise }: TokenStripProps,
  start: number,
  end: number,
): string {
  let marks = '';
  for (let index = start; index < end; index++) {
    const { recording, token, answer } = tokens[index];
    const isMarked =
      pinned !== undefined && chosenExperts(recording, token, pinned.layerIndex).includes(pinned.expert);
    const bits =
      Number(isA(index)) +
      2 * Number(isB(index)) +
      4 * Number(isMarked) +
      8 * Number(index > 0 && answer !== tokens[index - 1].answer) +
      16 * (surprise?.(index) ?? 0);
    marks += String.fromCharCode(bits);
  }
  return marks;
}

interface TokenPieceProps {
  readonly name: string;
  readonly source: string;
  readonly tokens: readonly TokenRef[];
  readonly start: number;
  readonly end: number;
  readonly marks: string;
}

const TokenPiece = memo(({ name, tokens, start, marks }: TokenPieceProps): JSX.Element => {
  const { t } = usePage();
  return (
    <span class="token-line">
      {Array.from(marks, (mark, i) => {
        const bits = mark.charCodeAt(0);
        const index = start + i;
        const { recording, token } = tokens[index];
        const names = [
          'token',
          bits & 1 && 'a',
          bits & 2 && 'b',
          bits & 4 && 'marked',
          bits & 8 && 'first',
          bits >> 4 && `surprise-${bits >> 4}`,
        ];
        return (
          // Chosen with the keys of the list around it.
          // biome-ignore lint/a11y/useFocusableInteractive: the list has the focus
          <span
            key={index}
            id={`${name}-${index}`}
            data-index={index}
            class={names.filter(Boolean).join(' ')}
            role="option"
            aria-label={recording.pieces[token].trim() === '' ? t('whitespaceToken') : undefined}
            aria-selected={(bits & 3) > 0}
          >
            {visible(recording.pieces[token])}
          </span>
        );
      })}
    </span>
  );
}, isSamePiece);

/** Text is only ever added to the last token, so a piece that is not the last one stays as it is. */
function isSamePiece(before: TokenPieceProps, after: TokenPieceProps): boolean {
  const isComplete = before.end < before.tokens.length && after.end < after.tokens.length;
  return isComplete && before.source === after.source && before.marks === after.marks;
}

/** Line breaks can be seen and pointed at, and so can tokens whose text came with a later one. */
export function visible(piece: string): string {
  return piece === '' ? '◦' : piece.replaceAll('\n', '↵\n');
}
