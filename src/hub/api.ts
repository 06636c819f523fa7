/** What the hub says about a repository: its commit and its files. Source: the hub's API as `huggingface_hub` calls it. */
import type { HttpClient } from './http.ts';
import { badAnswer, onHub, readText, statusError } from './hub-errors.ts';
import { formatHubName, type HubName, isCommit, repositoryId } from './name.ts';
import { withAttempts } from './retry.ts';

export interface HubFile {
  readonly path: string;
  readonly sizeBytes: number;
  /** SHA-256 of the content, in hex. Files in Git itself have none. */
  readonly sha256: string | undefined;
  /** Name of its blob in the cache: the SHA-256, or the id that Git gives to the content. */
  readonly blob: string;
}

export interface Repository {
  readonly name: HubName;
  /** What the revision names now. */
  readonly commit: string;
  readonly files: readonly HubFile[];
}

const MAX_PAGES = 200;

/** The files of a repository. Throws `UsageError` for what does not exist or is not accessible, with names that are close. */
export async function listRepository(
  client: HttpClient,
  name: HubName,
  signal: AbortSignal,
): Promise<Repository> {
  const base = `api/models/${repositoryId(name)}`;
  const info = await getJson(client, `${base}/revision/${encodeURIComponent(name.revision)}`, name, signal);
  const commit = (info.value as { readonly sha?: unknown } | null)?.sha;
  if (typeof commit !== 'string' || !isCommit(commit)) throw badAnswer(client, 'the commit of a repository');
  const files: HubFile[] = [];
  let next: string | undefined = `${base}/tree/${commit}?recursive=true&expand=false`;
  for (let page = 0; next !== undefined; page++) {
    if (page === MAX_PAGES) throw badAnswer(client, `at most ${MAX_PAGES} pages of files`);
    const { value, link }: Answer = await getJson(client, next, name, signal);
    if (!Array.isArray(value)) throw badAnswer(client, 'a list of files');
    for (const entry of value) {
      const file = readEntry(client, entry);
      if (file) files.push(file);
    }
    next = nextPage(link);
  }
  return { name, commit, files };
}

/** Where a file is downloaded: at a commit, so that it stays the same. */
export function fileUrl(client: HttpClient, { name, commit }: Repository, path: string): URL {
  const encoded = path.split('/').map(encodeURIComponent).join('/');
  return onHub(client, `${repositoryId(name)}/resolve/${commit}/${encoded}`);
}

interface Answer {
  readonly value: unknown;
  readonly link: string | undefined;
}

async function getJson(
  client: HttpClient,
  path: string,
  name: HubName,
  signal: AbortSignal,
): Promise<Answer> {
  return await withAttempts(`list ${formatHubName(name)}`, client, signal, async () => {
    const response = await client.get(onHub(client, path), { accept: 'application/json' }, signal);
    if (response.status !== 200) throw await statusError(client, response, name, signal);
    const text = await readText(client, response);
    try {
      return { value: JSON.parse(text) as unknown, link: response.header('link') };
    } catch {
      throw badAnswer(client, 'JSON');
    }
  });
}

/** The path of `Link: <…>; rel="next"`. Its host does not count: mirrors hand on the one of the hub. */
function nextPage(link: string | undefined): string | undefined {
  const [, address] = /<([^>]*)>\s*;[^,]*\brel="?next"?/.exec(link ?? '') ?? [];
  return address?.replace(/^.*?(?=api\/models\/)/s, '');
}

function readEntry(client: HttpClient, entry: unknown): HubFile | undefined {
  const { type, path, size, oid, lfs } = (entry ?? {}) as Record<string, unknown>;
  if (type !== 'file') return undefined;
  if (typeof path !== 'string') throw badAnswer(client, 'names of files');
  if (!isSafePath(path)) {
    // Some repositories hold a file with a question mark or a colon in its name; it is not one that a model needs.
    if (!/\.(?:gguf|safetensors)$/i.test(path)) return undefined;
    throw badAnswer(client, `names of files, not ${JSON.stringify(path).slice(0, 80)}`);
  }
  const large = lfs as { readonly oid?: unknown; readonly size?: unknown } | null | undefined;
  const sizeBytes = large?.size ?? size;
  if (!Number.isSafeInteger(sizeBytes) || (sizeBytes as number) < 0)
    throw badAnswer(client, `the size of ${JSON.stringify(path)}`);
  const sha256 = large?.oid;
  if (sha256 !== undefined && (typeof sha256 !== 'string' || !/^[0-9a-f]{64}$/.test(sha256)))
    throw badAnswer(client, `the SHA-256 of ${JSON.stringify(path)}`);
  const blob = sha256 ?? oid;
  // It becomes the name of a file.
  if (typeof blob !== 'string' || !/^[\w-]{1,128}$/.test(blob))
    throw badAnswer(client, `the id of ${JSON.stringify(path)}`);
  return { path, sizeBytes: sizeBytes as number, sha256, blob };
}

const RESERVED = /^(?:con|prn|aux|nul|com\d|lpt\d)(?:\.|$)/i;

/** Whether a name from the hub may become a path below a folder, on every system. */
export function isSafePath(path: string): boolean {
  return (
    path.length <= 1024 &&
    !/[\p{Cc}\p{Cs}\\:<>"|?*]/u.test(path) &&
    path
      .split('/')
      .every(
        (part) =>
          part !== '' &&
          new TextEncoder().encode(part).length <= 255 &&
          !/[. ]$/.test(part) &&
          !RESERVED.test(part),
      )
  );
}
