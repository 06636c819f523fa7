import { render } from 'preact';
import { Api } from './core/api.ts';
import { Chat } from './core/chat.ts';
import type { Conversation } from './core/conversation.ts';
import { Drafts, type TextStore } from './core/drafts.ts';
import { Observable } from './core/observable.ts';
import { readSettings } from './core/settings.ts';
import { Storage } from './core/storage.ts';
import './styles/base.css';
import './styles/layout.css';
import './styles/menu.css';
import './styles/chat.css';
import './styles/composer.css';
import './styles/markdown.css';
import './styles/controls.css';
import './styles/experts.css';
import './styles/odds.css';
import './styles/forced-colors.css';
import { preloadExplorer } from './experts/expert-panel.tsx';
import { translator } from './strings.ts';
import './styles/print.css';
import { followAddress, takeQuestion } from './ui/address-bar.ts';
import { App } from './ui/app.tsx';
import { renderer } from './ui/use-blocks.ts';

const SETTINGS_KEY = 'dots.settings';

async function start(): Promise<void> {
  const settings = new Observable(readSettings(readLocal(), navigator.languages));
  settings.subscribe(() => writeLocal(JSON.stringify(settings.value)));
  const applyTheme = (): void => {
    document.documentElement.dataset.theme = settings.value.theme;
    document.documentElement.lang = settings.value.language;
  };
  applyTheme();
  settings.subscribe(applyTheme);

  const root = document.getElementById('app') as HTMLElement;
  const storage = await Storage.open({
    factory: indexedDB,
    manager: navigator.storage,
    onBlocked: () => {
      root.textContent = translator(settings.value.language)('otherVersion');
    },
  });
  const chat = new Chat({
    api: new Api(document.baseURI, () => settings.value.apiKey),
    storage,
    channel: storage && new BroadcastChannel('dots'),
    settings,
    onFrame,
    drafts: new Drafts(localTexts()),
    conversations: (storage && (await readAll(storage).catch(() => []))) ?? [],
  });
  const question = takeQuestion();
  followAddress(chat);
  if (question !== undefined) chat.drafts.set(undefined, question);
  root.textContent = '';
  render(<App chat={chat} settings={settings} />, root);
  addEventListener('online', () => void chat.connect());
  // Not needed for the first picture, but for the first answer. Who needs it earlier, or when this fails, loads it.
  requestAnimationFrame(() => setTimeout(() => renderer.load().catch(() => {})));
  await chat.connect();
  preloadExplorer();
}

/** Recordings of deleted messages stay while the deletion can be undone, and so do some when the page closes before its end. */
async function readAll(storage: Storage): Promise<readonly Conversation[]> {
  const recorded = await storage.recordedIds();
  const conversations = await storage.conversations();
  const known = new Set(conversations.flatMap(({ nodes }) => Object.keys(nodes)));
  const orphans = recorded.filter((id) => !known.has(id));
  if (orphans.length > 0) await storage.removeRecordings(orphans);
  return conversations;
}

/** In a hidden tab, where there are no frames, a few calls a second. */
function onFrame(call: () => void): () => void {
  const cancel = (): void => {
    cancelAnimationFrame(frame);
    clearTimeout(timer);
  };
  const fire = (): void => {
    cancel();
    call();
  };
  const frame = requestAnimationFrame(fire);
  const timer = setTimeout(fire, 250);
  return cancel;
}

function localTexts(): TextStore | undefined {
  try {
    return localStorage;
  } catch {
    return undefined;
  }
}

function readLocal(): string | null {
  try {
    return localStorage.getItem(SETTINGS_KEY);
  } catch {
    return null;
  }
}

function writeLocal(text: string): void {
  try {
    localStorage.setItem(SETTINGS_KEY, text);
  } catch {
    // Without storage the settings last as long as the page.
  }
}

/** Conversations can then be read without the server. Browsers have service workers on https and on this machine only. */
async function keepFiles(): Promise<void> {
  const { serviceWorker } = navigator;
  await serviceWorker.register(new URL('service-worker.js', document.baseURI));
  const { active } = await serviceWorker.ready;
  active?.postMessage('refresh');
}

void start();
// Once this page is loaded, so that its own requests come first. Without a worker, it works as long as its server does.
if (import.meta.env.PROD && navigator.serviceWorker)
  addEventListener('load', () => void keepFiles().catch(() => {}));
