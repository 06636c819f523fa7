import type { JSX, TargetedMouseEvent } from 'preact';
import { memo } from 'preact/compat';
import { useEffect, useRef, useState } from 'preact/hooks';
import { highlightCode } from '../markdown/highlight.ts';
import { retried } from '../markdown/lazily.ts';
import { typesetMaths } from '../markdown/maths.ts';
import { applyTool, labelTools } from './block-tools.tsx';
import { ErrorBoundary } from './error-boundary.tsx';
import { usePage } from './hooks.ts';
import { useBlocks } from './use-blocks.ts';

/** An answer. Until what renders it is there, and where it never comes, its source is shown. */
export function Markdown({ text, isStreaming }: { text: string; isStreaming: boolean }): JSX.Element {
  const { t, announce } = usePage();
  const [hasAllRows, showAllRows] = useState(false);
  const blocks = useBlocks(text, isStreaming, hasAllRows);
  const [isWrapped, setWrapped] = useState(false);
  const elementOf = useElements();
  const onClick = async (event: TargetedMouseEvent<HTMLDivElement>): Promise<void> => {
    const button = (event.target as Element).closest('button');
    if (!button) return;
    if (button.matches('.all-rows')) showAllRows(true);
    if (button.matches('.wrap-code')) setWrapped(!isWrapped);
    const news = await applyTool(button);
    if (news) announce(t(news));
  };
  const classes = `markdown ${isStreaming ? 'streaming' : ''} ${isWrapped ? 'wrapped' : ''}`;
  return (
    // Clicks reach it from the buttons inside.
    // biome-ignore lint/a11y/noStaticElementInteractions: the buttons are the controls
    // biome-ignore lint/a11y/useKeyWithClickEvents: buttons turn keys into clicks
    <div class={classes} onClick={(event) => void onClick(event)}>
      {blocks ? (
        blocks.map((html, i) => elementOf(i, html, isStreaming && i === blocks.length - 1, isWrapped))
      ) : (
        <div class="source" dir="auto">
          {text}
        </div>
      )}
    </div>
  );
}

/** The elements of a render. What is the same object as in the one before is not even compared: an answer has thousands of blocks. */
function useElements(): (index: number, html: string, isGrowing: boolean, isWrapped: boolean) => JSX.Element {
  const known = useRef<{ readonly props: BlockProps; readonly element: JSX.Element }[]>([]);
  return (index, html, isGrowing, isWrapped) => {
    const { props: before, element } = known.current[index] ?? {};
    if (element && before?.html === html && before.isGrowing === isGrowing && before.isWrapped === isWrapped)
      return element;
    const props = { html, isGrowing, isWrapped };
    const fresh = (
      <ErrorBoundary key={index} fallback={<TextOf html={html} />}>
        <Block {...props} />
      </ErrorBoundary>
    );
    known.current[index] = { props, element: fresh };
    return fresh;
  };
}

/** A component, so that only a block that failed is parsed for its text. */
function TextOf({ html }: { html: string }): JSX.Element {
  return <div class="source">{new DOMParser().parseFromString(html, 'text/html').body.textContent}</div>;
}

interface BlockProps {
  readonly html: string;
  /** The last block of an answer that is still streaming: colours and formulas wait until it is complete. */
  readonly isGrowing: boolean;
  readonly isWrapped: boolean;
}

const Block = memo(({ html, isGrowing, isWrapped }: BlockProps): JSX.Element => {
  const { t } = usePage();
  const element = useRef<HTMLDivElement>(null);
  useEffect(() => {
    if (element.current) labelTools(element.current, t, isWrapped);
  }, [html, t, isWrapped]);
  useEffect(() => {
    const root = element.current;
    if (!root || isGrowing) return;
    return retried(() => Promise.all([typesetMaths(root), highlightCode(root)]));
  }, [html, isGrowing]);
  // renderBlocks sanitises.
  return <div class="block" dir="auto" ref={element} dangerouslySetInnerHTML={{ __html: html }} />;
});
