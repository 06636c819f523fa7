import { useEffect, useLayoutEffect, useMemo, useRef, useState } from 'preact/hooks';
import { lazily, retried } from '../markdown/lazily.ts';
import { hasTime, soon, spend } from '../markdown/slices.ts';

/** Markdown takes more than half of the page's code. */
export const renderer = lazily(() => import('../markdown/render.ts'));

/** An answer that grows is shown so seldom that this part of the time at most goes into it. */
const MAX_LOAD = 0.25;

/**
 * The blocks of an answer as safe HTML. Undefined while what renders them is loaded, and where many answers are shown at once
 * until it is their turn.
 */
export function useBlocks(
  newest: string,
  isStreaming: boolean,
  hasAllRows: boolean,
): readonly string[] | undefined {
  const [part, setPart] = useState(renderer.value);
  const [, renderAgain] = useState({});
  useEffect(() => (part ? undefined : retried(async () => setPart(await renderer.load()))), [part]);
  const answer = useMemo(() => part && new part.AnswerRenderer(), [part]);
  const text = usePaced(newest, isStreaming);
  const isTurn = isStreaming || hasTime() || answer?.isRendered(text, hasAllRows);
  const blocks = answer && isTurn ? spend(() => answer.render(text, hasAllRows)) : undefined;
  const isWaiting = answer !== undefined && !blocks;
  useEffect(() => {
    if (!isWaiting) return;
    return soon(() => {
      answer.render(text, hasAllRows);
      renderAgain({});
    });
  }, [isWaiting, text, hasAllRows]);
  return blocks;
}

/** The newest text; while it grows, an older one for as long as showing it would take too much of the time. */
function usePaced(newest: string, isStreaming: boolean): string {
  const shown = useRef(newest);
  const nextMs = useRef(0);
  const [, renderAgain] = useState({});
  const startMs = performance.now();
  const isDue = !isStreaming || startMs >= nextMs.current;
  const isNew = isDue && shown.current !== newest;
  if (isDue) shown.current = newest;
  useLayoutEffect(() => {
    const nowMs = performance.now();
    if (isNew) nextMs.current = nowMs + (nowMs - startMs) / MAX_LOAD;
  });
  useEffect(() => {
    if (isDue) return;
    const timer = setTimeout(() => renderAgain({}), nextMs.current - performance.now());
    return () => clearTimeout(timer);
  }, [newest, isDue]);
  return shown.current;
}
