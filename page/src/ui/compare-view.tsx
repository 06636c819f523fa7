import type { JSX } from 'preact';
import { useState } from 'preact/hooks';
import { type Message, siblingsOf } from '../core/conversation.ts';
import { AnswerContent } from './answer-content.tsx';
import { CompareForm } from './compare-form.tsx';
import { ErrorBox } from './error-box.tsx';
import { usePage, useValue } from './hooks.ts';
import { Stats } from './stats.tsx';
import { Waiting } from './waiting.tsx';

/** Two answers to one question next to each other; more can be requested with another seed, other options or another model. */
export function CompareView({ messageId }: { messageId: string }): JSX.Element | null {
  const { chat } = usePage();
  useValue(chat.conversations);
  const conversation = chat.current;
  const answers = conversation?.nodes[messageId] ? siblingsOf(conversation, messageId) : [];
  const [left, setLeft] = useState(messageId);
  const [right, setRight] = useState(() => answers.findLast(({ id }) => id !== messageId)?.id);
  if (!conversation) return null;
  const column = (id: string | undefined, onChoose: (id: string) => void): JSX.Element | null => {
    const message = answers.find((answer) => answer.id === id);
    return message ? <Column answers={answers} message={message} onChoose={onChoose} /> : null;
  };
  return (
    <>
      <CompareForm
        onAsk={(variation) => {
          void chat.regenerate(messageId, variation);
          setRight(chat.current?.leaf ?? undefined);
        }}
      />
      <div class="compare">
        {column(left, setLeft)}
        {column(right, setRight)}
      </div>
    </>
  );
}

interface ColumnProps {
  readonly answers: readonly Message[];
  readonly message: Message;
  readonly onChoose: (id: string) => void;
}

function Column({ answers, message, onChoose }: ColumnProps): JSX.Element {
  const { chat, t } = usePage();
  const index = answers.indexOf(message);
  const isStreaming = message.status === 'streaming';
  const conversation = chat.current;
  return (
    <section aria-label={t('branchOf', { index: index + 1, count: answers.length })} aria-busy={isStreaming}>
      <select
        aria-label={t('version')}
        value={message.id}
        onChange={(event) => onChoose(event.currentTarget.value)}
      >
        {answers.map((answer, i) => (
          <option key={answer.id} value={answer.id}>
            {t('branchOf', { index: i + 1, count: answers.length })}
          </option>
        ))}
      </select>
      <p class="hint">{describe(message)}</p>
      {(message.content !== '' || message.toolCalls) && <AnswerContent message={message} />}
      {isStreaming && <Waiting message={message} />}
      {message.error && conversation && <ErrorBox conversation={conversation} message={message} />}
      <Stats message={message} />
    </section>
  );
}

/** The model and what its request said. A schema is too long for that. */
function describe({ model, fields = {}, seed, schema }: Message): string {
  const { response_format: format, ...numbers } = fields;
  const parts = Object.entries({ ...(seed !== undefined && { seed }), ...numbers }).map(
    ([name, value]) => `${name} ${typeof value === 'number' ? value : JSON.stringify(value)}`,
  );
  return [model ?? '', ...parts, ...(format || schema !== undefined ? ['response_format'] : [])]
    .filter((part) => part !== '')
    .join(' · ');
}
