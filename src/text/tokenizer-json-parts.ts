/** Reading parts of a `tokenizer.json`: what they have to be, and the errors that say what they are. */
import { FormatError, UnsupportedError } from '../core/errors.ts';
import type { JsonObject } from '../format/hf-folder.ts';

/** A step of `tokenizer.json`, or the steps of a `Sequence`, whose list is called `members`. */
export function flatten(value: unknown, members: string): JsonObject[] {
  if (value === undefined || value === null) return [];
  const step = asObject(value, members);
  if (step.type !== 'Sequence') return [step];
  return asArray(step[members], members).flatMap((member) => flatten(member, members));
}

export function typeOf(value: unknown): string {
  return isObject(value) ? String(value.type) : typeof value;
}

export function isObject(value: unknown): value is JsonObject {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}

/** Throws `FormatError`, as `asArray`. */
export function asObject(value: unknown, where: string): JsonObject {
  if (isObject(value)) return value;
  throw malformed(where, 'an object', value === undefined ? 'nothing' : typeof value);
}

export function asArray(value: unknown, where: string): readonly unknown[] {
  if (Array.isArray(value)) return value;
  throw malformed(where, 'a list', value === undefined ? 'nothing' : typeof value);
}

export function malformed(where: string, expected: string, found: string): FormatError {
  return new FormatError(`Cannot read ${where} in tokenizer.json: expected ${expected}, found ${found}`, {
    code: 'bad-tokenizer-json',
    hint: 'take the file from the model again',
    expected,
    found,
  });
}

export function unsupported(what: string): UnsupportedError {
  return new UnsupportedError(`Cannot use tokenizer.json: it has ${what}`, {
    code: 'unsupported-tokenizer',
    hint: 'byte-level BPE tokenizers, such as those of GPT-2, Llama 3, Qwen and SmolLM, are supported',
  });
}
