import type { JSX } from 'preact';
import { useLayoutEffect, useRef, useState } from 'preact/hooks';
import { parseSchema } from '../core/answer-options.ts';
import { isContextFull } from '../core/context-fit.ts';
import { type Conversation, type Message, pathOf } from '../core/conversation.ts';
import { firstSentence } from '../core/first-sentence.ts';
import { splitReasoning } from '../core/reasoning.ts';
import { Action, CopyButton } from './action.tsx';
import { AnswerContent } from './answer-content.tsx';
import { type AnswerDialog, AnswerMenu } from './answer-menu.tsx';
import { BranchSwitch } from './branch-switch.tsx';
import { EditForm } from './edit-form.tsx';
import { ErrorBox } from './error-box.tsx';
import { usePage, useValue } from './hooks.ts';
import { OddsView } from './odds-view.tsx';
import { Question } from './question.tsx';
import { Stats } from './stats.tsx';
import { Waiting } from './waiting.tsx';

export interface MessageViewProps {
  readonly conversation: Conversation;
  readonly message: Message;
  readonly onShowExperts: () => void;
  readonly onOpen: (dialog: AnswerDialog) => void;
}

/** One question or answer, with what one can do to it. */
export function MessageView(props: MessageViewProps): JSX.Element {
  const { conversation, message, onShowExperts, onOpen } = props;
  const { chat, t } = usePage();
  const server = useValue(chat.server);
  const [isEditing, setEditing] = useState(false);
  const [showsOdds, setShowsOdds] = useState(false);
  const isAnswer = message.role === 'assistant';
  const isStreaming = message.status === 'streaming';
  const continues = useContinuing(conversation, message);
  const isEmpty =
    isAnswer && !isStreaming && !message.error && !message.toolCalls && message.content.trim() === '';
  useAnnouncement(message);
  const hasExperts = server.status === 'ready' && server.experts !== undefined;
  return (
    <li class={`message ${message.role}`} data-id={message.id} aria-busy={isStreaming}>
      <h2 class="sr-only">{t(isAnswer ? 'assistant' : 'you')}</h2>
      {isEditing ? (
        <EditForm message={message} onDone={() => setEditing(false)} />
      ) : isAnswer ? (
        <>
          {(message.content !== '' || message.toolCalls) &&
            (showsOdds ? <OddsView messageId={message.id} /> : <AnswerContent message={message} />)}
          {isStreaming && <Waiting message={message} />}
          {message.error && <ErrorBox conversation={conversation} message={message} />}
          {continues === 'no' && <p class="hint">{t('schemaCut')}</p>}
          {isEmpty && <p class="hint">{t(message.status === 'stopped' ? 'stoppedEarly' : 'emptyAnswer')}</p>}
        </>
      ) : (
        <Question content={message.content} />
      )}
      {!isEditing && (
        <div class="message-foot">
          <BranchSwitch conversation={conversation} message={message} />
          {!isStreaming && (
            <div class="actions">
              {continues === 'yes' && (
                <button type="button" class="button subtle" onClick={() => void chat.continue(message.id)}>
                  {t('continueAnswer')}
                </button>
              )}
              {message.content !== '' && (
                <CopyButton text={isAnswer ? splitReasoning(message.content).answer : message.content} />
              )}
              {isAnswer ? (
                <>
                  <Action icon="again" label="regenerate" onClick={() => void chat.regenerate(message.id)} />
                  {message.content !== '' && (
                    <Action icon="edit" label="editAnswer" isFocusHome onClick={() => setEditing(true)} />
                  )}
                </>
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
              <Action
                icon="trash"
                label="deleteFromHere"
                onClick={() => void chat.trash.removeMessage(message.id)}
              />
              {isAnswer && <AnswerMenu onOpen={onOpen} />}
            </div>
          )}
          {isAnswer && <Stats message={message} />}
        </div>
      )}
    </li>
  );
}

/** Whether an answer is the newest one and ended before its end; `no` where it follows a form, which cannot begin in its middle. */
function useContinuing(conversation: Conversation, message: Message): 'yes' | 'no' | undefined {
  const { chat, settings } = usePage();
  const { schema } = useValue(settings);
  const { id, role, status, content, finishReason, toolCalls } = message;
  const isCut = status === 'stopped' || status === 'failed' || finishReason === 'length';
  // A full context has room again without the oldest turns, where there are any.
  const canFit = !isContextFull(message, chat.contextLength) || pathOf(conversation).length > 2;
  const isNewest = role === 'assistant' && id === conversation.leaf;
  if (!isNewest || !isCut || !canFit || content === '' || toolCalls) return undefined;
  return message.schema !== undefined || 'schema' in parseSchema(schema) ? 'no' : 'yes';
}

/** Screen readers hear that an answer began, and when it ended how it begins: all of it at once could not be stopped. */
function useAnnouncement({ role, status, content }: Message): void {
  const { announce, t } = usePage();
  const before = useRef(status);
  useLayoutEffect(() => {
    if (role !== 'assistant') return;
    if (status === 'streaming') announce(t('answering'));
    // What went wrong is an alert.
    else if (before.current === 'streaming' && status !== 'failed')
      announce(`${t(status === 'done' ? 'answerDone' : 'stopped')} ${firstSentence(content)}`);
    before.current = status;
  }, [status]);
}
