import type { JSX } from 'preact';
import { useLayoutEffect, useRef, useState } from 'preact/hooks';
import { type Conversation, type Message, siblingsOf } from '../core/conversation.ts';
import { firstSentence } from '../core/first-sentence.ts';
import type { StringKey } from '../strings.ts';
import { ErrorBox } from './error-box.tsx';
import { copyText } from './files.ts';
import { usePage, useValue } from './hooks.ts';
import { Icon, type IconName } from './icons.tsx';
import { FOCUS_HOME } from './keep-focus.ts';
import { isPlainEnter } from './keys.ts';
import { Markdown } from './markdown.tsx';
import { OddsView } from './odds-view.tsx';
import { Waiting } from './waiting.tsx';

export interface MessageViewProps {
  readonly conversation: Conversation;
  readonly message: Message;
  readonly onShowExperts: () => void;
}

/** One question or answer, with what one can do to it. */
export function MessageView({ conversation, message, onShowExperts }: MessageViewProps): JSX.Element {
  const { chat, t } = usePage();
  const server = useValue(chat.server);
  const [isEditing, setEditing] = useState(false);
  const [showsOdds, setShowsOdds] = useState(false);
  const isAnswer = message.role === 'assistant';
  const isStreaming = message.status === 'streaming';
  useAnnouncement(message);
  const hasExperts = server.status === 'ready' && server.experts !== undefined;
  return (
    <li class={`message ${message.role}`} aria-busy={isStreaming}>
      <h3 class="sr-only">{t(isAnswer ? 'assistant' : 'you')}</h3>
      {isEditing ? (
        <EditForm message={message} onDone={() => setEditing(false)} />
      ) : isAnswer ? (
        <>
          {message.content !== '' &&
            (showsOdds ? (
              <OddsView messageId={message.id} />
            ) : (
              <Markdown text={message.content} isStreaming={isStreaming} />
            ))}
          {isStreaming && <Waiting message={message} />}
          {message.error && <ErrorBox message={message} />}
        </>
      ) : (
        <div class="question">{message.content}</div>
      )}
      {!isEditing && (
        <div class="message-foot">
          <BranchSwitch conversation={conversation} message={message} />
          {!isStreaming && (
            <div class="actions">
              {message.content !== '' && <CopyButton text={message.content} />}
              {isAnswer && message.content === '' ? null : isAnswer ? (
                <Action icon="again" label="regenerate" onClick={() => void chat.regenerate(message.id)} />
              ) : (
                <Action icon="edit" label="edit" isFocusHome onClick={() => setEditing(true)} />
              )}
              {message.hasOdds && (
                <Action
                  icon="odds"
                  label="showOdds"
                  isPressed={showsOdds}
                  onClick={() => setShowsOdds(!showsOdds)}
                />
              )}
              {isAnswer && hasExperts && message.content !== '' && (
                <Action icon="experts" label="expertsOf" onClick={onShowExperts} />
              )}
            </div>
          )}
          {isAnswer && <Stats message={message} />}
        </div>
      )}
    </li>
  );
}

/** Screen readers hear that an answer began, and when it ended how it begins: all of it at once could not be stopped. */
function useAnnouncement({ role, status, content }: Message): void {
  const { announce, t } = usePage();
  const before = useRef(status);
  useLayoutEffect(() => {
    if (role !== 'assistant') return;
    if (status === 'streaming') announce(t('answering'));
    else if (before.current === 'streaming')
      announce(`${t(status === 'done' ? 'answerDone' : 'stopped')} ${firstSentence(content)}`);
    before.current = status;
  }, [status]);
}

function EditForm({ message, onDone }: { message: Message; onDone: () => void }): JSX.Element {
  const { chat, t } = usePage();
  const [text, setText] = useState(message.content);
  const field = useRef<HTMLTextAreaElement>(null);
  useLayoutEffect(() => {
    field.current?.focus();
    field.current?.setSelectionRange(text.length, text.length);
  }, []);
  const submit = (): void => {
    if (text.trim() === '') return;
    onDone();
    void chat.edit(message.id, text.trim());
  };
  return (
    <form
      class="edit-form"
      onSubmit={(event) => {
        event.preventDefault();
        submit();
      }}
    >
      <textarea
        ref={field}
        rows={Math.min(12, text.split('\n').length + 1)}
        value={text}
        aria-label={t('editMessage')}
        onInput={(event) => setText(event.currentTarget.value)}
        onKeyDown={(event) => {
          if (isPlainEnter(event)) {
            event.preventDefault();
            submit();
          } else if (event.key === 'Escape') {
            event.preventDefault();
            onDone();
          }
        }}
      />
      <div class="form-buttons">
        <button type="button" class="button" onClick={onDone}>
          {t('cancel')}
        </button>
        <button type="submit" class="button primary" disabled={text.trim() === ''}>
          {t('sendEdited')}
        </button>
      </div>
    </form>
  );
}

function BranchSwitch({
  conversation,
  message,
}: {
  conversation: Conversation;
  message: Message;
}): JSX.Element | null {
  const { chat, t } = usePage();
  const siblings = siblingsOf(conversation, message.id);
  if (siblings.length < 2) return null;
  const index = siblings.findIndex(({ id }) => id === message.id);
  const show = (to: number) => (): void => chat.showBranch(siblings[to].id);
  const label = t('branchOf', { index: index + 1, count: siblings.length });
  return (
    <fieldset class="branches" aria-label={label}>
      <button
        type="button"
        class="icon-button small"
        aria-label={t('previousVersion')}
        disabled={index === 0}
        onClick={show(index - 1)}
      >
        <Icon name="left" />
      </button>
      <span aria-hidden="true">
        {index + 1} / {siblings.length}
      </span>
      <button
        type="button"
        class="icon-button small"
        aria-label={t('nextVersion')}
        disabled={index === siblings.length - 1}
        onClick={show(index + 1)}
      >
        <Icon name="right" />
      </button>
    </fieldset>
  );
}

function CopyButton({ text }: { text: string }): JSX.Element {
  const { t, announce } = usePage();
  const [isDone, setDone] = useState(false);
  const copy = async (): Promise<void> => {
    if (!(await copyText(text))) return;
    announce(t('copied'));
    setDone(true);
    setTimeout(() => setDone(false), 1500);
  };
  return (
    <Action icon={isDone ? 'check' : 'copy'} label={isDone ? 'copied' : 'copy'} onClick={() => void copy()} />
  );
}

interface ActionProps {
  readonly icon: IconName;
  readonly label: StringKey;
  /** What it opens takes the place of the message. */
  readonly isFocusHome?: boolean;
  /** Of a switch: whether it is on. */
  readonly isPressed?: boolean;
  readonly onClick: () => void;
}

function Action(props: ActionProps): JSX.Element {
  const { t } = usePage();
  return (
    <button
      type="button"
      class="icon-button small"
      aria-label={t(props.label)}
      title={t(props.label)}
      {...(props.isFocusHome && FOCUS_HOME)}
      aria-pressed={props.isPressed}
      onClick={props.onClick}
    >
      <Icon name={props.icon} />
    </button>
  );
}

function Stats({ message }: { message: Message }): JSX.Element | null {
  const { chat, t } = usePage();
  const live = useValue(chat.progress).get(message.id);
  const stats = live?.stats ?? message.stats;
  const parts: string[] = [];
  if (message.status === 'stopped') parts.push(t('stopped'));
  if (message.finishReason === 'length') parts.push(t('cutByLength'));
  if (stats && stats.answerTokens > 0) {
    parts.push(t('tokenCount', { count: stats.answerTokens }));
    if (stats.tokensPerSecond > 0) {
      const rate = stats.tokensPerSecond.toFixed(stats.tokensPerSecond < 10 ? 1 : 0);
      parts.push(t('tokensPerSecond', { rate }));
    }
  }
  if (parts.length === 0) return null;
  const title =
    stats && stats.promptTokens > 0
      ? t('promptTokens', { count: stats.promptTokens, cached: stats.cachedTokens })
      : undefined;
  return (
    <span class="stats" title={title}>
      {parts.join(' · ')}
    </span>
  );
}
