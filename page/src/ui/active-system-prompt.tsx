import type { JSX } from 'preact';
import { usePage, useValue } from './hooks.ts';

/** Which system prompt applies to what is asked here. Nothing where there is none. */
export function ActiveSystemPrompt(): JSX.Element | null {
  const { chat, settings, t } = usePage();
  useValue(chat.conversations);
  useValue(chat.currentId);
  const { system: byDefault } = useValue(settings);
  const system = (chat.current ? chat.current.system : byDefault).trim();
  if (system === '') return null;
  return (
    <details class="active-system">
      <summary>{t('systemPrompt')}</summary>
      <p dir="auto">{system}</p>
    </details>
  );
}
