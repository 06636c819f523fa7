import type { JSX } from 'preact';
import type { Message } from '../core/conversation.ts';
import { indented } from '../core/exchanges.ts';
import { splitReasoning } from '../core/reasoning.ts';
import { usePage } from './hooks.ts';
import { Markdown } from './markdown.tsx';

/** What a model wrote: its reasoning, folded, its answer, and the functions that it calls. */
export function AnswerContent({ message }: { message: Message }): JSX.Element {
  const { t } = usePage();
  const { reasoning, answer, isOpen } = splitReasoning(message.content);
  const isStreaming = message.status === 'streaming';
  return (
    <>
      {reasoning !== undefined && (
        <details class="reasoning">
          <summary>{t(isOpen && isStreaming ? 'reasoningNow' : 'reasoning')}</summary>
          <Markdown text={reasoning} isStreaming={isOpen && isStreaming} />
        </details>
      )}
      {answer !== '' && <Markdown text={answer} isStreaming={isStreaming} />}
      {message.toolCalls?.map(({ name, arguments: json }, i) => (
        <section key={i} class="tool-call" aria-label={t('toolCall', { name })}>
          <h3>{t('toolCall', { name })}</h3>
          <pre>{indented(json)}</pre>
        </section>
      ))}
    </>
  );
}
