/** Why the hub refuses a request, with names that are close to the one that does not exist. */
import { type DotsError, FormatError, ResourceError, UsageError } from '../core/errors.ts';
import type { HttpClient, HubResponse } from './http.ts';
import { formatHubName, type HubName, repositoryId } from './name.ts';
import { retryAfterMs, TransferFault } from './retry.ts';
import { closest } from './spelling.ts';

const MAX_ANSWER_BYTES = 64 * 1024 * 1024;

/** A path of the API, below whatever path the endpoint has. */
export function onHub(client: HttpClient, path: string): URL {
  return new URL(`${client.settings.endpoint.href.replace(/\/$/, '')}/${path}`);
}

/** A whole answer as text. */
export async function readText(client: HttpClient, response: HubResponse): Promise<string> {
  const encoding = response.header('content-encoding') ?? 'identity';
  if (encoding !== 'identity') throw new TransferFault(`${response.url.host} compressed its answer`);
  const chunks: Uint8Array[] = [];
  let length = 0;
  for await (const chunk of response.body()) {
    length += chunk.length;
    if (length > MAX_ANSWER_BYTES) throw badAnswer(client, 'a shorter answer');
    chunks.push(chunk);
  }
  const bytes = new Uint8Array(length);
  let at = 0;
  for (const chunk of chunks) {
    bytes.set(chunk, at);
    at += chunk.length;
  }
  return new TextDecoder().decode(bytes);
}

/** The error for a status of the hub that no other attempt changes; `TransferFault` for one that may. */
export async function statusError(
  client: HttpClient,
  response: HubResponse,
  name: HubName,
  signal: AbortSignal,
): Promise<Error> {
  const { status, url } = response;
  response.discard();
  if (isTemporary(status))
    return new TransferFault(`${url.host} answered ${status}`, {
      retryAfterMs: retryAfterMs(response.header('retry-after')),
    });
  const reason = response.header('x-error-code');
  if (reason === 'RevisionNotFound') return await noRevision(client, name, signal);
  if (reason === 'GatedRepo') return gated(client, name);
  if (status === 401 && /invalid/i.test(response.header('x-error-message') ?? '')) {
    return new UsageError(`${url.host} does not accept the token`, {
      code: 'bad-token',
      hint: 'make a new one on the settings page of the hub, and set HF_TOKEN to it',
    });
  }
  // The hub answers 401 to everything that does not exist, so that private names stay private.
  if (status === 401 || status === 404) return await noRepository(client, name, signal);
  if (status === 403) return gated(client, name);
  return new FormatError(`${url.host} answered ${status} to a request for ${formatHubName(name)}`, {
    code: 'bad-hub-answer',
    hint: 'check HF_ENDPOINT; a proxy may have answered in its place',
  });
}

export function isTemporary(status: number): boolean {
  return status === 408 || status === 425 || status === 429 || status >= 500;
}

/** An answer of the hub that only helps: nothing where there is none. */
async function tryJson(client: HttpClient, path: string, signal: AbortSignal): Promise<unknown> {
  try {
    const response = await client.get(onHub(client, path), { accept: 'application/json' }, signal);
    if (response.status === 200) return JSON.parse(await readText(client, response)) as unknown;
    response.discard();
  } catch {
    signal.throwIfAborted();
  }
  return undefined;
}

async function noRepository(client: HttpClient, name: HubName, signal: AbortSignal): Promise<DotsError> {
  const { token, endpoint } = client.settings;
  const others = await similarRepositories(client, name, signal);
  const asPrivate =
    token === undefined
      ? 'if it is private, set HF_TOKEN to a token that may read it'
      : 'if it is private, your token may not read it';
  return new UsageError(
    `${endpoint.host} has no repository ${repositoryId(name)}${token === undefined ? ' that is public' : ' for your token'}`,
    {
      code: 'no-such-repository',
      hint: others.length > 0 ? `did you mean ${others.join(', ')}? Otherwise ${asPrivate}` : asPrivate,
    },
  );
}

/** Public repositories with a name like it: those of the owner first, then any of the same name. */
async function similarRepositories(
  client: HttpClient,
  name: HubName,
  signal: AbortSignal,
): Promise<string[]> {
  const { owner, repository } = name;
  const search = async (query: string): Promise<string[]> => {
    const found = await tryJson(client, `api/models?${query}&limit=100`, signal);
    return Array.isArray(found)
      ? found.map((entry) => (entry as { readonly id?: unknown } | null)?.id).filter(isRepositoryId)
      : [];
  };
  const [own, named] = await Promise.all([
    search(`author=${encodeURIComponent(owner)}`),
    search(`search=${encodeURIComponent(repository)}`),
  ]);
  const close = closest(repositoryId(name), [...new Set([...own, ...named])]);
  const others = named.filter((id) => id.split('/')[1]?.toLowerCase() === repository.toLowerCase());
  return [...new Set([...close, ...others])].slice(0, 3).map((id) => `hf:${id}`);
}

function isRepositoryId(id: unknown): id is string {
  return typeof id === 'string' && /^[\w.-]{1,96}\/[\w.-]{1,96}$/.test(id);
}

async function noRevision(client: HttpClient, name: HubName, signal: AbortSignal): Promise<DotsError> {
  const refs = await tryJson(client, `api/models/${repositoryId(name)}/refs`, signal);
  const { branches, tags } = (refs ?? {}) as Record<string, unknown>;
  const names = [branches, tags]
    .flatMap((list): unknown[] => (Array.isArray(list) ? list : []))
    .map((ref) => (ref as { readonly name?: unknown } | null)?.name)
    .filter((ref): ref is string => typeof ref === 'string' && /^[\w./+-]{1,200}$/.test(ref));
  const [meant] = closest(name.revision, names);
  return new UsageError(`${repositoryId(name)} has no revision ${JSON.stringify(name.revision)}`, {
    code: 'no-such-revision',
    hint:
      meant !== undefined
        ? `did you mean ${formatHubName({ ...name, revision: meant })}?`
        : names.length > 0
          ? `it has ${names.slice(0, 10).join(', ')}`
          : 'leave the revision out for the newest files',
  });
}

function gated(client: HttpClient, name: HubName): DotsError {
  const { endpoint, token } = client.settings;
  const page = `${endpoint.origin}/${repositoryId(name)}`;
  return new ResourceError(`${repositoryId(name)} may be read only by users whom its maker has admitted`, {
    code: 'hub-access',
    hint:
      token === undefined
        ? `accept its conditions at ${page}, and set HF_TOKEN to a token of your account`
        : `accept its conditions at ${page} with the account of your token, and give the token the right to read gated repositories`,
  });
}

export function badAnswer(client: HttpClient, expected: string): FormatError {
  const { host } = client.settings.endpoint;
  return new FormatError(`Cannot read the answer of ${host}: expected ${expected}`, {
    code: 'bad-hub-answer',
    hint: 'check HF_ENDPOINT; a proxy may have answered in its place',
    expected,
  });
}
