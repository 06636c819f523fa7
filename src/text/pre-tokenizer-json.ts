/** `pre_tokenizer` of a `tokenizer.json`: read into steps, and steps written back. */
import { UnsupportedError } from '../core/errors.ts';
import type { JsonObject } from '../format/hf-folder.ts';
import { compilePattern } from './pre-tokenizer-pattern.ts';
import { GPT2_PATTERN, isolate, type SplitBehavior, type SplitStep } from './split-step.ts';
import { flatten, isObject, unsupported } from './tokenizer-json-parts.ts';

export interface JsonPreTokenizer {
  readonly steps: readonly SplitStep[];
  /** Texts that don't begin with a space get one. */
  readonly prefixSpace: boolean;
}

const BEHAVIORS: readonly unknown[] = [
  'Isolated',
  'Contiguous',
  'MergedWithPrevious',
  'MergedWithNext',
] satisfies SplitBehavior[];

// `[`, `\`, `]`, `^`, `_` and the backquote are one range.
const PUNCTUATION = '[!-/:-@\\[-`{-~\\p{P}]';

/** Throws `UnsupportedError` for steps that don't end in `ByteLevel` or whose effect we don't reproduce. */
export function readPreTokenizer(value: unknown): JsonPreTokenizer {
  const steps: SplitStep[] = [];
  const parts = flatten(value, 'pretokenizers');
  const last = parts.at(-1);
  if (last?.type !== 'ByteLevel') throw unsupported('a pre-tokenizer without ByteLevel at its end');
  for (const part of parts) {
    const known = part === last ? byteLevelSteps(part) : cuttingStep(part);
    if (!known) throw unsupported(`the pre-tokenizer ${JSON.stringify(part)}`);
    steps.push(...known);
  }
  const prefixSpace = last.add_prefix_space === true;
  // Each piece would get one.
  if (prefixSpace && parts.length > 1) throw unsupported('a prefix space after other pre-tokenizers');
  return { steps, prefixSpace };
}

/** The steps as `Split`, then `ByteLevel`, which spells the bytes. Throws `UnsupportedError` where there is no such file. */
export function preTokenizerToJson(steps: readonly SplitStep[], prefixSpace = false): JsonObject {
  if (prefixSpace) {
    // `ByteLevel` puts the space first and cuts then; steps before it would get one for each piece.
    if (isGpt2(steps)) return { ...byteLevelJson(), add_prefix_space: true, use_regex: true };
    throw new UnsupportedError(
      'Cannot write a tokenizer.json that puts a space before texts and cuts them by another pattern than GPT-2',
      {
        code: 'unsupported-tokenizer',
        hint: 'use the GGUF file as it is',
      },
    );
  }
  return {
    type: 'Sequence',
    pretokenizers: [
      ...steps.map(({ pattern, behavior }) => ({
        type: 'Split',
        pattern: { Regex: pattern },
        behavior,
        invert: false,
      })),
      byteLevelJson(),
    ],
  };
}

/** As pre-tokenizer, post-processor and decoder alike. */
export function byteLevelJson(): JsonObject {
  return { type: 'ByteLevel', add_prefix_space: false, trim_offsets: false, use_regex: false };
}

function isGpt2(steps: readonly SplitStep[]): boolean {
  return steps.length === 1 && steps[0].pattern === GPT2_PATTERN && steps[0].behavior === 'Isolated';
}

function byteLevelSteps(part: JsonObject): SplitStep[] | undefined {
  if (part.type !== 'ByteLevel') return undefined;
  return part.use_regex === false ? [] : [isolate(GPT2_PATTERN)];
}

function cuttingStep(part: JsonObject): SplitStep[] | undefined {
  switch (part.type) {
    case 'Split':
      return splitSteps(part);
    case 'Digits':
      return [isolate(part.individual_digits === true ? String.raw`\p{N}` : String.raw`\p{N}+`)];
    case 'Punctuation': {
      const behavior = part.behavior ?? 'Isolated';
      return isBehavior(behavior) ? [{ pattern: PUNCTUATION, behavior }] : undefined;
    }
    default:
      return undefined;
  }
}

function splitSteps(part: JsonObject): SplitStep[] | undefined {
  const { behavior } = part;
  const given = isObject(part.pattern) ? part.pattern : {};
  const pattern = typeof given.String === 'string' ? escapePattern(given.String) : given.Regex;
  if (typeof pattern !== 'string') return undefined;
  if (part.invert !== true) return isBehavior(behavior) ? [{ pattern, behavior }] : undefined;
  // Matches and what lies between them change places: nothing changes where both are kept apart.
  if (behavior === 'Isolated' || behavior === 'Contiguous') return [{ pattern, behavior }];
  // "Remove all but the matches" is how some files say "keep each match", with a pattern that matches everything.
  return behavior === 'Removed' && matchesEverything(pattern) ? [isolate(pattern)] : undefined;
}

/** Letters, digits, marks, punctuation, symbols, spaces, controls, private and unassigned characters, each alone. */
function matchesEverything(pattern: string): boolean {
  const regex = compilePattern(pattern);
  return [
    'a',
    'Z',
    'é',
    '中',
    'ʰ',
    'ǅ',
    '7',
    '½',
    'Ⅷ',
    '\u0301',
    '\u0903',
    '.',
    "'",
    '«',
    '»',
    '_',
    '-',
    '+',
    '€',
    '^',
    '©',
  ]
    .concat([' ', '\t', '\n', '\r', '\u0085', '\u2028', '\u0000', '\u200b', '\ue000', '\u{10ffff}', '😀'])
    .every((char) => char.match(regex)?.[0] === char);
}

function isBehavior(value: unknown): value is SplitBehavior {
  return BEHAVIORS.includes(value);
}

function escapePattern(text: string): string {
  return text.replace(/[\\^$.*+?()[\]{}|/]/g, '\\$&');
}
