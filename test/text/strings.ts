/**
 * Strings of many kinds, the same on every machine: what the tokenizer is compared on with the oracle. Words come from the
 * vocabulary, everything else from a seeded generator, so no text of others is kept here.
 */
import { Random } from '../../src/core/random.ts';
import { readSpelling } from '../../src/text/byte-alphabet.ts';
import { CONTROL_TOKENS, type FixtureVocabulary, USER_DEFINED_TOKENS } from './fixture.ts';

export interface TestString {
  readonly kind: string;
  readonly text: string;
}

type Maker = (random: Random, words: Words) => string;

interface Words {
  readonly english: readonly string[];
  readonly chinese: readonly string[];
}

const SPACES = [
  ' ',
  ' ',
  ' ',
  '\t',
  '\n',
  '\r\n',
  '\r',
  '\u00a0',
  '\u3000',
  '\u2003',
  '\u0085',
  '\u2028',
  '\u000b',
  '\ufeff',
  '\u200b',
];
const COMBINING = [
  '\u0301',
  '\u0308',
  '\u0327',
  '\u0323',
  '\u20dd',
  '\u093f',
  '\u064b',
  '\u0e31',
  '\u3099',
  '\ufe0f',
];
const EMOJI = ['😀', '🎉', '👍🏽', '👩‍👩‍👧‍👦', '🇨🇳', '🇬🇧', '❤️', '☃', '🏴󠁧󠁢󠁥󠁮󠁧󠁿', '✈️', '1️⃣', '𝕏', '🫠'];
const DIGITS = ['0', '1', '2', '3', '9', '0', '٣', '९', '５', '½', '²', 'Ⅷ', '①', '〇', '𝟗', '𑁦'];
const PUNCTUATION = [
  ',',
  '.',
  '!',
  '?',
  ';',
  ':',
  '…',
  '—',
  '"',
  "'",
  '(',
  ')',
  '[',
  ']',
  '，',
  '。',
  '！',
  '？',
  '、',
  '《',
  '》',
  '“',
  '”',
  '·',
  '~',
  '^',
  '_',
  '\\',
  '/',
  '@',
  '#',
  '$',
  '%',
  '&',
  '*',
  '+',
  '=',
  '<',
  '>',
  '|',
  '`',
  '€',
  '№',
  '°',
];
const CONTRACTIONS = [
  "'s",
  "'S",
  "'t",
  "'T",
  "'re",
  "'RE",
  "'Re",
  "'ve",
  "'m",
  "'M",
  "'ll",
  "'lL",
  "'d",
  "'D",
  "'ſ",
  "'l",
  "'r",
  "'x",
  '’s',
  "''s",
  "' s",
];
const LETTERS = [
  'a',
  'é',
  'ß',
  'Ж',
  'λ',
  'ħ',
  'ꙮ',
  'अ',
  'ก',
  'ا',
  'ש',
  'あ',
  'ア',
  '가',
  '中',
  '的',
  '𠀀',
  '𝒜',
  'ǅ',
  'ﬁ',
  'ª',
  'ͺ',
];

// Blocks whose normalisation no Unicode version since 12 has changed, so that NFC agrees on every JavaScript engine.
const BLOCKS: readonly (readonly [number, number])[] = [
  [0x0000, 0x086f],
  [0x0900, 0x1aaf],
  [0x1b00, 0x1dbf],
  [0x1e00, 0xd7ff],
  [0xe000, 0xffff],
  [0x10000, 0x10d3f],
  [0x11000, 0x1137f],
  [0x1d100, 0x1d7ff],
  [0x1f000, 0x1faff],
  [0x20000, 0x2a6df],
  [0xe0000, 0xe01ef],
  [0xf0000, 0xf00ff],
];

function pick<T>(random: Random, items: readonly T[]): T {
  return items[random.below(items.length)];
}

function repeat(random: Random, most: number, make: () => string): string {
  let text = '';
  for (let left = 1 + random.below(most); left > 0; left--) text += make();
  return text;
}

function capital(word: string): string {
  return word.charAt(0).toUpperCase() + word.slice(1);
}

const english: Maker = (random, words) =>
  repeat(random, 30, () => {
    let word = pick(random, words.english);
    const form = random.below(20);
    if (form === 0) word = capital(word);
    else if (form === 1) word = word.toUpperCase();
    else if (form === 2) word += pick(random, CONTRACTIONS);
    else if (form === 3) word = `${pick(random, PUNCTUATION)}${word}`;
    else if (form === 4) word += `-${pick(random, words.english)}`;
    return word + pick(random, [' ', ' ', ' ', ' ', ' ', ', ', '. ', '; ', '\n', '! ', ' (', ') ']);
  });

const chinese: Maker = (random, words) =>
  repeat(
    random,
    30,
    () =>
      pick(random, words.chinese) +
      pick(random, ['', '', '', '', '，', '。', '、', '？', '\n', '：“', '”'] as const),
  );

const code: Maker = (random, words) => {
  const name = () => {
    const parts = Array.from({ length: 1 + random.below(3) }, () => pick(random, words.english));
    return pick(random, [
      parts.join('_'),
      parts.map(capital).join(''),
      parts[0] + parts.slice(1).map(capital).join(''),
    ]);
  };
  const value = () =>
    pick(random, [
      name(),
      String(random.below(100_000)),
      `0x${random.uint32().toString(16)}`,
      `"${name()}"`,
      `${name()}[i]`,
      `${name()}(${name()}, ${random.below(9)})`,
      '3.14e-5',
      "'\\n'",
      'null',
      '`$x`',
    ]);
  return repeat(random, 10, () => {
    const indent = pick(random, ['', '  ', '    ', '        ', '\t', '\t\t']);
    const line = pick(random, [
      `const ${name()} = ${value()};`,
      `if (${name()} ${pick(random, ['==', '===', '!=', '<=', '>=', '&&', '||'])} ${value()}) {`,
      `}`,
      `def ${name()}(${name()}: int) -> ${name()}:`,
      `#include <${name()}.h>`,
      `// ${name()} ${name()}`,
      `/* ${name()} */`,
      `${name()} += ${value()} * ${value()} >> 2;`,
      `<div class="${name()}">${name()}</div>`,
      `{"${name()}": [${value()}, ${value()}]}`,
      `${name()}->${name()}::${name()}<${name()}>`,
      `SELECT ${name()} FROM ${name()} WHERE id = ${value()};`,
      `https://${name()}.example/${name()}?q=${random.below(999)}&x=%20`,
    ]);
    return `${indent}${line}${pick(random, ['\n', '\n', '\r\n', '\n\n', ' '])}`;
  });
};

const emoji: Maker = (random, words) =>
  repeat(random, 12, () =>
    pick(random, [
      () => pick(random, EMOJI),
      () => pick(random, LETTERS) + repeat(random, 3, () => pick(random, COMBINING)),
      () => pick(random, COMBINING),
      () => ` ${pick(random, words.english)}`,
      () => pick(random, words.chinese),
      () => pick(random, SPACES) + pick(random, EMOJI),
      () => '\u200d',
    ])(),
  );

const whitespace: Maker = (random, words) =>
  repeat(random, 8, () => {
    const run = repeat(random, random.below(4) === 0 ? 40 : 5, () => pick(random, SPACES));
    return (
      run +
      pick(random, [
        '',
        '',
        pick(random, words.english),
        pick(random, PUNCTUATION),
        pick(random, DIGITS),
        '中',
      ])
    );
  });

const digits: Maker = (random) =>
  repeat(random, 8, () => {
    const run = repeat(random, 12, () => pick(random, DIGITS));
    return run + pick(random, ['', ' ', '.', ',', '-', ':', '%', 'kg', '年', '\n']);
  });

const control: Maker = (random, words) =>
  repeat(random, 8, () => {
    const token = pick(random, [...CONTROL_TOKENS, ...USER_DEFINED_TOKENS]);
    const cut = random.below(token.length);
    return pick(random, [
      token,
      token,
      token,
      token.slice(0, cut),
      token.slice(cut),
      token.toUpperCase(),
      `${token.slice(0, cut)}${token}${token.slice(cut)}`,
      `<${token}>`,
      `${token}\u0338`,
      ` ${token} `,
      `${pick(random, words.english)} `,
      pick(random, words.chinese),
      '\n',
      '',
    ]);
  });

const surrogates: Maker = (random, words) =>
  repeat(random, 8, () =>
    pick(random, [
      String.fromCharCode(0xd800 + random.below(0x800)),
      String.fromCharCode(0xdc00 + random.below(0x400), 0xd800 + random.below(0x400)),
      pick(random, EMOJI).slice(1),
      pick(random, words.english),
      pick(random, words.chinese),
      ' ',
      "'",
      '\u0301',
      '9',
    ]),
  );

const anyUnicode: Maker = (random) =>
  repeat(random, 24, () => {
    const [first, last] = pick(random, BLOCKS);
    return String.fromCodePoint(first + random.below(last - first + 1));
  });

const ascii: Maker = (random) => repeat(random, 60, () => String.fromCharCode(random.below(128)));

const runs: Maker = (random) => {
  const char = pick(random, [
    'a',
    'e',
    'A',
    ' ',
    '\n',
    '\t',
    '中',
    '哈',
    '=',
    '-',
    '!',
    '.',
    '0',
    '😀',
    '\u0301',
    '\r\n',
    'é',
    'ab',
    'ha',
    '的 ',
    "'s",
    '\ud800',
  ]);
  return (
    char.repeat(1 + random.below(random.below(20) === 0 ? 6000 : 300)) + pick(random, ['', 'x', ' x', '\n'])
  );
};

const longWords: Maker = (random, words) =>
  repeat(random, 200, () => pick(random, random.below(2) === 0 ? words.english : words.chinese));

const KINDS: readonly (readonly [kind: string, count: number, make: Maker])[] = [
  ['english', 4000, english],
  ['chinese', 4000, chinese],
  ['code', 2500, code],
  ['emoji', 2000, emoji],
  ['whitespace', 2500, whitespace],
  ['digits', 1000, digits],
  ['control', 2500, control],
  ['surrogates', 1000, surrogates],
  ['unicode', 2000, anyUnicode],
  ['ascii', 1000, ascii],
  ['runs', 500, runs],
  ['long-words', 300, longWords],
];

const MILLION_OF = ['a', ' ', '\n', '中', '!', '7'];

/** About 25,000 strings; the same for the same vocabulary. */
export function testStrings(vocabulary: FixtureVocabulary): TestString[] {
  const random = new Random(20_250_606);
  const words = findWords(vocabulary);
  const strings: TestString[] = [{ kind: 'empty', text: '' }];
  for (const [kind, count, make] of KINDS) {
    for (let i = 0; i < count; i++) strings.push({ kind, text: make(random, words) });
  }
  for (let i = 0; i < 2000; i++) {
    const text = repeat(random, 5, () => pick(random, KINDS.slice(0, 9))[2](random, words).slice(0, 80));
    strings.push({ kind: 'mixed', text });
  }
  for (const char of MILLION_OF) {
    strings.push({
      kind: 'million',
      text: char.repeat(Math.ceil(1e6 / new TextEncoder().encode(char).length)),
    });
  }
  return strings;
}

function findWords({ tokens, tokenTypes }: FixtureVocabulary): Words {
  const english: string[] = [];
  const chinese: string[] = [];
  const bytes = new Uint8Array(1024);
  const decoder = new TextDecoder();
  for (const [id, token] of tokens.entries()) {
    if (tokenTypes[id] !== 1) continue;
    const text = decoder.decode(bytes.subarray(0, readSpelling(token, bytes, 0)));
    if (/^ [A-Za-z]{2,}$/.test(text)) english.push(text.slice(1));
    else if (/^[\u4e00-\u9fff]{1,4}$/.test(text)) chinese.push(text);
  }
  return { english, chinese };
}
