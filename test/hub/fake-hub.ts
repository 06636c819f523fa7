/** A hub on this machine with a download host of its own origin, for tests: it answers as the hub does, and fails as networks do. */
import { createHash } from 'node:crypto';
import {
  createServer,
  type IncomingMessage,
  type RequestListener,
  type Server,
  type ServerResponse,
} from 'node:http';
import { createServer as createSecureServer } from 'node:https';
import type { AddressInfo } from 'node:net';
import { gzipSync } from 'node:zlib';
import { CERTIFICATE, KEY } from './certificate.ts';

export type FaultKind =
  | 'cut'
  | 'reset'
  | 'stall'
  | 'silent'
  | 'wrong-range'
  | 'wrong-bytes'
  | '416'
  | '429'
  | '500'
  | '503'
  | 'expired'
  | 'etag'
  | 'whole'
  | 'short-length'
  | 'long-length'
  | 'gzip'
  | 'extra'
  | 'fewer'
  | 'resized';

export interface FakeFile {
  readonly bytes: Uint8Array;
  /** Stored in Git itself, without a SHA-256. */
  readonly isPlain?: boolean;
  /** Its id, in place of the right one. */
  readonly oid?: string;
}

export interface FakeRepository {
  readonly commit?: string;
  readonly files: Readonly<Record<string, FakeFile | Uint8Array>>;
  readonly branches?: Readonly<Record<string, string>>;
  /** Its files need a token. */
  readonly isGated?: boolean;
  /** Nothing of it shows without a token. */
  readonly isPrivate?: boolean;
}

export interface SeenRequest {
  readonly host: 'hub' | 'cdn';
  readonly method: string;
  readonly path: string;
  readonly range: string | undefined;
  readonly authorization: string | undefined;
}

export const COMMIT = '0123456789abcdef0123456789abcdef01234567';
export const TOKEN = 'hf_testtoken';

export class FakeHub implements AsyncDisposable {
  readonly seen: SeenRequest[] = [];
  /** Which fault an answer with content gets; `count` is how many there were before. */
  fault: (request: SeenRequest, count: number) => FaultKind | undefined = () => undefined;
  /** Any answer of the hub's API; undefined for the usual one. */
  api: (
    path: string,
  ) => { readonly status: number; readonly body?: unknown; readonly headers?: object } | undefined = () =>
    undefined;
  /** Small files are answered by the hub itself, others by the download host. */
  redirectsToCdn = true;
  /** Where else it redirects to. */
  redirectTo: string | undefined;
  pageSize = 1000;
  private readonly repositories: Readonly<Record<string, FakeRepository>>;
  private readonly isSecure: boolean;
  private readonly hub: Server;
  private readonly cdn: Server;
  private contents = 0;
  private signature = 0;

  private constructor(repositories: Readonly<Record<string, FakeRepository>>, isSecure: boolean) {
    this.repositories = repositories;
    this.isSecure = isSecure;
    const create = (listener: RequestListener): Server =>
      isSecure ? createSecureServer({ cert: CERTIFICATE, key: KEY }, listener) : createServer(listener);
    this.hub = create((request, response) => void this.answer('hub', request, response));
    this.cdn = create((request, response) => void this.answer('cdn', request, response));
  }

  /** Secure ones are called `localhost`, by a certificate that no system trusts. */
  static async start(
    repositories: Readonly<Record<string, FakeRepository>>,
    { isSecure = false } = {},
  ): Promise<FakeHub> {
    const fake = new FakeHub(repositories, isSecure);
    for (const server of [fake.hub, fake.cdn])
      await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
    return fake;
  }

  get endpoint(): string {
    return this.originOf(this.hub);
  }

  get cdnOrigin(): string {
    return this.originOf(this.cdn);
  }

  private originOf(server: Server): string {
    const { port } = server.address() as AddressInfo;
    return this.isSecure ? `https://localhost:${port}` : `http://127.0.0.1:${port}`;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    for (const server of [this.hub, this.cdn]) {
      server.closeAllConnections();
      await new Promise((resolve) => server.close(resolve));
    }
  }

  private answer(host: 'hub' | 'cdn', request: IncomingMessage, response: ServerResponse): unknown {
    const url = new URL(request.url ?? '/', this.endpoint);
    const path = decodeURIComponent(url.pathname);
    const { range, authorization } = request.headers;
    const seen = { host, method: request.method ?? '', path: path + url.search, range, authorization };
    this.seen.push(seen);
    response.on('error', () => {});
    if (host === 'hub' && path.startsWith('/api/')) return this.answerApi(url, path, request, response);
    const [, id, place] = /^\/(?:signed\/)?([^/]+\/[^/]+)\/(?:resolve\/)?[^/]+\/(.+)$/.exec(path) ?? [];
    const repository = this.repositories[id ?? ''];
    const file = asFile(repository?.files[place ?? '']);
    if (!repository || !file) return void response.writeHead(404, { 'x-error-code': 'EntryNotFound' }).end();
    if (host === 'cdn') {
      if (Number(url.searchParams.get('signature')) < this.signature)
        return void response.writeHead(403).end('expired');
      return this.sendContent(seen, file, request, response);
    }
    const isAllowed = authorization === `Bearer ${TOKEN}`;
    if ((repository.isGated || repository.isPrivate) && !isAllowed) {
      const code = repository.isGated ? 'GatedRepo' : 'RepoNotFound';
      return void response.writeHead(401, { 'x-error-code': code }).end();
    }
    if (file.isPlain || !this.redirectsToCdn) return this.sendContent(seen, file, request, response);
    const target = `${this.redirectTo ?? this.cdnOrigin}/signed/${id}/${COMMIT}/${place}?signature=${this.signature}`;
    response.writeHead(302, { location: target, 'x-linked-size': file.bytes.length }).end();
  }

  /** From now on addresses that were signed before are refused. */
  expireSignatures(): void {
    this.signature++;
  }

  private answerApi(url: URL, path: string, request: IncomingMessage, response: ServerResponse): unknown {
    const json = (status: number, body: unknown, headers: object = {}): unknown =>
      response
        .writeHead(status, { 'content-type': 'application/json', ...headers })
        .end(JSON.stringify(body));
    const special = this.api(path);
    if (special) return json(special.status, special.body ?? {}, special.headers);
    if (path === '/api/models') {
      const [author, search] = ['author', 'search'].map((key) => url.searchParams.get(key)?.toLowerCase());
      const ids = Object.keys(this.repositories).filter((id) => {
        const [owner, name] = id.toLowerCase().split('/');
        return (author === undefined || owner === author) && (search === undefined || name.includes(search));
      });
      return json(
        200,
        ids.map((id) => ({ id, modelId: id })),
      );
    }
    const [, id, kind, rest = ''] = /^\/api\/models\/([^/]+\/[^/]+)\/([^/]+)(?:\/(.*))?$/.exec(path) ?? [];
    const repository = this.repositories[id ?? ''];
    const isHidden = repository?.isPrivate && request.headers.authorization !== `Bearer ${TOKEN}`;
    if (!repository || isHidden) return json(401, { error: 'not found' }, { 'x-error-code': 'RepoNotFound' });
    const commit = repository.commit ?? COMMIT;
    const branches: Readonly<Record<string, string>> = { main: commit, ...repository.branches };
    if (kind === 'refs')
      return json(200, {
        branches: Object.entries(branches).map(([name, sha]) => ({ name, targetCommit: sha })),
        tags: [],
      });
    if (kind === 'revision') {
      const found = branches[rest] ?? (rest === commit ? commit : undefined);
      if (found === undefined) return json(404, {}, { 'x-error-code': 'RevisionNotFound' });
      return json(200, { id, sha: found, private: false, gated: repository.isGated ? 'auto' : false });
    }
    const all = Object.entries(repository.files).map(([name, given]) =>
      listed(name, asFile(given) as FakeFile),
    );
    const from = Number(url.searchParams.get('cursor') ?? 0);
    const page = all.slice(from, from + this.pageSize);
    const more = from + this.pageSize < all.length;
    // Mirrors hand on the address of the hub itself.
    const link = `<https://hub.invalid${url.pathname}?recursive=true&cursor=${from + this.pageSize}>; rel="next"`;
    json(200, page, more ? { link } : {});
  }

  private sendContent(
    seen: SeenRequest,
    { bytes }: FakeFile,
    request: IncomingMessage,
    response: ServerResponse,
  ): unknown {
    const fault = this.fault(seen, this.contents++);
    const [, first, last] = /^bytes=(\d+)-(\d+)$/.exec(request.headers.range ?? '') ?? [];
    const isRange = first !== undefined && fault !== 'whole';
    const start = isRange ? Number(first) : 0;
    const end = isRange ? Math.min(Number(last) + 1, bytes.length) : bytes.length;
    let body = bytes.subarray(start, end);
    const size = fault === 'resized' ? bytes.length + 1 : bytes.length;
    const headers: Record<string, string | number> = {
      etag: fault === 'etag' ? '"other"' : etagOf(bytes),
      'content-length': body.length,
      ...(isRange && { 'content-range': `bytes ${start}-${end - 1}/${size}` }),
    };
    const status = isRange ? 206 : 200;
    const half = Math.floor(body.length / 2);
    switch (fault) {
      case 'cut':
        response.writeHead(status, headers);
        response.write(body.subarray(0, half), () => response.destroy());
        return;
      case 'reset':
        request.socket.resetAndDestroy();
        return;
      case 'stall':
        response.writeHead(status, headers);
        response.write(body.subarray(0, half));
        return;
      case 'silent':
        return;
      case 'wrong-range':
        headers['content-range'] = `bytes ${start + 1}-${end}/${size}`;
        break;
      case 'wrong-bytes':
        body = body.map((byte) => byte ^ 1);
        break;
      case '416':
        return void response.writeHead(416, { 'content-range': `bytes */${size}` }).end();
      case '429':
        return void response.writeHead(429, { 'retry-after': '0' }).end('slow down');
      case '500':
      case '503':
        return void response.writeHead(Number(fault)).end('broken');
      case 'expired':
        return void response.writeHead(403).end('expired');
      case 'short-length':
        headers['content-length'] = half;
        body = body.subarray(0, half);
        break;
      case 'long-length':
        headers['content-length'] = body.length + 10;
        break;
      case 'gzip':
        body = new Uint8Array(gzipSync(body));
        headers['content-encoding'] = 'gzip';
        headers['content-length'] = body.length;
        break;
      case 'extra':
        delete headers['content-length'];
        body = new Uint8Array([...body, 1, 2, 3]);
        break;
      case 'fewer':
        delete headers['content-length'];
        body = body.subarray(0, half);
        break;
    }
    response.writeHead(status, headers).end(body);
  }
}

const etags = new WeakMap<Uint8Array, string>();

function etagOf(bytes: Uint8Array): string {
  const etag = etags.get(bytes) ?? `"${createHash('md5').update(bytes).digest('hex')}"`;
  etags.set(bytes, etag);
  return etag;
}

function asFile(given: FakeFile | Uint8Array | undefined): FakeFile | undefined {
  return given instanceof Uint8Array ? { bytes: given } : given;
}

function listed(path: string, { bytes, isPlain, oid }: FakeFile): object {
  const gitId = createHash('sha1').update(`blob ${bytes.length}\0`).update(bytes).digest('hex');
  const sha256 = createHash('sha256').update(bytes).digest('hex');
  return {
    type: 'file',
    path,
    size: bytes.length,
    oid: isPlain ? (oid ?? gitId) : gitId,
    ...(!isPlain && { lfs: { oid: oid ?? sha256, size: bytes.length, pointerSize: 134 } }),
  };
}

/** Bytes that look random and are the same for the same seed. */
export function someBytes(length: number, seed = 1): Uint8Array {
  const bytes = new Uint8Array(length);
  let state = seed * 2654435761 + 1;
  for (let i = 0; i < length; i++) {
    state = (Math.imul(state, 1664525) + 1013904223) >>> 0;
    bytes[i] = state >>> 24;
  }
  return bytes;
}
