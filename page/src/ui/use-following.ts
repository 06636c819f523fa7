import { useEffect, useLayoutEffect, useRef, useState } from 'preact/hooks';

/** As close to the end as this counts as being there. */
const NEAR_END_PX = 60;
/** Keys that scroll up. */
const UP_KEYS = new Set(['ArrowUp', 'PageUp', 'Home']);

/**
 * Keeps a scroller at its end while `content` grows, unless the reader has scrolled away; going back to the end follows again.
 *
 * Whether to follow is decided in the reader's own event, not in a render after it, and before the browser moves anything: an
 * answer that grew in between would be scrolled to its end again, and the browser would give up the reader's way up.
 */
export function useFollowing(content: string, isEmpty: boolean) {
  const scroller = useRef<HTMLDivElement>(null);
  const isFollowing = useRef(true);
  const lastTop = useRef(0);
  const lastTouchY = useRef(0);
  const [isAtEnd, setAtEnd] = useState(true);

  const leave = (): void => {
    if (lastTop.current > 0) isFollowing.current = false;
  };
  const toEnd = (): void => {
    const element = scroller.current;
    if (!element) return;
    isFollowing.current = true;
    element.scrollTo({ top: element.scrollHeight });
    // The event of this scroll says nothing about the reader.
    lastTop.current = element.scrollTop;
    setAtEnd(true);
  };
  const toPlace = (element: Element): void => {
    isFollowing.current = false;
    element.scrollIntoView({ block: 'start' });
    lastTop.current = scroller.current?.scrollTop ?? 0;
    if (scroller.current) setAtEnd(restOf(scroller.current) < NEAR_END_PX);
  };
  useLayoutEffect(() => {
    if (isFollowing.current) toEnd();
    else if (scroller.current) setAtEnd(restOf(scroller.current) < NEAR_END_PX);
  }, [content]);
  // Formulas, colours and answers that are rendered later make it longer after the render.
  useEffect(() => {
    const column = scroller.current?.firstElementChild;
    if (!column) return;
    const observer = new ResizeObserver(() => {
      if (isFollowing.current) toEnd();
    });
    observer.observe(column);
    return () => observer.disconnect();
  }, [isEmpty]);

  const handlers = {
    onWheel: ({ deltaY }: WheelEvent): void => {
      if (deltaY < 0) leave();
    },
    onTouchStart: ({ touches }: TouchEvent): void => {
      lastTouchY.current = touches[0].clientY;
    },
    onTouchMove: ({ touches }: TouchEvent): void => {
      if (touches[0].clientY > lastTouchY.current) leave();
      lastTouchY.current = touches[0].clientY;
    },
    onKeyDown: ({ key }: KeyboardEvent): void => {
      if (UP_KEYS.has(key)) leave();
    },
    onScroll: ({ currentTarget }: { currentTarget: HTMLElement }): void => {
      const top = currentTarget.scrollTop;
      const rest = restOf(currentTarget);
      // An answer that got shorter moves the scroller up too, to its end.
      if (top < lastTop.current && rest > 1) isFollowing.current = false;
      if (top > lastTop.current && rest < NEAR_END_PX) isFollowing.current = true;
      lastTop.current = top;
      setAtEnd(rest < NEAR_END_PX);
    },
  };
  return { scroller, isAtEnd, toEnd, toPlace, handlers };
}

function restOf({ scrollHeight, scrollTop, clientHeight }: HTMLElement): number {
  return scrollHeight - scrollTop - clientHeight;
}
