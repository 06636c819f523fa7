import { Observable } from './observable.ts';

/** What was sent for an answer and what came back, word for word. */
export interface Exchange {
  readonly url: string;
  readonly hasKey: boolean;
  readonly body: string;
  /** Payloads of the stream. */
  readonly payloads: readonly string[];
  /** More came than is kept. */
  readonly isCut: boolean;
}

/** Where the API client writes what it sends and receives. */
export interface ExchangeLog {
  onRequest(url: string, body: string, hasKey: boolean): void;
  onPayload(payload: string): void;
}

const MAX_EXCHANGES = 20;
const MAX_CHARACTERS = 500_000;

/** The newest exchanges, kept until the page closes: they repeat whole conversations. */
export class Exchanges {
  readonly byMessage = new Observable<ReadonlyMap<string, Exchange>>(new Map());

  /** The log of an answer; what it had before is forgotten. The exchange can be seen once `end` was called. */
  start(messageId: string): ExchangeLog & { end(): void } {
    let request: Pick<Exchange, 'url' | 'hasKey' | 'body'> | undefined;
    let payloads: string[] = [];
    let size = 0;
    return {
      onRequest: (url, body, hasKey) => {
        request = { url, hasKey, body };
        payloads = [];
        size = 0;
      },
      onPayload: (payload) => {
        size += payload.length;
        if (size <= MAX_CHARACTERS) payloads.push(payload);
      },
      end: () => {
        if (!request) return;
        const exchange = { ...request, payloads, isCut: size > MAX_CHARACTERS };
        this.byMessage.update((all) => {
          const others = [...all].filter(([id]) => id !== messageId);
          return new Map([...others.slice(1 - MAX_EXCHANGES), [messageId, exchange]]);
        });
      },
    };
  }
}

/** The request for a shell. The key is not in it: it is read from a variable. */
export function asCurl({ url, hasKey, body }: Exchange): string {
  // A line of JSON is never just END.
  return [
    `curl -N ${quoted(url)} \\`,
    `  -H 'content-type: application/json' \\`,
    ...(hasKey ? [`  -H "authorization: Bearer $API_KEY" \\`] : []),
    "  --data-binary @- <<'END'",
    indented(body),
    'END',
    '',
  ].join('\n');
}

export function indented(json: string): string {
  try {
    return JSON.stringify(JSON.parse(json), undefined, 2);
  } catch {
    return json;
  }
}

function quoted(text: string): string {
  return `'${text.replaceAll("'", `'\\''`)}'`;
}
