import type { ComponentType, JSX } from 'preact';
import { useLayoutEffect, useState } from 'preact/hooks';
import { usePage } from './hooks.ts';

export interface LazyPart<P> {
  (props: P): JSX.Element | null;
  /** Load it before it is shown. */
  preload(): void;
}

/**
 * A part of the page that is loaded when it is first shown, so that the first visit does not wait for it. Where that fails
 * (the server is away, or has another version of the page by now), it says so and can be tried again.
 */
export function lazyPart<P extends object>(load: () => Promise<ComponentType<P>>): LazyPart<P> {
  let loaded: ComponentType<P> | undefined;
  const fetchPart = async (): Promise<ComponentType<P>> => {
    loaded ??= await load();
    return loaded;
  };
  const Part = (props: P): JSX.Element | null => {
    const { t } = usePage();
    const [Shown, show] = useState<ComponentType<P> | undefined>(() => loaded);
    const [numAttempts, setNumAttempts] = useState(0);
    const [isFailed, setFailed] = useState(false);
    useLayoutEffect(() => {
      if (Shown) return;
      setFailed(false);
      fetchPart().then(
        (part) => show(() => part),
        () => setFailed(true),
      );
    }, [numAttempts]);
    if (Shown) return <Shown {...props} />;
    if (!isFailed) return null;
    return (
      <div class="notice" role="alert">
        <span>{t('partFailed')}</span>
        <button type="button" class="button" onClick={() => setNumAttempts(numAttempts + 1)}>
          {t('retry')}
        </button>
      </div>
    );
  };
  const preload = (): void => void fetchPart().catch(() => {});
  return Object.assign(Part, { preload });
}
