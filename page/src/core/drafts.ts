import { Observable } from './observable.ts';

const KEY = 'dots.drafts';
const NEW_CHAT = 'new';

/** The part of `localStorage` that is used. */
export interface TextStore {
  getItem(key: string): string | null;
  setItem(key: string, text: string): void;
}

/** What has been typed and not sent, for each conversation and for a new one; kept over a reload. */
export class Drafts {
  readonly texts: Observable<Readonly<Record<string, string>>>;
  private readonly store: TextStore | undefined;

  constructor(store: TextStore | undefined) {
    this.store = store;
    this.texts = new Observable(this.read());
  }

  of(conversation: string | undefined): string {
    return this.texts.value[conversation ?? NEW_CHAT] ?? '';
  }

  set(conversation: string | undefined, text: string): void {
    // Another tab may have written drafts of other conversations.
    const { [conversation ?? NEW_CHAT]: before, ...others } = this.read();
    const texts = text === '' ? others : { ...others, [conversation ?? NEW_CHAT]: text };
    this.texts.set(texts);
    try {
      this.store?.setItem(KEY, JSON.stringify(texts));
    } catch {
      // Without storage drafts last as long as the page.
    }
  }

  private read(): Readonly<Record<string, string>> {
    if (!this.store) return this.texts?.value ?? {};
    try {
      const found: unknown = JSON.parse(this.store.getItem(KEY) ?? '{}');
      const entries = Object.entries((found ?? {}) as object).filter(([, text]) => typeof text === 'string');
      return Object.fromEntries(entries) as Record<string, string>;
    } catch {
      return {};
    }
  }
}
