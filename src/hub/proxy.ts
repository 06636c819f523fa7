/** Connections through a proxy: which one the environment names, and the tunnel. Source: curl's rules for `NO_PROXY`. */
import http from 'node:http';
import https from 'node:https';
import type { Duplex } from 'node:stream';
import tls from 'node:tls';
import { UsageError } from '../core/errors.ts';
import type { Environment } from './environment.ts';

/** The proxy for an address, or nothing. Throws `UsageError` (`bad-proxy`). */
export function proxyFor(url: URL, env: Environment): URL | undefined {
  const scheme = url.protocol.slice(0, -1);
  // HTTP_PROXY in capitals can be set by a request header where a web server runs programs; curl ignores it for this reason,
  // but other tools of the hub do not.
  const names = [`${scheme}_proxy`, `${scheme}_proxy`.toUpperCase(), 'all_proxy', 'ALL_PROXY'];
  const name = names.find((candidate) => (env[candidate] ?? '') !== '');
  if (name === undefined || isExempt(url, env.no_proxy ?? env.NO_PROXY ?? '')) return undefined;
  const text = (env[name] as string).trim();
  const proxy = parseUrl(/^[a-z\d+]+:\/\//i.test(text) ? text : `http://${text}`);
  if (proxy && ['http:', 'https:'].includes(proxy.protocol)) return proxy;
  throw new UsageError(`The proxy in ${name} cannot be used`, {
    code: 'bad-proxy',
    hint: `set ${name} to http://HOST:PORT or https://HOST:PORT; SOCKS is not supported`,
  });
}

function parseUrl(text: string): URL | undefined {
  try {
    return new URL(text);
  } catch {
    return undefined;
  }
}

/** Entries are `*`, hosts with all their subdomains, and hosts with a port. */
function isExempt(url: URL, list: string): boolean {
  const host = url.hostname.replace(/^\[|\]$/g, '').toLowerCase();
  const port = url.port || (url.protocol === 'https:' ? '443' : '80');
  return list
    .toLowerCase()
    .split(/[\s,]+/)
    .filter((entry) => entry !== '')
    .some((entry) => {
      if (entry === '*') return true;
      const [, bracketed, plain, entryPort] =
        /^(?:\[([^\]]+)\]|([^:]+|[\da-f:]{3,}))(?::(\d+))?$/.exec(entry) ?? [];
      const name = (bracketed ?? plain ?? entry).replace(/^\*?\./, '');
      return (entryPort === undefined || entryPort === port) && (host === name || host.endsWith(`.${name}`));
    });
}

/** Value of `Proxy-Authorization`, where the address of the proxy holds a user. */
export function proxyAuthorization({ username, password }: URL): string | undefined {
  if (username === '') return undefined;
  const credentials = `${decodeURIComponent(username)}:${decodeURIComponent(password)}`;
  return `Basic ${Buffer.from(credentials).toString('base64')}`;
}

type OnConnection = (error: Error | null, socket?: Duplex) => void;

/** Opens TLS connections inside a tunnel (`CONNECT`), so that the proxy sees no request and no token. */
export class TunnelAgent extends https.Agent {
  private readonly proxy: URL;

  constructor(proxy: URL, options: https.AgentOptions) {
    super(options);
    this.proxy = proxy;
  }

  override createConnection(options: tls.ConnectionOptions, onConnection: OnConnection): undefined {
    const { proxy } = this;
    const { host = 'localhost', port = 443, servername = host } = options;
    const target = `${host.includes(':') ? `[${host}]` : host}:${port}`;
    const authorization = proxyAuthorization(proxy);
    const request = (proxy.protocol === 'https:' ? https : http).request({
      host: proxy.hostname.replace(/^\[|\]$/g, ''),
      port: proxy.port || (proxy.protocol === 'https:' ? 443 : 80),
      method: 'CONNECT',
      path: target,
      headers: { host: target, ...(authorization && { 'proxy-authorization': authorization }) },
      agent: false,
    });
    request.once('error', (error) => onConnection(error));
    request.once('connect', (response, socket) => {
      if (response.statusCode !== 200) {
        socket.destroy();
        onConnection(new Error(`the proxy ${proxy.host} answered ${response.statusCode} to CONNECT`));
        return;
      }
      socket.setTimeout(0);
      const { path: _, host: __, port: ___, ...rest } = options;
      onConnection(null, tls.connect({ ...rest, socket, servername }));
    });
    // Any other answer than one to CONNECT.
    request.once('response', (response) => {
      response.destroy();
      onConnection(new Error(`the proxy ${proxy.host} answered ${response.statusCode} to CONNECT`));
    });
    request.setTimeout(30_000, () => request.destroy(new Error(`the proxy ${proxy.host} does not answer`)));
    request.end();
    return undefined;
  }
}
