import { UnsupportedError, UsageError } from '../core/errors.ts';
import { blobSource } from '../format/blob-source.ts';
import type { ByteSource } from '../format/byte-source.ts';
import { memorySource } from '../format/memory-source.ts';

/** A path, a `file:` URL, or the bytes of a GGUF file. */
export type ModelSource = string | URL | Blob | ArrayBuffer | ArrayBufferView;

// Two folders up from here is the package, both in `src/engine` and in `dist/engine`.
const SHIPPED_MODEL = new URL('../../models/mini.gguf', import.meta.url);

/** Where the model that ships with dots.ts lies. */
export function shippedModelPath(): string {
  return pathOf(SHIPPED_MODEL);
}

/** The path that a name stands for; `mini` is the shipped model. Throws `UnsupportedError` for `hf:` names. */
export function resolvePath(given: string): string {
  if (given.startsWith('hf:')) {
    throw new UnsupportedError(`Cannot open ${given}: models can't be fetched from the hub yet`, {
      code: 'no-hub',
      hint: 'download the .gguf file or the folder, and give its path',
    });
  }
  return given === 'mini' ? shippedModelPath() : given;
}

/** What `open` takes -> a path, or bytes to read from. Throws `UsageError` for anything else. */
export function resolveSource(source: ModelSource): string | ByteSource {
  if (typeof source === 'string') return resolvePath(source);
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

function nameOf(blob: Blob): string {
  const { name } = blob as { readonly name?: unknown };
  return typeof name === 'string' && name !== '' ? name : 'the given bytes';
}

/** As Node's `fileURLToPath`, which a browser lacks. */
function pathOf({ pathname }: URL): string {
  const path = decodeURIComponent(pathname);
  return /^\/[A-Za-z]:\//.test(path) ? path.slice(1) : path;
}
