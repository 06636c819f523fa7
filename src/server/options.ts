import { UsageError } from '../core/errors.ts';
import { MAX_TIMER_SECONDS } from '../core/units.ts';
import { checkApiKey } from './access.ts';
import type { LogEntry } from './request-record.ts';

/** As in `content-encoding`. */
export type PageEncoding = 'br' | 'gzip';

/** A file of the chat page. */
export interface PageFile {
  readonly bytes: Uint8Array;
  /** The same, compressed when the page was built. */
  readonly compressed?: Readonly<Partial<Record<PageEncoding, Uint8Array>>>;
  /** Changes with the content. */
  readonly version: string;
  readonly contentType: string;
  /** Its name changes with its content, so that browsers may cache it forever. */
  readonly isImmutable: boolean;
}

export interface ServerOptions {
  /** What clients call the model; default: the name in its file. */
  readonly modelName?: string;
  /** Further names that are accepted, for tools that insist on one. */
  readonly aliases?: readonly string[];
  /** Any of these opens; default none, and then only loopback names are answered. */
  readonly apiKeys?: readonly string[];
  /** Names by which clients may call the server without a key, in addition to loopback ones; `*` for any. */
  readonly hosts?: readonly string[];
  /** Origins of web pages that may use the server, in addition to loopback ones; `*` for any. */
  readonly corsOrigins?: readonly string[];
  /** Refuse fields that are not known, instead of ignoring them. */
  readonly strict?: boolean;
  /** Most answers to one request (`n`). */
  readonly maxChoices?: number;
  /** Sequences that may wait for their turn; above it, requests get 429. */
  readonly maxQueue?: number;
  readonly maxBodyBytes?: number;
  /** A request that takes longer is ended. */
  readonly timeoutSeconds?: number;
  /** `/health` turns 503 when work is queued and no step has ended for this long. */
  readonly stallSeconds?: number;
  /** Bytes that a reader may leave unread before its sequence is paused. */
  readonly maxUnsentBytes?: number;
  /** A reader that is too slow for this long is disconnected. */
  readonly slowReaderSeconds?: number;
  /** Silence after which a stream sends a comment. */
  readonly pingSeconds?: number;
  /** Files of the chat page by path below `/`. */
  readonly page?: ReadonlyMap<string, PageFile>;
  /** One entry for each request, without any text of it. */
  readonly onRequestEnd?: (entry: LogEntry) => void;
}

export type Settings = Required<Omit<ServerOptions, 'modelName' | 'page' | 'onRequestEnd'>> &
  Pick<ServerOptions, 'modelName' | 'page' | 'onRequestEnd'>;

/** Throws `UsageError` for keys that nobody can send and for times that cannot be kept. */
export function withDefaults(options: ServerOptions): Settings {
  const settings = allSettings(options);
  for (const key of settings.apiKeys) checkApiKey(key, 'apiKeys');
  for (const name of ['timeoutSeconds', 'slowReaderSeconds', 'pingSeconds'] as const) {
    const seconds = settings[name];
    if (seconds > 0 && seconds <= MAX_TIMER_SECONDS) continue;
    throw new UsageError(`Cannot use ${name}: ${seconds}`, {
      code: 'bad-duration',
      hint: `give a number of seconds above 0 and up to ${MAX_TIMER_SECONDS} (24 days)`,
    });
  }
  return settings;
}

function allSettings(options: ServerOptions): Settings {
  return {
    aliases: [],
    apiKeys: [],
    hosts: [],
    corsOrigins: [],
    strict: false,
    maxChoices: 16,
    maxQueue: 256,
    maxBodyBytes: 16 * 2 ** 20,
    timeoutSeconds: 3600,
    stallSeconds: 120,
    maxUnsentBytes: 2 ** 20,
    slowReaderSeconds: 60,
    pingSeconds: 15,
    ...options,
  };
}
