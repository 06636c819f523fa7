/** Messages between tabs. Contents are never sent: a tab that hears of a change reads the database. */
export type TabMessage =
  | { readonly type: 'changed'; readonly conversation: string }
  | { readonly type: 'recorded'; readonly message: string }
  /** Answers are written by one tab; another one that opens asks which. */
  | { readonly type: 'who-answers' }
  | { readonly type: 'answering'; readonly conversation: string; readonly message: string }
  | { readonly type: 'stop'; readonly message: string };

/** The part of a `BroadcastChannel` that is used. */
export type Channel = Pick<BroadcastChannel, 'postMessage' | 'onmessage'>;
