/** What people open that is not a model, each with what to do about it. */
import { type DotsError, FormatError, UnsupportedError, UsageError } from '../core/errors.ts';
import type { ByteSource } from './byte-source.ts';

export const GGUF_LETTERS = 'GGUF';

/** `model.gguf.part1of2`, `model.gguf-split-a`, `model.gguf.001`: a file that was cut without regard to its content. */
const CUT_FILE = /^(.*\.gguf)[.\-_]?(?:(?:part|split)[.\-_]?)?(\d+of\d+|\d+|[a-z]{1,2})$/i;

/** The error for one part of a file that was cut, or nothing if the name is not that of a part. */
export function cutFileError(path: string): DotsError | undefined {
  const [, whole, part] = CUT_FILE.exec(path) ?? [];
  if (whole === undefined) return undefined;
  const [, first, last] = /^(\d+)of(\d+)$/i.exec(part) ?? [];
  const stem = path.slice(0, path.length - part.length);
  const count = Number(last);
  // Named one by one: a pattern would put part10 before part2.
  const parts =
    first === undefined
      ? [`${stem}*`]
      : count <= 4
        ? Array.from({ length: count }, (_, i) => `${stem}${i + 1}of${last}`)
        : [`${stem}1of${last}`, `${stem}2of${last}`, '…', `${stem}${last}of${last}`];
  return new UsageError(`Cannot open ${path}: it is one part of ${whole}, which was cut into pieces`, {
    code: 'part-of-file',
    hint: `join the parts with cat, in their order: cat ${parts.join(' ')} > ${whole}`,
  });
}

/** The error for a file that does not begin with `GGUF`. */
export async function notGgufError(source: ByteSource): Promise<DotsError> {
  const start = await source.read(0, Math.min(64, source.size));
  const text = String.fromCharCode(...start);
  const { what, hint, isSupported = true } = recognise(start, text.trimStart());
  const message = `Cannot open ${source.name} as a model: it ${what}`;
  if (!isSupported) return new UnsupportedError(message, { code: 'unsupported-file', hint });
  const shown = Array.from(start.subarray(0, 4), (byte) => byte.toString(16).padStart(2, '0')).join(' ');
  return new FormatError(message, {
    code: 'not-gguf',
    hint,
    offset: 0,
    expected: 'a file that begins with the letters GGUF',
    found: shown === '' ? 'no bytes' : `the bytes ${shown}`,
  });
}

interface Recognised {
  readonly what: string;
  readonly hint: string;
  readonly isSupported?: boolean;
}

const CONVERT_AGAIN = 'fetch the GGUF or the safetensors release of the model, or convert it with llama.cpp';
const OLD_GGML = { what: 'has a format from before GGUF', hint: CONVERT_AGAIN, isSupported: false };
const PYTORCH = { what: 'is a PyTorch file or a zip archive', hint: CONVERT_AGAIN, isSupported: false };
const COMPRESSED = { what: 'is compressed', hint: 'decompress it first', isSupported: false };
const WEB_PAGE = {
  what: 'is a web page',
  hint: 'the download saved a page instead of the file; check the address, or log in',
};

/** By their first letters; bytes are shown as characters of the same number. */
const BEGINNINGS: readonly (readonly [string, Recognised])[] = [
  [
    'version https://git-lfs',
    { what: 'is a pointer of Git LFS, not the file itself', hint: 'run "git lfs pull" in its folder' },
  ],
  ['<!doctype', WEB_PAGE],
  ['<html', WEB_PAGE],
  ['<?xml', WEB_PAGE],
  ['lmgg', OLD_GGML],
  ['fmgg', OLD_GGML],
  ['tjgg', OLD_GGML],
  ['algg', OLD_GGML],
  ['pk\x03\x04', PYTORCH],
  ['\x80\x02', PYTORCH],
  ['\x80\x04', PYTORCH],
  ['\x1f\x8b', COMPRESSED],
  ['bzh', COMPRESSED],
  ['\xfd7zxz', COMPRESSED],
  ['\x28\xb5\x2f\xfd', COMPRESSED],
  ['{', { what: 'is a JSON file', hint: 'give the folder that holds it, or a .gguf file' }],
];

function recognise(start: Uint8Array, text: string): Recognised {
  if (start.length === 0) return { what: 'is empty', hint: 'the download failed; fetch the file again' };
  const [, found] = BEGINNINGS.find(([beginning]) => text.toLowerCase().startsWith(beginning)) ?? [];
  if (found) return found;
  // The length of its header, then a JSON object.
  if (start[8] === 0x7b && start[7] === 0)
    return { what: 'is a safetensors file', hint: 'give the folder that holds it with its config.json' };
  return { what: 'is not a GGUF file', hint: 'give a GGUF file, a Hugging Face folder, or mini' };
}

/** Throws `UnsupportedError` for GGUF files and folders that hold something other than a model. */
export function otherKindError(path: string, kind: string): DotsError {
  const kinds: Readonly<Record<string, readonly [string, string]>> = {
    adapter: [
      'is a LoRA adapter, a change to a model, not a model',
      'merge it into its base model first (llama-export-lora of llama.cpp, or merge_and_unload of PEFT)',
    ],
    mmproj: ['is the image encoder of a model', 'give the GGUF file of the language model'],
    imatrix: ['is an importance matrix', 'give the GGUF file of the model'],
  };
  const [what, hint] = kinds[kind] ?? [
    `is of type ${JSON.stringify(kind)}, not a model`,
    'give a GGUF file of a model',
  ];
  return new UnsupportedError(`Cannot open ${path}: it ${what}`, { code: 'not-a-model', hint });
}
