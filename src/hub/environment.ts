/** What the environment says about the hub. The variables, and their order, are those of the hub's own tools. */
import { readFile } from 'node:fs/promises';
import { homedir } from 'node:os';
import { join } from 'node:path';
import { UsageError } from '../core/errors.ts';

export type Environment = Readonly<Record<string, string | undefined>>;

export interface HubSettings {
  /** Address of the hub, without a slash at its end. */
  readonly endpoint: URL;
  /** Folder of `models--OWNER--REPO` folders. */
  readonly cacheFolder: string;
  readonly token: string | undefined;
  readonly isOffline: boolean;
  /** Holds the variables of proxies. */
  readonly env: Environment;
}

const DEFAULT_ENDPOINT = 'https://huggingface.co';

/** Throws `UsageError` for an endpoint or a token that cannot be one. */
export async function readHubSettings(env: Environment, isOffline = false): Promise<HubSettings> {
  return {
    endpoint: endpointOf(env),
    cacheFolder: cacheFolderOf(env),
    token: await tokenOf(env),
    isOffline: isOffline || isTrue(env.HF_HUB_OFFLINE) || isTrue(env.TRANSFORMERS_OFFLINE),
    env,
  };
}

export function cacheFolderOf(env: Environment): string {
  return set(env.HF_HUB_CACHE) ?? set(env.HUGGINGFACE_HUB_CACHE) ?? join(hubHome(env), 'hub');
}

function hubHome(env: Environment): string {
  const own = set(env.HF_HOME);
  if (own !== undefined) return own.replace(/^~(?=$|[/\\])/, homedir());
  return join(set(env.XDG_CACHE_HOME) ?? join(homedir(), '.cache'), 'huggingface');
}

function endpointOf(env: Environment): URL {
  const text = set(env.HF_ENDPOINT) ?? DEFAULT_ENDPOINT;
  try {
    const url = new URL(text.replace(/\/+$/, ''));
    if (['http:', 'https:'].includes(url.protocol) && url.username === '' && url.search === '') return url;
  } catch {
    // Reported below.
  }
  throw new UsageError('HF_ENDPOINT is not the address of a hub', {
    code: 'bad-endpoint',
    hint: `set it to an address such as ${DEFAULT_ENDPOINT}, or unset it`,
  });
}

async function tokenOf(env: Environment): Promise<string | undefined> {
  const given = set(env.HF_TOKEN) ?? set(env.HUGGING_FACE_HUB_TOKEN);
  if (given !== undefined) return checkToken(given, 'HF_TOKEN');
  const path = set(env.HF_TOKEN_PATH) ?? join(hubHome(env), 'token');
  const text = set(await readFile(path, 'utf8').catch(() => undefined));
  return text === undefined ? undefined : checkToken(text, path);
}

/** It becomes part of a header, where a line break would begin another one. */
function checkToken(text: string, origin: string): string {
  if (/^[\x21-\x7e]{1,1000}$/.test(text)) return text;
  throw new UsageError(`The token in ${origin} has characters that no token has`, {
    code: 'bad-token',
    hint: 'copy it once more from the settings page of the hub; tokens begin with hf_',
  });
}

function set(text: string | undefined): string | undefined {
  const trimmed = text?.trim();
  return trimmed === '' ? undefined : trimmed;
}

function isTrue(text: string | undefined): boolean {
  return /^(?:1|on|yes|true)$/i.test(text?.trim() ?? '');
}
