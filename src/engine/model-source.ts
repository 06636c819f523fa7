import { UnsupportedError, UsageError } from '../core/errors.ts';
import { blobSource } from '../format/blob-source.ts';
import type { ByteSource } from '../format/byte-source.ts';
import { memorySource } from '../format/memory-source.ts';
import { isHubName } from '../hub/name.ts';
import { availableMemory } from './memory-check.ts';

/** A path, `hf:OWNER/REPO[:QUANT]`, a `file:` URL, or the bytes of a GGUF file. */
export type ModelSource = string | URL | Blob | ArrayBuffer | ArrayBufferView;

// Two folders up from here is the package, both in `src/engine` and in `dist/engine`.
const SHIPPED_MODEL = new URL('../../models/mini.gguf', import.meta.url);

/** Where the model that ships with dots.ts lies. */
export function shippedModelPath(): string {
  return pathOf(SHIPPED_MODEL);
}

/** The path that a name stands for; `mini` is the shipped model. */
export function resolvePath(given: string): string {
  return given === 'mini' ? shippedModelPath() : given;
}

export interface ResolveOptions {
  readonly signal?: AbortSignal;
  readonly onDownload?: (doneBytes: number, totalBytes: number) => void;
  readonly onWarning?: (message: string) => void;
}

/** What `open` takes -> a path, or bytes to read from; downloads a model of the hub. Throws `UsageError` for anything else. */
export async function resolveSource(
  source: ModelSource,
  options: ResolveOptions = {},
): Promise<string | ByteSource> {
  if (typeof source === 'string')
    return isHubName(source) ? await resolveOnHub(source, options) : resolvePath(source);
  if (source instanceof URL) {
    if (source.protocol === 'file:') return pathOf(source);
    throw new UnsupportedError(`Cannot open ${source.href}: only file: URLs can be opened`, {
      code: 'unsupported-url',
      hint: 'download the file and give its path, or its bytes: open(await (await fetch(url)).blob())',
    });
  }
  if (source instanceof Blob) return blobSource(source, nameOf(source));
  if (source instanceof ArrayBuffer) return memorySource(new Uint8Array(source), 'the given bytes');
  if (ArrayBuffer.isView(source)) {
    const { buffer, byteOffset, byteLength } = source;
    return memorySource(new Uint8Array(buffer, byteOffset, byteLength), 'the given bytes');
  }
  throw new UsageError(`Cannot open ${source === null ? 'null' : typeof source} as a model`, {
    code: 'bad-model-source',
    hint: 'give a path, a file: URL, or the bytes of a GGUF file as Blob, ArrayBuffer or Uint8Array',
  });
}

async function resolveOnHub(
  name: string,
  { signal, onDownload, onWarning }: ResolveOptions,
): Promise<string> {
  if (typeof process === 'undefined' || !process.versions?.node) {
    throw new UnsupportedError(`Cannot open ${name}: models are downloaded in Node only`, {
      code: 'no-hub',
      hint: 'give the bytes of the file: open(await (await fetch(url)).blob())',
    });
  }
  const { resolveHubModel } = await import('../hub/pull.ts');
  return await resolveHubModel(name, {
    env: process.env,
    memoryBytes: await availableMemory(),
    ...(signal && { signal }),
    ...(onDownload && { onProgress: onDownload }),
    ...(onWarning && { onNotice: onWarning }),
  });
}

function nameOf(blob: Blob): string {
  const { name } = blob as { readonly name?: unknown };
  return typeof name === 'string' && name !== '' ? name : 'the given bytes';
}

/** As Node's `fileURLToPath`, which a browser lacks. */
function pathOf({ pathname }: URL): string {
  const path = decodeURIComponent(pathname);
  return /^\/[A-Za-z]:\//.test(path) ? path.slice(1) : path;
}
