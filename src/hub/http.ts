/**
 * HTTP as downloads need it: on `node:http`, because Node's `fetch` knows no proxy on Node 20 and decompresses answers whose
 * bytes are counted. The token goes to the origin of the hub and to no other, whatever redirects say.
 */
import http from 'node:http';
import https from 'node:https';
import { ResourceError } from '../core/errors.ts';
import type { HubSettings } from './environment.ts';
import { proxyAuthorization, proxyFor, TunnelAgent } from './proxy.ts';
import { TransferFault, type Tuning } from './retry.ts';

export interface HubResponse {
  readonly status: number;
  /** Names in lower case. */
  header(name: string): string | undefined;
  /** After redirects. */
  readonly url: URL;
  /** Whether the hub itself answered, not a host that it redirected to. */
  readonly isFromHub: boolean;
  /** The bytes as they arrive; ends the connection when the caller stops early. Throws `TransferFault`. */
  body(): AsyncGenerator<Uint8Array, void, undefined>;
  /** Close without reading the rest. */
  discard(): void;
}

const MAX_REDIRECTS = 8;
const REDIRECTS = [301, 302, 303, 307, 308];

/** Faults of certificates don't go away. */
const CERTIFICATE =
  /^(?:CERT_|UNABLE_TO_|SELF_SIGNED_|DEPTH_ZERO_|ERR_TLS_CERT|HOSTNAME_MISMATCH|INVALID_CA)/;

export class HttpClient {
  readonly settings: HubSettings;
  readonly tuning: Tuning;
  /** Takes a line about each wait of a second or more before the next attempt. */
  readonly onNotice: ((line: string) => void) | undefined;
  private readonly agents = new Map<string, http.Agent>();

  constructor(settings: HubSettings, tuning: Tuning, onNotice?: (line: string) => void) {
    this.settings = settings;
    this.tuning = tuning;
    this.onNotice = onNotice;
  }

  /** Ends all connections. */
  close(): void {
    for (const agent of this.agents.values()) agent.destroy();
  }

  /** GET, through redirects. Any status; throws `TransferFault` where none comes. */
  async get(url: URL, headers: Readonly<Record<string, string>>, signal: AbortSignal): Promise<HubResponse> {
    let target = url;
    for (let redirects = 0; redirects <= MAX_REDIRECTS; redirects++) {
      const { request, response } = await this.send(target, headers, signal);
      const { statusCode: status = 0, headers: found } = response;
      if (!REDIRECTS.includes(status) || found.location === undefined)
        return this.wrap(target, status, request, response, signal);
      // The answer is small, but who sends an endless one is not waited for.
      response.destroy();
      target = this.follow(target, found.location);
    }
    throw new TransferFault(`${url.host} redirected more than ${MAX_REDIRECTS} times`);
  }

  private follow(from: URL, location: string): URL {
    let target: URL;
    try {
      target = new URL(location, from);
    } catch (cause) {
      throw new TransferFault(`${from.host} redirected to an address that is not one`, { cause });
    }
    if (target.protocol === 'https:' || (target.protocol === 'http:' && from.protocol === 'http:'))
      return target;
    throw new ResourceError(
      `Cannot download from ${from.host}: it redirects to ${target.protocol}//${target.host}, which is not encrypted`,
      { code: 'insecure-redirect', hint: 'check HF_ENDPOINT and the proxy' },
    );
  }

  private async send(
    url: URL,
    extra: Readonly<Record<string, string>>,
    signal: AbortSignal,
  ): Promise<{ request: http.ClientRequest; response: http.IncomingMessage }> {
    signal.throwIfAborted();
    const { endpoint, token, env } = this.settings;
    const isHub = url.origin === endpoint.origin;
    const proxy = proxyFor(url, env);
    const headers: Record<string, string> = {
      host: url.host,
      'user-agent': 'dots.ts',
      // Compressed answers have other positions and lengths.
      'accept-encoding': 'identity',
      ...extra,
      ...(isHub && token !== undefined && { authorization: `Bearer ${token}` }),
    };
    const options: http.RequestOptions = { headers, agent: this.agent(url, proxy) };
    const request =
      url.protocol === 'https:'
        ? https.request(url, options)
        : proxy
          ? (proxy.protocol === 'https:' ? https : http).request(viaProxy(url, proxy, headers))
          : http.request(url, options);
    // Not as option `signal`: Node hands that on to the socket, which is kept for later requests and would throw while idle.
    const onAbort = (): void => void request.destroy();
    signal.addEventListener('abort', onAbort, { once: true });
    request.once('close', () => signal.removeEventListener('abort', onAbort));
    return await new Promise((resolve, reject) => {
      const timer = setTimeout(() => request.destroy(stalled(url, this.tuning)), this.tuning.stallMs);
      request.once('response', (response) => {
        clearTimeout(timer);
        // Errors are thrown where the body is read; without a listener those before would end the process.
        response.on('error', () => {});
        resolve({ request, response });
      });
      // Stays: errors after the answer has begun are those of its body.
      request.on('error', (error: NodeJS.ErrnoException) => {
        clearTimeout(timer);
        reject(signal.aborted ? (signal.reason as Error) : connectionError(url, error));
      });
      request.end();
    });
  }

  private agent(url: URL, proxy: URL | undefined): http.Agent {
    const key = `${url.protocol}|${proxy?.href ?? ''}`;
    const options = { keepAlive: true, maxSockets: 64 };
    const agent =
      this.agents.get(key) ??
      (url.protocol === 'https:'
        ? proxy
          ? new TunnelAgent(proxy, options)
          : new https.Agent(options)
        : new http.Agent(options));
    this.agents.set(key, agent);
    return agent;
  }

  private wrap(
    url: URL,
    status: number,
    request: http.ClientRequest,
    response: http.IncomingMessage,
    signal: AbortSignal,
  ): HubResponse {
    const { tuning } = this;
    return {
      status,
      url,
      isFromHub: url.origin === this.settings.endpoint.origin,
      header(name) {
        const value = response.headers[name];
        return Array.isArray(value) ? value.join(', ') : value;
      },
      async *body() {
        const chunks = response[Symbol.asyncIterator]() as AsyncIterator<Uint8Array>;
        try {
          for (;;) {
            const timer = setTimeout(() => response.destroy(stalled(url, tuning)), tuning.stallMs);
            const next = await chunks.next().finally(() => clearTimeout(timer));
            if (next.done) break;
            yield next.value;
          }
          if (!response.complete) throw new TransferFault(`${url.host} closed the connection`);
        } catch (error) {
          if (signal.aborted) throw signal.reason;
          throw error instanceof TransferFault ? error : connectionError(url, error as NodeJS.ErrnoException);
        } finally {
          if (!response.complete) request.destroy();
        }
      },
      discard: () => void request.destroy(),
    };
  }
}

/** A proxy gets the whole address in place of the path. */
function viaProxy(url: URL, proxy: URL, headers: Record<string, string>): http.RequestOptions {
  const authorization = proxyAuthorization(proxy);
  return {
    host: proxy.hostname.replace(/^\[|\]$/g, ''),
    port: proxy.port || (proxy.protocol === 'https:' ? 443 : 80),
    path: url.href,
    headers: { ...headers, ...(authorization && { 'proxy-authorization': authorization }) },
  };
}

function stalled(url: URL, { stallMs }: Tuning): TransferFault {
  return new TransferFault(`${url.host} has sent nothing for ${Math.round(stallMs / 1000)} s`);
}

function connectionError(url: URL, error: NodeJS.ErrnoException): Error {
  if (error instanceof TransferFault) return error;
  if (CERTIFICATE.test(error.code ?? '')) {
    return new ResourceError(`Cannot connect to ${url.host}: ${error.message}`, {
      code: 'bad-certificate',
      hint: 'if a proxy of your network signs connections, set NODE_EXTRA_CA_CERTS to the file of its certificate',
      cause: error,
    });
  }
  const what =
    error.code === 'ENOTFOUND' || error.code === 'EAI_AGAIN'
      ? `there is no address for ${url.host}`
      : error.code === 'ECONNREFUSED'
        ? `${url.host} refuses connections`
        : `the connection to ${url.host} failed (${error.message || error.code})`;
  return new TransferFault(what, { cause: error });
}
