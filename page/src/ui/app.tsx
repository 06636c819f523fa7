import type { JSX } from 'preact';
import { flushSync } from 'preact/compat';
import { useCallback, useLayoutEffect, useMemo, useRef, useState } from 'preact/hooks';
import type { Chat } from '../core/chat.ts';
import type { Observable } from '../core/observable.ts';
import type { Settings } from '../core/settings.ts';
import { ExpertPanel } from '../experts/expert-panel.tsx';
import { translator } from '../strings.ts';
import { Composer } from './composer.tsx';
import { Page, useMedia, useReturnFocus, useValue } from './hooks.ts';
import { keepFocus } from './keep-focus.ts';
import { MessageList } from './message-list.tsx';
import { SaveNotice } from './save-notice.tsx';
import { ServerNotice } from './server-notice.tsx';
import { SettingsDialog } from './settings-dialog.tsx';
import { ShortcutHelp } from './shortcut-help.tsx';
import { Sidebar } from './sidebar.tsx';
import { TopBar } from './top-bar.tsx';
import { UndoNotice } from './undo-notice.tsx';
import { useNotifications } from './use-notifications.ts';
import { useShortcuts } from './use-shortcuts.ts';
import { useTitle } from './use-title.ts';

/** Below this the conversation list is a drawer. */
const NARROW = '(max-width: 820px)';
/** Below this the expert view lies over the conversation. */
const MEDIUM = '(max-width: 1180px)';

export function App({ chat, settings }: { chat: Chat; settings: Observable<Settings> }): JSX.Element {
  const current = useValue(settings);
  const t = useMemo(() => translator(current.language), [current.language]);
  const systemIsDark = useMedia('(prefers-color-scheme: dark)');
  const isDark = current.theme === 'auto' ? systemIsDark : current.theme === 'dark';
  const isNarrow = useMedia(NARROW);
  const isMedium = useMedia(MEDIUM);
  const [isSidebarOpen, setSidebarOpen] = useState(false);
  const [isHelpOpen, setHelpOpen] = useState(false);
  const [areSettingsOpen, setSettingsOpen] = useState(false);
  const [announcement, setAnnouncement] = useState({ text: '', count: 0 });
  /** The answer whose routing is shown; undefined for the newest one. */
  const [shownAnswer, showAnswer] = useState<string | undefined>(undefined);
  const searchField = useRef<HTMLInputElement>(null);
  const conversationId = useValue(chat.currentId);
  const announce = useCallback(
    (text: string) => setAnnouncement(({ count }) => ({ text, count: count + 1 })),
    [],
  );
  const setExperts = useCallback(
    (showsExperts: boolean) => settings.update((all) => ({ ...all, showsExperts })),
    [settings],
  );

  const isDrawerOpen = isNarrow && isSidebarOpen;
  const coversChat = current.showsExperts && isMedium;

  useReturnFocus(isDrawerOpen, '.sidebar-toggle');
  useReturnFocus(current.showsExperts, '.experts-toggle');
  useLayoutEffect(() => keepFocus(document.body), []);
  useLayoutEffect(() => showAnswer(undefined), [conversationId]);
  useTitle(chat);
  useNotifications(chat, settings, t);
  useShortcuts({
    onSearch: () => {
      // A closed drawer cannot take the focus, and who types on must not lose the first letters.
      flushSync(() => setSidebarOpen(true));
      searchField.current?.focus();
    },
    onNewChat: () => {
      chat.show(undefined);
      focusField();
    },
    onField: focusField,
    onHelp: () => setHelpOpen(true),
    onEscape: () => {
      if (isDrawerOpen) setSidebarOpen(false);
      else if (coversChat) setExperts(false);
      else chat.stop();
    },
  });

  const context = useMemo(
    () => ({ chat, settings, t, isDark, announce }),
    [chat, settings, t, isDark, announce],
  );
  return (
    <Page.Provider value={context}>
      <div class={`app ${current.showsExperts ? 'with-experts' : ''}`}>
        <Sidebar
          isDrawer={isNarrow}
          isOpen={!isNarrow || isSidebarOpen}
          onClose={() => setSidebarOpen(false)}
          searchField={searchField}
        />
        <main class="chat" inert={isDrawerOpen || coversChat}>
          <TopBar
            isNarrow={isNarrow}
            onOpenSidebar={() => setSidebarOpen(true)}
            onOpenSettings={() => setSettingsOpen(true)}
            onOpenHelp={() => setHelpOpen(true)}
            onToggleExperts={() => setExperts(!current.showsExperts)}
          />
          <ServerNotice />
          <SaveNotice />
          <MessageList
            onShowExperts={(id) => {
              showAnswer(id);
              setExperts(true);
            }}
          />
          <UndoNotice />
          <Composer />
        </main>
        {current.showsExperts && (
          <ExpertPanel
            shownAnswer={shownAnswer}
            onShowAnswer={showAnswer}
            isOverlay={isMedium}
            onClose={() => setExperts(false)}
          />
        )}
      </div>
      <ShortcutHelp isOpen={isHelpOpen} onClose={() => setHelpOpen(false)} />
      <SettingsDialog isOpen={areSettingsOpen} onClose={() => setSettingsOpen(false)} />
      <div class="sr-only" role="status" aria-live="polite">
        {/* A new element, so that the same words are said again. */}
        <span key={announcement.count}>{announcement.text}</span>
      </div>
    </Page.Provider>
  );
}

function focusField(): void {
  document.getElementById('message-field')?.focus();
}
