import type { JSX, TargetedMouseEvent } from 'preact';
import { memo } from 'preact/compat';
import { useEffect, useMemo, useRef } from 'preact/hooks';
import { highlightCode } from '../markdown/highlight.ts';
import { typesetMaths } from '../markdown/maths.ts';
import { renderBlocks } from '../markdown/render.ts';
import { copyText } from './files.ts';
import { usePage } from './hooks.ts';

export function Markdown({ text, isStreaming }: { text: string; isStreaming: boolean }): JSX.Element {
  const { t, announce } = usePage();
  const known = useRef(new Map<string, string>());
  const blocks = useMemo(() => renderBlocks(text, known.current), [text]);
  const onClick = async (event: TargetedMouseEvent<HTMLDivElement>): Promise<void> => {
    const button = (event.target as Element).closest('.copy-code');
    const code = button?.closest('.code-block')?.querySelector('code');
    if (!button || !code || !(await copyText(code.textContent ?? ''))) return;
    announce(t('copied'));
    button.classList.add('done');
    setTimeout(() => button.classList.remove('done'), 1500);
  };
  return (
    // Clicks reach it from the buttons inside.
    // biome-ignore lint/a11y/noStaticElementInteractions: the buttons are the controls
    // biome-ignore lint/a11y/useKeyWithClickEvents: buttons turn keys into clicks
    <div class={`markdown ${isStreaming ? 'streaming' : ''}`} onClick={(event) => void onClick(event)}>
      {blocks.map((html, i) => (
        <Block
          key={i}
          html={html}
          isGrowing={isStreaming && i === blocks.length - 1}
          copyLabel={t('copyCode')}
        />
      ))}
    </div>
  );
}

interface BlockProps {
  readonly html: string;
  /** The last block of an answer that is still streaming: colours and formulas wait until it is complete. */
  readonly isGrowing: boolean;
  readonly copyLabel: string;
}

const Block = memo(({ html, isGrowing, copyLabel }: BlockProps): JSX.Element => {
  const element = useRef<HTMLDivElement>(null);
  useEffect(() => {
    const root = element.current;
    if (!root) return;
    for (const button of root.querySelectorAll('.copy-code')) {
      button.setAttribute('aria-label', copyLabel);
      button.setAttribute('title', copyLabel);
    }
    if (isGrowing) return;
    void typesetMaths(root);
    void highlightCode(root);
  }, [html, isGrowing, copyLabel]);
  // renderBlocks sanitises.
  return <div class="block" ref={element} dangerouslySetInnerHTML={{ __html: html }} />;
});
