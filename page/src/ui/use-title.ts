import { useLayoutEffect, useRef, useState } from 'preact/hooks';
import type { Chat } from '../core/chat.ts';
import { useValue } from './hooks.ts';

/** The tab's title: the conversation, and before it whether an answer is being written or was finished while nobody looked. */
export function useTitle(chat: Chat): void {
  useValue(chat.conversations);
  useValue(chat.currentId);
  const { current } = chat;
  const isAnswering = current?.leaf != null && current.nodes[current.leaf]?.status === 'streaming';
  const wasAnswering = useRef(isAnswering);
  const [isUnseen, setUnseen] = useState(false);
  useLayoutEffect(() => {
    if (wasAnswering.current && !isAnswering) setUnseen(document.hidden);
    wasAnswering.current = isAnswering;
  }, [isAnswering]);
  useLayoutEffect(() => {
    const onSeen = (): void => {
      if (!document.hidden) setUnseen(false);
    };
    document.addEventListener('visibilitychange', onSeen);
    return () => document.removeEventListener('visibilitychange', onSeen);
  }, []);
  const title = current?.title ? `${current.title} · dots` : 'dots';
  useLayoutEffect(() => {
    document.title = isAnswering ? `… ${title}` : isUnseen ? `✓ ${title}` : title;
  }, [title, isAnswering, isUnseen]);
}
