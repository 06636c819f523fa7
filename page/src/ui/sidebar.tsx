import type { JSX, RefObject } from 'preact';
import { useCallback, useLayoutEffect, useMemo, useRef, useState } from 'preact/hooks';
import type { Hit } from '../core/search.ts';
import { ConversationList } from './conversation-list.tsx';
import { usePage, useValue } from './hooks.ts';
import { Icon } from './icons.tsx';
import { useSearch } from './use-search.ts';

export interface SidebarProps {
  readonly isDrawer: boolean;
  readonly isOpen: boolean;
  readonly onClose: () => void;
  readonly searchField: RefObject<HTMLInputElement | null>;
}

/** A list of a thousand would make every key of a search slow. */
const SHOWN_AT_ONCE = 100;
/** The place of each hit is looked up. */
const FOUND_AT_ONCE = 30;

/** Kept conversations: begin one, search, open, rename, export, delete. */
export function Sidebar({ isDrawer, isOpen, onClose, searchField }: SidebarProps): JSX.Element {
  const { chat, t } = usePage();
  const conversations = useValue(chat.conversations);
  const [query, setQuery] = useState('');
  const [numMore, setNumMore] = useState(0);
  const numShown = (query.trim() === '' ? SHOWN_AT_ONCE : FOUND_AT_ONCE) + numMore;
  const { hits, isDone, first } = useSearch(conversations, query, numShown);
  const shown = useMemo(() => hits.slice(0, numShown), [hits, numShown]);
  const close = useRef(onClose);
  close.current = onClose;
  const showHit = useCallback(
    ({ conversation, message }: Hit): void => {
      chat.show(conversation.id, message);
      close.current();
    },
    [chat],
  );
  const key = /Mac|iPhone|iPad/.test(navigator.userAgent) ? '⌘' : 'Ctrl';
  const drawer = useRef<HTMLElement>(null);
  useLayoutEffect(() => {
    if (isDrawer && isOpen) drawer.current?.focus();
  }, [isDrawer, isOpen]);

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
            chat.show(undefined);
            onClose();
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
              } else if (event.key === 'Enter') {
                const hit = first();
                if (hit) showHit(hit);
              }
            }}
          />
          <span class="key" aria-hidden="true">
            {key} K
          </span>
        </label>
        <div class="conversation-list">
          {conversations.length === 0 && <p class="hint">{t('noConversations')}</p>}
          {conversations.length > 0 && isDone && hits.length === 0 && (
            <p class="hint" role="status">
              {t('nothingFound', { query })}
            </p>
          )}
          <ConversationList hits={shown} onShow={showHit} />
          {hits.length > numShown && (
            <button type="button" class="button subtle" onClick={() => setNumMore(numMore + SHOWN_AT_ONCE)}>
              {t('showMore', { count: hits.length - numShown })}
            </button>
          )}
        </div>
        {!chat.hasStorage && <p class="hint warning">{t('noStorage')}</p>}
      </nav>
    </>
  );
}
