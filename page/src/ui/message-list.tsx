import { Fragment, type JSX } from 'preact';
import { useLayoutEffect, useState } from 'preact/hooks';
import { pathOf } from '../core/conversation.ts';
import { ActiveSystemPrompt } from './active-system-prompt.tsx';
import { AnswerDialogs, type OpenDialog } from './answer-dialogs.tsx';
import { ErrorBoundary } from './error-boundary.tsx';
import { usePage, useValue } from './hooks.ts';
import { Icon } from './icons.tsx';
import { MessageView } from './message-view.tsx';
import { firstSentIndex, NotSent } from './not-sent.tsx';
import { useFollowing } from './use-following.ts';

/** The branch that is shown, from the first question to the newest answer. */
export function MessageList({ onShowExperts }: { onShowExperts: (messageId: string) => void }): JSX.Element {
  const { chat, t } = usePage();
  useValue(chat.conversations);
  const currentId = useValue(chat.currentId);
  const { current } = chat;
  const path = current ? pathOf(current) : [];
  const newest = path.at(-1);
  const { scroller, isAtEnd, toEnd, toPlace, handlers } = useFollowing(
    `${newest?.status} ${newest?.content}`,
    path.length === 0,
  );
  const [open, setOpen] = useState<OpenDialog | undefined>(undefined);
  const firstSent = current ? firstSentIndex(current, path) : 0;
  const sought = useValue(chat.sought);
  useLayoutEffect(() => {
    const found = sought && scroller.current?.querySelector(`[data-id="${CSS.escape(sought)}"]`);
    if (found) toPlace(found);
    else toEnd();
  }, [currentId, path.length, sought]);

  return (
    <div class="messages" ref={scroller} {...handlers}>
      <AnswerDialogs open={open} onClose={() => setOpen(undefined)} />
      <ActiveSystemPrompt />
      {current && path.length > 0 ? (
        <ol class="message-column">
          {path.map((message, index) => (
            <Fragment key={message.id}>
              {index > 0 && index === firstSent && <NotSent count={index} />}
              <ErrorBoundary fallback={<li class="message">{message.content}</li>}>
                <MessageView
                  conversation={current}
                  message={message}
                  onShowExperts={() => onShowExperts(message.id)}
                  onOpen={(dialog) => setOpen({ dialog, messageId: message.id })}
                />
              </ErrorBoundary>
            </Fragment>
          ))}
        </ol>
      ) : (
        <EmptyState />
      )}
      {!isAtEnd && (
        <button type="button" class="to-end" aria-label={t('jumpToEnd')} onClick={toEnd}>
          <Icon name="down" />
        </button>
      )}
    </div>
  );
}

function EmptyState(): JSX.Element {
  const { chat, t } = usePage();
  const server = useValue(chat.server);
  return (
    <div class="empty">
      <EmptyPicture />
      <h2>{t('emptyTitle')}</h2>
      <p>{t('emptyHint')}</p>
      <div class="examples">
        {(['example1', 'example2', 'example3'] as const).map((key) => (
          <button
            key={key}
            type="button"
            disabled={server.status !== 'ready'}
            onClick={() => void chat.send(t(key))}
          >
            {t(key)}
          </button>
        ))}
      </div>
    </div>
  );
}

/** Layers of dots, a few of them lit: what the expert view shows, in small. */
function EmptyPicture(): JSX.Element {
  const lit = [3, 8, 1, 10, 6];
  return (
    <svg class="empty-picture" viewBox="0 0 240 100" aria-hidden="true">
      <polyline points={lit.map((x, layer) => `${10 + 20 * x},${10 + 20 * layer}`).join(' ')} />
      {lit.map((x, layer) =>
        Array.from({ length: 12 }, (_, i) => {
          const isLit = i === x || i === (x * 5 + layer) % 12;
          return (
            <circle
              key={`${layer}.${i}`}
              class={isLit ? 'lit' : ''}
              cx={10 + 20 * i}
              cy={10 + 20 * layer}
              r={isLit ? 6 : 4}
            />
          );
        }),
      )}
    </svg>
  );
}
