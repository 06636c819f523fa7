import type { JSX } from 'preact';
import { useEffect, useMemo, useState } from 'preact/hooks';
import type { Recording } from '../core/recording.ts';
import { surpriseOf, TokenOdds } from '../experts/token-odds.tsx';
import { type TokenRef, TokenStrip } from '../experts/token-strip.tsx';
import { usePage, useValue } from './hooks.ts';

/** What is known of the tokens of an answer; loads it where it is stored. */
export function useRecording(messageId: string): Recording | undefined {
  const { chat } = usePage();
  const recordings = useValue(chat.recordings);
  const progress = useValue(chat.progress);
  useEffect(() => void chat.loadRecording(messageId), [chat, messageId]);
  return recordings.get(messageId) ?? progress.get(messageId)?.recording;
}

/** An answer token by token, each coloured by its chance; the one that is pointed at or selected shows what else it could be. */
export function OddsView({ messageId }: { messageId: string }): JSX.Element | null {
  const { t } = usePage();
  const recording = useRecording(messageId);
  const [pointed, point] = useState<number | undefined>(undefined);
  const [selected, select] = useState<number | undefined>(undefined);
  const tokens = useMemo<readonly TokenRef[]>(
    () => recording?.pieces.map((_, token) => ({ recording, token, answer: 0 })) ?? [],
    [recording],
  );
  const active = pointed ?? selected;
  if (!recording) return null;
  const { odds } = recording;
  return (
    <div class="odds-view">
      <TokenStrip
        source={messageId}
        tokens={tokens}
        isA={(index) => index === active}
        isB={() => false}
        surprise={(index) => (odds ? surpriseOf(odds, index) : 0)}
        active={active}
        isFollowing={false}
        onPoint={point}
        onSelect={select}
      />
      <div class="odds-readout" role="status">
        {odds && active !== undefined && active < tokens.length ? (
          <TokenOdds at={tokens[active]} />
        ) : (
          <p class="hint">{t(odds ? 'oddsHint' : 'noOdds')}</p>
        )}
      </div>
    </div>
  );
}
