import type { JSX } from 'preact';
import { useState } from 'preact/hooks';
import { Dialog } from './dialog.tsx';
import { usePage, useValue } from './hooks.ts';
import { lazyPart } from './lazy-part.tsx';

const ModelPanel = lazyPart(async () => (await import('./model-panel.tsx')).ModelPanel);

/** The name of the model, which opens what the server says about it. */
export function ModelName(): JSX.Element {
  const { chat, t } = usePage();
  const server = useValue(chat.server);
  const [isOpen, setOpen] = useState(false);
  if (server.status !== 'ready') {
    const names = { connecting: t('connecting'), loading: t('loading'), 'needs-key': '–', failed: '–' };
    return <h1>{names[server.status]}</h1>;
  }
  const { id } = server.model;
  return (
    <>
      <h1>
        <button
          type="button"
          class="model-name"
          title={t('aboutModel', { name: id })}
          onClick={() => setOpen(true)}
        >
          {id}
        </button>
      </h1>
      <Dialog title={t('aboutModel', { name: id })} isOpen={isOpen} onClose={() => setOpen(false)}>
        <ModelPanel />
      </Dialog>
    </>
  );
}
