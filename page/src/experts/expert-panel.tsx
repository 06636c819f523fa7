import type { JSX } from 'preact';
import { useLayoutEffect, useRef } from 'preact/hooks';
import { usePage, useValue } from '../ui/hooks.ts';
import { Icon } from '../ui/icons.tsx';
import { lazyPart } from '../ui/lazy-part.tsx';
import { useRecordedAnswers } from './use-tokens.ts';

export interface ExpertPanelProps {
  /** The chosen answer; undefined for the newest one. */
  readonly shownAnswer: string | undefined;
  readonly onShowAnswer: (messageId: string | undefined) => void;
  readonly isOverlay: boolean;
  readonly onClose: () => void;
}

const Explorer = lazyPart(async () => (await import('./explorer.tsx')).Explorer);
/** Few visitors wait for it when they open the panel. */
export const preloadExplorer = Explorer.preload;

/** Which experts tokens were routed to, layer by layer. */
export function ExpertPanel(props: ExpertPanelProps): JSX.Element {
  const { chat, t } = usePage();
  const server = useValue(chat.server);
  const answers = useRecordedAnswers();
  const panel = useRef<HTMLElement>(null);
  const serverLayout = server.status === 'ready' ? server.experts?.layout : undefined;
  const layout = answers.at(-1)?.recording.layout ?? serverLayout;
  useLayoutEffect(() => {
    if (props.isOverlay) panel.current?.focus();
  }, [props.isOverlay]);
  return (
    <aside
      class={`experts ${props.isOverlay ? 'overlay' : ''}`}
      aria-labelledby="experts-title"
      ref={panel}
      tabIndex={-1}
    >
      <header class="experts-head">
        <h2 id="experts-title">{t('experts')}</h2>
        <button type="button" class="icon-button" aria-label={t('hideExperts')} onClick={props.onClose}>
          <Icon name="close" />
        </button>
      </header>
      {layout ? (
        <>
          <p class="intro">
            {t('expertsIntro', {
              layers: layout.layers.length,
              experts: layout.numExperts,
              chosen: layout.numChosen,
            })}
          </p>
          <Explorer {...props} answers={answers} layout={layout} />
        </>
      ) : (
        <p class="hint">{t(server.status === 'ready' ? 'noExperts' : 'connecting')}</p>
      )}
    </aside>
  );
}
