/** One range of a file from the hub, with every way in which an answer can be another one than the one requested. */
import { ResourceError } from '../core/errors.ts';
import { formatCount } from '../core/units.ts';
import type { HttpClient, HubResponse } from './http.ts';
import { isTemporary, statusError } from './hub-errors.ts';
import type { HubName } from './name.ts';
import { retryAfterMs, TransferFault } from './retry.ts';

/** Where a file is. The hub redirects large files to a download host, with an address that is valid for some minutes. */
export class RemoteFile {
  readonly client: HttpClient;
  readonly name: HubName;
  /** What errors call it. */
  readonly label: string;
  readonly sizeBytes: number;
  readonly hubUrl: URL;
  private directUrl: URL | undefined;
  /** By host: hosts may name the same content differently. */
  private readonly etags = new Map<string, string>();

  constructor(parts: {
    readonly client: HttpClient;
    readonly name: HubName;
    readonly path: string;
    readonly sizeBytes: number;
    readonly hubUrl: URL;
  }) {
    this.client = parts.client;
    this.name = parts.name;
    this.label = parts.path;
    this.sizeBytes = parts.sizeBytes;
    this.hubUrl = parts.hubUrl;
  }

  get url(): URL {
    return this.directUrl ?? this.hubUrl;
  }

  /** Of the host that answered; throws `TransferFault` when the host names another content than before. */
  noteAnswer({ url, isFromHub, header }: HubResponse): void {
    if (!isFromHub) this.directUrl = url;
    const etag = header('etag');
    if (etag === undefined || etag.startsWith('W/')) return;
    const known = this.etags.get(url.host);
    if (known !== undefined && known !== etag) throw changed(this, 'its ETag is another one now');
    this.etags.set(url.host, etag);
  }

  /** From now on the hub gives the address. */
  forgetAddress(): void {
    this.directUrl = undefined;
  }
}

/** The host ignores ranges: the file has to be read from its start, in one connection. */
export class NoRanges extends Error {
  override readonly name = 'NoRanges';
}

/**
 * The bytes from `start` to before `end`, perhaps fewer than requested, never more. Throws `TransferFault` for what may go away,
 * `NoRanges` where only the whole file is served, and `ResourceError` (`hub-file-changed`) where it is another file by now.
 */
export async function* fetchRange(
  file: RemoteFile,
  start: number,
  end: number,
  signal: AbortSignal,
): AsyncGenerator<Uint8Array, void, undefined> {
  const response = await file.client.get(file.url, { range: `bytes=${start}-${end - 1}` }, signal);
  try {
    const length = await checkAnswer(file, response, start, end, signal);
    yield* limited(file, response, length);
  } catch (error) {
    response.discard();
    throw error;
  }
}

/** The whole file, from a host without ranges. */
export async function* fetchWhole(
  file: RemoteFile,
  signal: AbortSignal,
): AsyncGenerator<Uint8Array, void, undefined> {
  const response = await file.client.get(file.url, {}, signal);
  try {
    if (response.status !== 200) throw await failure(file, response, signal);
    checkEncoding(response);
    checkWholeLength(file, response);
    file.noteAnswer(response);
    yield* limited(file, response, file.sizeBytes);
  } catch (error) {
    response.discard();
    throw error;
  }
}

/** Bytes that the answer will have. */
async function checkAnswer(
  file: RemoteFile,
  response: HubResponse,
  start: number,
  end: number,
  signal: AbortSignal,
): Promise<number> {
  const { status, url } = response;
  if (status === 200) {
    checkEncoding(response);
    checkWholeLength(file, response);
    if (start !== 0 || end !== file.sizeBytes) throw new NoRanges(`${url.host} ignores ranges`);
    file.noteAnswer(response);
    return end;
  }
  if (status !== 206) throw await failure(file, response, signal);
  checkEncoding(response);
  const range = /^bytes (\d+)-(\d+)\/(\d+|\*)$/.exec(response.header('content-range') ?? '');
  const [first, last] = [Number(range?.[1]), Number(range?.[2])];
  const total = range?.[3];
  if (total !== undefined && total !== '*' && Number(total) !== file.sizeBytes)
    throw changed(file, `it has ${formatCount(Number(total))} bytes now, not ${formatCount(file.sizeBytes)}`);
  if (!range || first !== start || last < start || last >= end)
    throw new TransferFault(`${url.host} sent another range than the one requested`);
  const length = last - first + 1;
  const declared = response.header('content-length');
  if (declared !== undefined && Number(declared) !== length)
    throw new TransferFault(`${url.host} declared another length than that of the range`);
  file.noteAnswer(response);
  return length;
}

function checkEncoding(response: HubResponse): void {
  const encoding = response.header('content-encoding') ?? 'identity';
  if (encoding.toLowerCase() !== 'identity')
    throw new TransferFault(
      `${response.url.host} sent the file compressed (${encoding.slice(0, 20)}), though not requested`,
    );
}

function checkWholeLength(file: RemoteFile, response: HubResponse): void {
  const declared = response.header('content-length');
  if (declared !== undefined && Number(declared) !== file.sizeBytes)
    throw new TransferFault(
      `${response.url.host} declared ${formatCount(Number(declared))} bytes for a file of ${formatCount(file.sizeBytes)}`,
    );
}

async function failure(file: RemoteFile, response: HubResponse, signal: AbortSignal): Promise<Error> {
  const { status, url, isFromHub, header } = response;
  if (status === 416) {
    const [, total] = /^bytes \*\/(\d+)$/.exec(header('content-range') ?? '') ?? [];
    if (total !== undefined && Number(total) !== file.sizeBytes)
      return changed(
        file,
        `it has ${formatCount(Number(total))} bytes now, not ${formatCount(file.sizeBytes)}`,
      );
    return new TransferFault(`${url.host} answered 416, as if the file were shorter`);
  }
  if (isFromHub) return await statusError(file.client, response, file.name, signal);
  // The signature of the address has expired; the hub signs a new one.
  file.forgetAddress();
  return new TransferFault(`${url.host} answered ${status}`, {
    retryAfterMs: retryAfterMs(header('retry-after')),
    isImmediate: !isTemporary(status),
  });
}

/** Exactly `length` bytes. */
async function* limited(
  file: RemoteFile,
  response: HubResponse,
  length: number,
): AsyncGenerator<Uint8Array, void, undefined> {
  let left = length;
  for await (const chunk of response.body()) {
    if (chunk.length > left) {
      if (response.status === 200) throw changed(file, `it has more than ${formatCount(length)} bytes now`);
      throw new TransferFault(`${response.url.host} sent more bytes than it declared`);
    }
    left -= chunk.length;
    yield chunk;
  }
  if (left > 0) throw new TransferFault(`${response.url.host} sent fewer bytes than it declared`);
}

function changed(file: RemoteFile, how: string): ResourceError {
  return new ResourceError(
    `Cannot continue ${file.label}: the file at the download host has changed: ${how}`,
    {
      code: 'hub-file-changed',
      hint: 'run it again; it starts with the file that is there now',
    },
  );
}
