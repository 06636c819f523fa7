import type { JSX } from 'preact';
import { pathOf } from '../core/conversation.ts';
import { usePage, useValue } from './hooks.ts';
import { Icon } from './icons.tsx';
import { ModelName } from './model-name.tsx';
import { CONTROL } from './use-shortcuts.ts';

export interface TopBarProps {
  readonly isNarrow: boolean;
  readonly onOpenSidebar: () => void;
  readonly onOpenSettings: () => void;
  readonly onOpenHelp: () => void;
  readonly onToggleExperts: () => void;
}

/** The model, how full its context is, and the switches that one reaches for often. */
export function TopBar(props: TopBarProps): JSX.Element {
  const { settings, t, isDark } = usePage();
  const { showsExperts, language } = useValue(settings);
  return (
    <header class="top-bar">
      {props.isNarrow && (
        <button
          type="button"
          class="icon-button sidebar-toggle"
          aria-label={t('openConversations')}
          onClick={props.onOpenSidebar}
        >
          <Icon name="menu" />
        </button>
      )}
      <div class="model">
        <ModelName />
        <ContextUse />
      </div>
      <button
        type="button"
        class="icon-button text"
        lang={language === 'en' ? 'zh' : 'en'}
        aria-label={language === 'en' ? '切换到中文' : 'EN: switch to English'}
        onClick={() => settings.update((all) => ({ ...all, language: language === 'en' ? 'zh' : 'en' }))}
      >
        {language === 'en' ? '中' : 'EN'}
      </button>
      <button
        type="button"
        class="icon-button"
        aria-label={`${t('theme')}: ${isDark ? t('themeLight') : t('themeDark')}`}
        onClick={() => settings.update((all) => ({ ...all, theme: isDark ? 'light' : 'dark' }))}
      >
        <Icon name={isDark ? 'sun' : 'moon'} />
      </button>
      {!props.isNarrow && (
        <button
          type="button"
          class="icon-button"
          aria-label={t('shortcuts')}
          title={`${t('shortcuts')} (${CONTROL} /)`}
          aria-keyshortcuts="Control+/ Meta+/"
          onClick={props.onOpenHelp}
        >
          <Icon name="keyboard" />
        </button>
      )}
      <button type="button" class="icon-button" aria-label={t('settings')} onClick={props.onOpenSettings}>
        <Icon name="sliders" />
      </button>
      <button
        type="button"
        class="icon-button experts-toggle"
        aria-pressed={showsExperts}
        onClick={props.onToggleExperts}
      >
        <Icon name="experts" />
        <span class={props.isNarrow ? 'sr-only' : ''}>{t('showExperts')}</span>
      </button>
    </header>
  );
}

function ContextUse(): JSX.Element | null {
  const { chat, t } = usePage();
  const server = useValue(chat.server);
  useValue(chat.conversations);
  useValue(chat.currentId);
  const progress = useValue(chat.progress);
  const total = server.status === 'ready' ? server.model.contextLength : undefined;
  const { current } = chat;
  if (!current || total === undefined) return null;
  const newest = pathOf(current).findLast((message) => message.stats ?? progress.get(message.id)?.stats);
  const stats = newest && (newest.stats ?? progress.get(newest.id)?.stats);
  if (!stats || stats.promptTokens === 0) return null;
  const used = stats.promptTokens + stats.answerTokens;
  const text = t('contextUse', { used, total });
  return (
    <div class="context-use" title={text}>
      <meter min={0} max={total} high={0.9 * total} value={used} aria-label={text} />
      <span aria-hidden="true">{Math.min(100, Math.round((100 * used) / total))} %</span>
    </div>
  );
}
