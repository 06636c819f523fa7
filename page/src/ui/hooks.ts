import { createContext } from 'preact';
import { useContext, useLayoutEffect, useRef, useState } from 'preact/hooks';
import type { Chat } from '../core/chat.ts';
import type { Observable } from '../core/observable.ts';
import type { Settings } from '../core/settings.ts';
import type { Translate } from '../strings.ts';

/** What every component may ask for. */
export interface PageContext {
  readonly chat: Chat;
  readonly settings: Observable<Settings>;
  readonly t: Translate;
  readonly isDark: boolean;
  /** Said by screen readers, politely. */
  readonly announce: (text: string) => void;
}

export const Page = createContext<PageContext | undefined>(undefined);

export function usePage(): PageContext {
  return useContext(Page) as PageContext;
}

/**
 * The page's effects run with the render that they belong to, not after the next frame: who types on, or a program that
 * drives the page, must find the focus, the listeners and the selection where what is shown says they are.
 */
export function useValue<T>(observable: Observable<T>): T {
  const [value, setValue] = useState(observable.value);
  useLayoutEffect(() => {
    // It may have changed between rendering and this effect.
    setValue(() => observable.value);
    return observable.subscribe(() => setValue(() => observable.value));
  }, [observable]);
  return value;
}

export function useMedia(query: string): boolean {
  const [matches, setMatches] = useState(() => matchMedia(query).matches);
  useLayoutEffect(() => {
    const media = matchMedia(query);
    const listener = (): void => setMatches(media.matches);
    listener();
    media.addEventListener('change', listener);
    return () => media.removeEventListener('change', listener);
  }, [query]);
  return matches;
}

/** When a part of the page closes that had the focus, it goes back to what opened the part, or to `fallback`. */
export function useReturnFocus(isOpen: boolean, fallback: string): void {
  const opener = useRef<Element | null>(null);
  const wasOpen = useRef(false);
  // While this renders, nothing has moved the focus yet.
  if (isOpen && !wasOpen.current) opener.current = document.activeElement;
  wasOpen.current = isOpen;
  useLayoutEffect(() => {
    const { activeElement, body } = document;
    if (isOpen || !opener.current || (activeElement !== body && activeElement?.checkVisibility())) return;
    const isThere = opener.current !== body && opener.current.isConnected;
    const target = isThere ? opener.current : document.querySelector(fallback);
    (target as HTMLElement | null)?.focus();
    opener.current = null;
  }, [isOpen]);
}
