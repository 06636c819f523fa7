import { useEffect, useMemo } from 'preact/hooks';
import { type Message, pathOf } from '../core/conversation.ts';
import { sameLayout } from '../core/expert-load.ts';
import { type ExpertLayout, numTokens, type Recording } from '../core/recording.ts';
import { usePage, useValue } from '../ui/hooks.ts';
import type { TokenRef } from './token-strip.tsx';

export interface RecordedAnswer {
  readonly message: Message;
  readonly recording: Recording;
}

/** Answers of the branch that is shown whose routing is known, in order; those that are being written grow. */
export function useRecordedAnswers(): readonly RecordedAnswer[] {
  const { chat } = usePage();
  useValue(chat.conversations);
  useValue(chat.currentId);
  const recordings = useValue(chat.recordings);
  const progress = useValue(chat.progress);
  const { current } = chat;
  const answers = current ? pathOf(current).filter(({ role }) => role === 'assistant') : [];
  const ids = answers.map(({ id }) => id).join(' ');
  useEffect(() => {
    for (const id of ids.split(' ').filter(Boolean)) void chat.loadRecording(id);
  }, [chat, ids]);
  return answers.flatMap((message) => {
    const recording = recordings.get(message.id) ?? progress.get(message.id)?.recording;
    return recording && numTokens(recording) > 0 ? [{ message, recording }] : [];
  });
}

/** All tokens of some answers in a row. Answers of a model with another layout are left out. */
export function useTokens(answers: readonly RecordedAnswer[], layout: ExpertLayout): readonly TokenRef[] {
  const recordings = answers.map(({ recording }) => recording);
  return useMemo(
    () =>
      recordings.flatMap((recording, answer) => {
        const count = sameLayout(recording.layout, layout) ? numTokens(recording) : 0;
        return Array.from({ length: count }, (_, token) => ({ recording, token, answer }));
      }),
    [layout, ...padded(recordings)],
  );
}

/** Hooks compare lists of one length. */
function padded(recordings: readonly Recording[]): readonly unknown[] {
  return [
    recordings.length,
    recordings.at(-1),
    recordings.at(0),
    recordings.map(({ ids }) => ids.length).join(),
  ];
}
