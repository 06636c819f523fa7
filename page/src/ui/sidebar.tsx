import type { JSX, RefObject } from 'preact';
import { useLayoutEffect, useMemo, useRef, useState } from 'preact/hooks';
import type { Conversation } from '../core/conversation.ts';
import { exportMarkdown, exportText } from '../core/export-text.ts';
import { type Hit, search } from '../core/search.ts';
import type { StringKey } from '../strings.ts';
import { saveFile } from './files.ts';
import { usePage, useValue } from './hooks.ts';
import { Icon } from './icons.tsx';
import { Menu } from './menu.tsx';

export interface SidebarProps {
  readonly isDrawer: boolean;
  readonly isOpen: boolean;
  readonly onClose: () => void;
  readonly searchField: RefObject<HTMLInputElement | null>;
}

/** A list of a thousand would make every key of a search slow. */
const SHOWN_AT_ONCE = 100;
const DAY_MS = 24 * 3600 * 1000;

/** Kept conversations: begin one, search, open, rename, export, delete. */
export function Sidebar({ isDrawer, isOpen, onClose, searchField }: SidebarProps): JSX.Element {
  const { chat, t } = usePage();
  const conversations = useValue(chat.conversations);
  const currentId = useValue(chat.currentId);
  const [query, setQuery] = useState('');
  const hits = useMemo(() => search(conversations, query), [conversations, query]);
  const show = (id: string | undefined, message?: string): void => {
    chat.show(id, message);
    onClose();
  };
  const key = /Mac|iPhone|iPad/.test(navigator.userAgent) ? '⌘' : 'Ctrl';
  const drawer = useRef<HTMLElement>(null);
  useLayoutEffect(() => {
    if (isDrawer && isOpen) drawer.current?.focus();
  }, [isDrawer, isOpen]);
  // Pinned ones are always among those that are shown.
  const pinnedFirst = [...hits].sort(
    (a, b) => Number(b.conversation.isPinned ?? false) - Number(a.conversation.isPinned ?? false),
  );
  const [numShown, setNumShown] = useState(SHOWN_AT_ONCE);
  const groups = groupByAge(pinnedFirst.slice(0, numShown), Date.now());

  return (
    <>
      {isDrawer && isOpen && <button type="button" class="scrim" aria-label={t('close')} onClick={onClose} />}
      <nav
        ref={drawer}
        class={`sidebar ${isDrawer ? 'drawer' : ''}`}
        aria-label={t('conversations')}
        tabIndex={isDrawer ? -1 : undefined}
        hidden={!isOpen}
      >
        <div class="sidebar-head">
          <span class="brand">
            <Icon name="experts" /> dots
          </span>
          {isDrawer && (
            <button type="button" class="icon-button" aria-label={t('close')} onClick={onClose}>
              <Icon name="close" />
            </button>
          )}
        </div>
        <button
          type="button"
          class="new-chat"
          onClick={() => {
            show(undefined);
            document.getElementById('message-field')?.focus();
          }}
        >
          <Icon name="plus" /> {t('newChat')}
        </button>
        <label class="search">
          <Icon name="search" />
          <input
            ref={searchField}
            type="search"
            value={query}
            placeholder={t('searchPlaceholder')}
            aria-label={t('searchPlaceholder')}
            aria-keyshortcuts="Control+K Meta+K"
            title={t('searchHint', { key })}
            onInput={(event) => setQuery(event.currentTarget.value)}
            onKeyDown={(event) => {
              if (event.key === 'Escape' && query !== '') {
                event.preventDefault();
                setQuery('');
              } else if (event.key === 'Enter' && hits[0]) show(hits[0].conversation.id, hits[0].message);
            }}
          />
          <span class="key" aria-hidden="true">
            {key} K
          </span>
        </label>
        <div class="conversation-list">
          {conversations.length === 0 && <p class="hint">{t('noConversations')}</p>}
          {conversations.length > 0 && hits.length === 0 && (
            <p class="hint" role="status">
              {t('nothingFound', { query })}
            </p>
          )}
          {groups.map(({ name, members }) => (
            <section key={name} aria-labelledby={`group-${name}`}>
              <h2 id={`group-${name}`}>{t(name)}</h2>
              <ul>
                {members.map((hit) => (
                  <ConversationItem
                    key={hit.conversation.id}
                    hit={hit}
                    isCurrent={hit.conversation.id === currentId}
                    onShow={() => show(hit.conversation.id, hit.message)}
                  />
                ))}
              </ul>
            </section>
          ))}
          {hits.length > numShown && (
            <button type="button" class="button subtle" onClick={() => setNumShown(numShown + SHOWN_AT_ONCE)}>
              {t('showMore', { count: hits.length - numShown })}
            </button>
          )}
        </div>
        {!chat.hasStorage && <p class="hint warning">{t('noStorage')}</p>}
      </nav>
    </>
  );
}

function ConversationItem(props: { hit: Hit; isCurrent: boolean; onShow: () => void }): JSX.Element {
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
        onClick={props.onShow}
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
}

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
