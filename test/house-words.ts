/**
 * Phrases that readers of this field do not use or search for, with what to write instead. The list follows the
 * examples that reviewers kept marking; add a sibling when you see one.
 */
export interface Phrase {
  readonly pattern: RegExp;
  readonly instead: string;
}

export const PHRASES: readonly Phrase[] = [
  { pattern: /\bways? (back|forward)\b/i, instead: 'backward pass, forward pass' },
  { pattern: /\b(go|goes|going|went|gone) on\b/i, instead: 'continue, complete' },
  { pattern: /\bbeginnings\b/i, instead: 'prefixes' },
  { pattern: /\b(whose next token|how much of whose)\b/i, instead: 'which sequences decode' },
  { pattern: /\bremember(s|ed|ing)?\b(?! me\b)/i, instead: 'cache, keep, record' },
  { pattern: /\b(f16|f32|q8_0|KV|cache|cached) cells?\b/i, instead: 'KV cache' },
  { pattern: /\bworks? to (its |the )?experts\b/i, instead: 'routes tokens to experts' },
  { pattern: /\b(tells?|telling|told)\b(?! me\b)/i, instead: 'report, log, print, distinguish' },
  { pattern: /\b(wanted|asked for|nobody (wants|wanted|asked))\b/i, instead: 'requested' },
  { pattern: /(?<!look-)\bbehind\b(?! a (reverse )?proxy)/i, instead: 'after' },
  { pattern: /\bbeside\b/i, instead: 'next to, compared with, in addition to' },
  {
    pattern: /(?<!\bthere )\b(is|are|was|were) no (?!longer|more|less|fewer|better|worse|one\b)\w/i,
    instead: 'is not a',
  },
  { pattern: /\banother than\b/i, instead: 'other than, non-' },
  { pattern: /\bthis often\b/i, instead: 'repetitions' },
  { pattern: /\beverything long\b/i, instead: 'every long-running call' },
  { pattern: /\bread(ing)? on\b/i, instead: 'further reading' },
  { pattern: /\b(may keep|kept of it|of it, what)\b/i, instead: 'limit, budget, capacity' },
  { pattern: /\b(dawdl\w*|(talks?|sends?|sent) nonsense)\b/i, instead: 'stalled, malformed' },
  { pattern: /\b(meets?|met)\b/i, instead: 'is multiplied by, reaches' },
  { pattern: /\bstands?\b(?!-| for\b)/i, instead: 'is' },
  { pattern: /\blikeliest\b/i, instead: 'most likely' },
  {
    pattern:
      /\b(bits?|bytes?|nats?|tokens?|documents?|keys?|objects?|rows?|lines?) an? (second|byte|token|step|line|layer|position|document)\b/i,
    instead: 'per',
  },
  { pattern: /\bprompts? (is|are|was|were) cut\b/i, instead: 'chunked prefill' },
  { pattern: /\bin (a|one) piece\b/i, instead: 'at once' },
  { pattern: /\bcomput(e|es|ed|ing)( \w+){0,2} again\b/i, instead: 'recompute' },
  { pattern: /\bgives? out\b/i, instead: 'serve' },
  { pattern: /\bfor ever\b/i, instead: 'forever' },
  { pattern: /\b(rising|falling) order\b/i, instead: 'ascending, descending' },
  { pattern: /\blet(s|ting)? go of\b/i, instead: 'release, free' },
];
