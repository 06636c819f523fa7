import type { JSX } from 'preact';
import { memo } from 'preact/compat';
import { useLayoutEffect, useRef, useState } from 'preact/hooks';
import type { Conversation } from '../core/conversation.ts';
import { exportMarkdown, exportText } from '../core/export-text.ts';
import type { Hit } from '../core/search.ts';
import type { StringKey } from '../strings.ts';
import { saveFile } from './files.ts';
import { usePage, useValue } from './hooks.ts';
import { Icon } from './icons.tsx';
import { Menu } from './menu.tsx';

const DAY_MS = 24 * 3600 * 1000;

export interface ConversationListProps {
  readonly hits: readonly Hit[];
  readonly onShow: (hit: Hit) => void;
}

/** Conversations by age. While one types in the search field, it is shown again only where the hits change. */
export const ConversationList = memo(({ hits, onShow }: ConversationListProps): JSX.Element => {
  const { chat, t } = usePage();
  const currentId = useValue(chat.currentId);
  return (
    <>
      {groupByAge(hits, Date.now()).map(({ name, members }) => (
        <section key={name} aria-labelledby={`group-${name}`}>
          <h2 id={`group-${name}`}>{t(name)}</h2>
          <ul>
            {members.map((hit) => (
              <ConversationItem
                key={hit.conversation.id}
                hit={hit}
                isCurrent={hit.conversation.id === currentId}
                onShow={onShow}
              />
            ))}
          </ul>
        </section>
      ))}
    </>
  );
});

interface ItemProps {
  readonly hit: Hit;
  readonly isCurrent: boolean;
  readonly onShow: (hit: Hit) => void;
}

const ConversationItem = memo((props: ItemProps): JSX.Element => {
  const { conversation, excerpt } = props.hit;
  const { chat, t } = usePage();
  const [isRenaming, setRenaming] = useState(false);
  const title = conversation.title || t('untitled');
  const names = { user: t('you'), assistant: t('assistant') };
  const isRunning = Object.values(conversation.nodes).some(({ status }) => status === 'streaming');
  if (isRenaming) return <RenameForm conversation={conversation} onDone={() => setRenaming(false)} />;
  return (
    <li class={`conversation ${props.isCurrent ? 'current' : ''}`}>
      <button
        type="button"
        class="conversation-open"
        aria-current={props.isCurrent ? 'page' : undefined}
        onClick={() => props.onShow(props.hit)}
      >
        <span class="conversation-title">
          {conversation.isPinned && <Icon name="pin" />}
          {title}
        </span>
        {isRunning && <span class="running" role="img" aria-label={t('answering')} />}
        {excerpt && (
          <span class="excerpt">
            {excerpt.map(({ text, isMatch }, i) => (isMatch ? <mark key={i}>{text}</mark> : text))}
          </span>
        )}
      </button>
      <Menu
        label={t('actionsFor', { title })}
        items={[
          { label: t('renameChat'), onChoose: () => setRenaming(true) },
          {
            label: t(conversation.isPinned ? 'unpinChat' : 'pinChat'),
            onChoose: () => chat.pin(conversation.id, !conversation.isPinned),
          },
          {
            label: t('exportChat'),
            onChoose: async () => saveFile(`${title}.json`, await chat.files.export([conversation.id])),
          },
          {
            label: t('exportMarkdown'),
            onChoose: () => saveFile(`${title}.md`, exportMarkdown(conversation, names)),
          },
          {
            label: t('exportText'),
            onChoose: () => saveFile(`${title}.txt`, exportText(conversation, names)),
          },
          {
            label: t('deleteChat'),
            isDanger: true,
            onChoose: () => void chat.trash.removeConversation(conversation.id),
          },
        ]}
      />
    </li>
  );
});

function RenameForm({
  conversation,
  onDone,
}: {
  conversation: Conversation;
  onDone: () => void;
}): JSX.Element {
  const { chat, t } = usePage();
  const field = useRef<HTMLInputElement>(null);
  // At once: who types on must not lose the first letters.
  useLayoutEffect(() => {
    field.current?.focus();
    field.current?.select();
  }, []);
  const save = (): void => {
    chat.rename(conversation.id, field.current?.value ?? '');
    onDone();
  };
  return (
    <li class="conversation renaming">
      <form
        onSubmit={(event) => {
          event.preventDefault();
          save();
        }}
      >
        <input
          ref={field}
          defaultValue={conversation.title}
          aria-label={t('newTitle')}
          onBlur={save}
          onKeyDown={(event) => {
            if (event.key !== 'Escape') return;
            event.preventDefault();
            onDone();
          }}
        />
      </form>
    </li>
  );
}

function groupByAge(hits: readonly Hit[], now: number): { name: StringKey; members: Hit[] }[] {
  const midnight = new Date(now).setHours(0, 0, 0, 0);
  const bounds: [StringKey, number][] = [
    ['today', midnight],
    ['yesterday', midnight - DAY_MS],
    ['thisWeek', midnight - 6 * DAY_MS],
    ['earlier', Number.NEGATIVE_INFINITY],
  ];
  const groups = new Map<StringKey, Hit[]>();
  const pinned = hits.filter(({ conversation }) => conversation.isPinned);
  if (pinned.length > 0) groups.set('pinned', pinned);
  for (const hit of hits) {
    if (hit.conversation.isPinned) continue;
    const [name] = bounds.find(([, from]) => hit.conversation.updated >= from) ?? bounds[3];
    groups.set(name, [...(groups.get(name) ?? []), hit]);
  }
  return [...groups].map(([name, members]) => ({ name, members }));
}
