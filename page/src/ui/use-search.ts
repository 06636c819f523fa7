import { useEffect, useMemo, useRef, useState } from 'preact/hooks';
import type { Conversation } from '../core/conversation.ts';
import { type Hit, Search } from '../core/search.ts';
import { soon } from '../markdown/slices.ts';

/** So long a part of a search takes. */
const PART_MS = 6;

export interface SearchState {
  /** Of a search that is not done, those of the one before it, or what it has found so far. */
  readonly hits: readonly Hit[];
  readonly isDone: boolean;
  /** The first hit, at once. */
  readonly first: () => Hit | undefined;
}

/** Searches conversations between other work: keys are shown at once, hits as they are found. */
export function useSearch(
  conversations: readonly Conversation[],
  query: string,
  numShown: number,
): SearchState {
  const last = useRef<Search | undefined>(undefined);
  const search = useMemo(() => {
    const next = new Search(conversations, query, last.current);
    last.current = next;
    // All of them at once where there is no query, and mostly where little has changed since the last search.
    runFor(next, PART_MS, numShown);
    return next;
  }, [conversations, query]);
  const [found, setFound] = useState<{ search: Search; hits: readonly Hit[] } | undefined>(undefined);
  const shown = useRef<readonly Hit[]>([]);
  if (search.isDone) shown.current = search.hits;
  else if (found?.search === search) shown.current = found.hits;
  useEffect(() => {
    let cancel = (): void => {};
    let numSeen = -1;
    const look = (): void => {
      const { hits, isDone } = search;
      // The list is shown again where it is seen to change.
      if (isDone || (hits.length > 0 && numSeen < Math.min(hits.length, numShown))) {
        numSeen = Math.min(hits.length, numShown);
        setFound({ search, hits: [...hits] });
      }
      if (isDone) return;
      cancel = soon(() => {
        runFor(search, PART_MS, numShown);
        look();
      });
    };
    if (!search.isDone) look();
    return () => cancel();
  }, [search]);
  return {
    hits: shown.current,
    isDone: search.isDone,
    first: () => {
      if (search.hits.length === 0) search.run(() => search.hits.length === 0, numShown);
      return search.hits[0];
    },
  };
}

function runFor(search: Search, ms: number, numShown: number): void {
  const endMs = performance.now() + ms;
  search.run(() => performance.now() < endMs, numShown);
}
