import type { JSX, TargetedMouseEvent } from 'preact';
import { memo } from 'preact/compat';
import { useEffect, useMemo, useRef, useState } from 'preact/hooks';
import { highlightCode } from '../markdown/highlight.ts';
import { lazily, retried } from '../markdown/lazily.ts';
import { typesetMaths } from '../markdown/maths.ts';
import type { Translate } from '../strings.ts';
import { ErrorBoundary } from './error-boundary.tsx';
import { copyText } from './files.ts';
import { usePage } from './hooks.ts';

/** Markdown takes more than half of the page's code. */
export const renderer = lazily(() => import('../markdown/render.ts'));

/** An answer. Until what renders it is there, and where it never comes, its source is shown. */
export function Markdown({ text, isStreaming }: { text: string; isStreaming: boolean }): JSX.Element {
  const { t, announce } = usePage();
  const known = useRef(new Map<string, string>());
  const [part, setPart] = useState(renderer.value);
  const [hasAllRows, showAllRows] = useState(false);
  useEffect(() => (part ? undefined : retried(async () => setPart(await renderer.load()))), [part]);
  const blocks = useMemo(
    () => part?.renderBlocks(text, known.current, { hasAllRows }),
    [part, text, hasAllRows],
  );
  const onClick = async (event: TargetedMouseEvent<HTMLDivElement>): Promise<void> => {
    const button = (event.target as Element).closest('button');
    if (button?.matches('.all-rows')) showAllRows(true);
    if (button?.matches('.note-ref, .note-back')) goToNote(button);
    const code = button?.closest('.code-block')?.querySelector('code');
    if (!button?.matches('.copy-code') || !code || !(await copyText(code.textContent ?? ''))) return;
    announce(t('copied'));
    button.classList.add('done');
    setTimeout(() => button.classList.remove('done'), 1500);
  };
  return (
    // Clicks reach it from the buttons inside.
    // biome-ignore lint/a11y/noStaticElementInteractions: the buttons are the controls
    // biome-ignore lint/a11y/useKeyWithClickEvents: buttons turn keys into clicks
    <div class={`markdown ${isStreaming ? 'streaming' : ''}`} onClick={(event) => void onClick(event)}>
      {blocks ? (
        blocks.map((html, i) => (
          <ErrorBoundary key={i} fallback={<div class="source">{textOf(html)}</div>}>
            <Block html={html} isGrowing={isStreaming && i === blocks.length - 1} />
          </ErrorBoundary>
        ))
      ) : (
        <div class="source" dir="auto">
          {text}
        </div>
      )}
    </div>
  );
}

/** From a footnote's number to the note, and back. */
function goToNote(button: HTMLButtonElement): void {
  const target = button.matches('.note-ref')
    ? `.notes li[value="${button.value}"]`
    : `.note-ref[value="${button.value}"]`;
  button.closest('.markdown')?.querySelector<HTMLElement>(target)?.focus();
}

function textOf(html: string): string {
  return new DOMParser().parseFromString(html, 'text/html').body.textContent ?? '';
}

interface BlockProps {
  readonly html: string;
  /** The last block of an answer that is still streaming: colours and formulas wait until it is complete. */
  readonly isGrowing: boolean;
}

const Block = memo(({ html, isGrowing }: BlockProps): JSX.Element => {
  const { t } = usePage();
  const element = useRef<HTMLDivElement>(null);
  useEffect(() => {
    if (element.current) labelButtons(element.current, t);
  }, [html, t]);
  useEffect(() => {
    const root = element.current;
    if (!root || isGrowing) return;
    return retried(() => Promise.all([typesetMaths(root), highlightCode(root)]));
  }, [html, isGrowing]);
  // renderBlocks sanitises.
  return <div class="block" dir="auto" ref={element} dangerouslySetInnerHTML={{ __html: html }} />;
});

/** Names of the controls, which the language of the page decides. */
function labelButtons(root: Element, t: Translate): void {
  for (const button of root.querySelectorAll('button')) {
    if (button.matches('.copy-code')) setLabel(button, t('copyCode'));
    if (button.matches('.note-ref'))
      button.setAttribute('aria-label', t('footnote', { number: button.value }));
    if (button.matches('.note-back')) setLabel(button, t('backToText'));
    if (button.matches('.all-rows')) {
      const [rows, columns] = button.value.split(' ').map(Number);
      button.textContent = t('showAllRows', { rows, columns });
    }
  }
}

function setLabel(button: Element, label: string): void {
  button.setAttribute('aria-label', label);
  button.setAttribute('title', label);
}
