import type { JSX } from 'preact';
import { usePage } from '../ui/hooks.ts';
import type { View } from './selection.ts';
import type { RecordedAnswer } from './use-tokens.ts';

/** Whose tokens are counted: those of one answer, of the conversation, or of all requests that the server recorded. */
export type Scope = 'answer' | 'conversation' | 'server';

export interface ExplorerControlsProps {
  readonly view: View;
  readonly onView: (view: View) => void;
  readonly scope: Scope;
  readonly onScope: (scope: Scope) => void;
  readonly answers: readonly RecordedAnswer[];
  readonly shown: RecordedAnswer | undefined;
  readonly onShowAnswer: (messageId: string) => void;
  /** Whether the server counts. */
  readonly hasServer: boolean;
}

/** What is looked at, and of which tokens. */
export function ExplorerControls(props: ExplorerControlsProps): JSX.Element {
  const { view, scope, answers, shown } = props;
  const { t } = usePage();
  return (
    <div class="experts-controls">
      <fieldset class="segments">
        <legend class="sr-only">{t('view')}</legend>
        {(['load', 'tokens', 'groups'] as const).map((name) => (
          <label key={name}>
            <input type="radio" name="view" checked={view === name} onChange={() => props.onView(name)} />
            <span>{t(name === 'load' ? 'viewLoad' : name === 'tokens' ? 'viewTokens' : 'viewGroups')}</span>
          </label>
        ))}
      </fieldset>
      {view !== 'groups' && (
        <label class="scope">
          <span class="sr-only">{t('scope')}</span>
          <select
            value={scope === 'answer' && shown ? shown.message.id : scope}
            onChange={(event) => {
              const { value } = event.currentTarget;
              const isScope = value === 'conversation' || value === 'server' || value === 'answer';
              props.onScope(isScope ? value : 'answer');
              if (!isScope) props.onShowAnswer(value);
            }}
          >
            {answers.length === 0 && <option value="answer">{t('scopeAnswer')}</option>}
            {answers.map(({ message }, i) => (
              <option key={message.id} value={message.id}>
                {t('answerNumberOf', { index: i + 1, text: excerpt(message.content) })}
              </option>
            ))}
            {answers.length > 1 && <option value="conversation">{t('scopeConversation')}</option>}
            {view === 'load' && props.hasServer && <option value="server">{t('scopeServer')}</option>}
          </select>
        </label>
      )}
    </div>
  );
}

function excerpt(text: string): string {
  const line = text.trim().replace(/\s+/g, ' ');
  return line.length > 32 ? `${line.slice(0, 31)}…` : line;
}
