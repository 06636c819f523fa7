import type { JSX } from 'preact';
import { useMemo } from 'preact/hooks';
import { splitAttachments } from '../core/attachments.ts';
import { numLines } from './attachments.tsx';
import { usePage } from './hooks.ts';
import { Icon } from './icons.tsx';

/** A question as it was asked; its files are folded. */
export function Question({ content }: { content: string }): JSX.Element {
  const { t } = usePage();
  const { question, attachments } = useMemo(() => splitAttachments(content), [content]);
  return (
    <div class="question">
      {question}
      {attachments.map(({ name, text }, index) => (
        <details key={`${index} ${name}`} class="attached">
          <summary>
            <Icon name="file" /> {name} <span class="hint">{t('lineCount', { count: numLines(text) })}</span>
          </summary>
          {/* biome-ignore lint/a11y/noNoninteractiveTabindex: what scrolls must be reachable with the keyboard */}
          <pre tabIndex={0}>{text}</pre>
        </details>
      ))}
    </div>
  );
}
