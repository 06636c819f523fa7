import { describe, expect, test } from 'vitest';
import { Random } from '../../src/core/random.ts';
import { createPreTokenizer, type PreTokenizer, QWEN2 } from '../../src/text/pre-tokenizer.ts';
import { preTokenizerByName } from '../../src/text/pre-tokenizer-names.ts';
import { isolate } from '../../src/text/split-step.ts';
import { CODE_POINT_CLASSES, LETTER, NEWLINE, NUMBER, SPACE } from '../../src/text/unicode-classes.ts';

const QWEN2_PATTERN = String.raw`(?i:'s|'t|'re|'ve|'m|'ll|'d)|[^\r\n\p{L}\p{N}]?\p{L}+|\p{N}| ?[^\s\p{L}\p{N}]+[\r\n]*|\s*[\r\n]+|\s+(?!\S)|\s+`;
const LLAMA3_PATTERN = QWEN2_PATTERN.replace('|\\p{N}|', '|\\p{N}{1,3}|');

const named = (name: string): PreTokenizer => createPreTokenizer(preTokenizerByName(name).steps);
const cutBy = (pattern: string): PreTokenizer => createPreTokenizer([isolate(pattern)]);

function pieces(preTokenizer: PreTokenizer, text: string): string[] {
  const result: string[] = [];
  for (let start = 0, end: number; start < text.length; start = end) {
    end = preTokenizer.pieceEnd(text, start);
    result.push(text.slice(start, end));
  }
  return result;
}

// Compared with Hugging Face tokenizers.
const CASES: readonly (readonly [string, readonly string[]])[] = [
  ['Hello, world!', ['Hello', ',', ' world', '!']],
  ["I'll don't WE'RE", ['I', "'ll", ' don', "'t", ' WE', "'RE"]],
  ['x = 12345;', ['x', ' =', ' ', '1', '2', '3', '4', '5', ';']],
  ['  two  spaces\n\n next', [' ', ' two', ' ', ' spaces', '\n\n', ' next']],
  ['a\r\n\tb', ['a', '\r\n', '\tb']],
  ['你好,世界!2024年', ['你好', ',世界', '!', '2', '0', '2', '4', '年']],
  ['foo(bar)\n\n', ['foo', '(bar', ')\n\n']],
  ['end   ', ['end', '   ']],
  ['3.14 abc123', ['3', '.', '1', '4', ' abc', '1', '2', '3']],
  ["'Tis", ["'T", 'is']],
  [' e\u0301', [' e', '\u0301']],
  ['\ufeffbom', ['\ufeffbom']],
  ['a\u0085b', ['a', '\u0085b']],
  [' \n \n x', [' \n \n', ' x']],
  ['½ ² Ⅷ ٣', ['½', ' ', '²', ' ', 'Ⅷ', ' ', '٣']],
  // Folding case makes the long s an s, but only where the pattern ignores case.
  ["'ſxy", ["'ſ", 'xy']],
  ["it'Sſ", ['it', "'S", 'ſ']],
  ["''s", ["''", 's']],
  ["a'", ['a', "'"]],
  ['😀b 😀 c', ['😀b', ' 😀', ' c']],
];

describe('pre-tokenizer', () => {
  test.each(CASES)('qwen2 cuts %j as the reference does', (text, expected) => {
    expect(pieces(QWEN2, text)).toEqual(expected);
  });

  // The engine's own \p{L} may know younger letters than the tables, so the regular expression gets the tables' classes.
  function engineAgrees(code: number): boolean {
    const char = String.fromCodePoint(code);
    const own = code < CODE_POINT_CLASSES.length ? CODE_POINT_CLASSES[code] : 0;
    const isSpace = own === SPACE || own === NEWLINE;
    return (
      /\p{L}/u.test(char) === (own === LETTER) &&
      /\p{N}/u.test(char) === (own === NUMBER) &&
      /\p{White_Space}/u.test(char) === isSpace
    );
  }

  test('the character classes are those of this engine, but for letters and numbers assigned since', () => {
    const missing: number[] = [];
    const wrong: number[] = [];
    for (let code = 0; code < 0x110000; code++) {
      if (engineAgrees(code)) continue;
      const own = CODE_POINT_CLASSES[code] ?? 0;
      // An older engine may not know a letter of the tables yet.
      if (own !== 0 && /\p{Cn}/u.test(String.fromCodePoint(code))) continue;
      (own === 0 ? missing : wrong).push(code);
    }
    expect(wrong).toEqual([]);
    expect(Math.min(0x110000, ...missing)).toBeGreaterThan(0x800);
  });

  function regexOf(maxDigits: 1 | 3): RegExp {
    const number = maxDigits === 1 ? '\\p{N}' : '\\p{N}{1,3}';
    return new RegExp(
      `'[sSſ]|'[tT]|'[rR][eE]|'[vV][eE]|'[mM]|'[lL][lL]|'[dD]|[^\\r\\n\\p{L}\\p{N}]?\\p{L}+|${number}` +
        '| ?[^\\p{White_Space}\\p{L}\\p{N}]+[\\r\\n]*|\\p{White_Space}*[\\r\\n]+' +
        '|\\p{White_Space}+(?!\\P{White_Space})|\\p{White_Space}+',
      'gu',
    );
  }

  const ALPHABETS = [
    "ab'sStTrReEvVmMlLdD ſ",
    " \t\n\r\u0085\u00a0\u3000\u2028\ufeffa1.'",
    "aé中😀𠀀1½'.,!\u0301 \n",
    '\ud800\udc00\udbff\udfffa 1',
  ];

  test.each([1, 3] as const)(
    'the scanner cuts like the regular expression, %i digits a piece',
    (maxDigits) => {
      const random = new Random(7 + maxDigits);
      const preTokenizer = maxDigits === 1 ? QWEN2 : named('llama-bpe');
      const regex = regexOf(maxDigits);
      for (let round = 0; round < 20_000; round++) {
        const alphabet = ALPHABETS[round % ALPHABETS.length];
        let text = '';
        for (let left = random.below(12); left >= 0; left--) {
          const code = random.below(0x32400);
          if (random.below(8) === 0 && engineAgrees(code)) text += String.fromCodePoint(code);
          else text += alphabet[random.below(alphabet.length)];
        }
        const found = pieces(preTokenizer, text);
        if (found.join('\0') !== text.match(regex)!.join('\0'))
          expect({ text, found }).toEqual(text.match(regex));
      }
    },
  );

  test('gpt-2 keeps digits together and never glues punctuation to letters', () => {
    expect(pieces(named('gpt-2'), "it's (foo) 2024\n\n x")).toEqual([
      'it',
      "'s",
      ' (',
      'foo',
      ')',
      ' 2024',
      '\n\n',
      ' x',
    ]);
    expect(pieces(named('gpt2'), "IT'S")).toEqual(['IT', "'", 'S']);
  });

  test('the patterns that have a scanner are those of the published files', () => {
    expect(QWEN2.steps).toEqual([isolate(QWEN2_PATTERN)]);
    expect(preTokenizerByName('qwen2').steps).toEqual(QWEN2.steps);
    expect(preTokenizerByName('llama-bpe').steps).toEqual([isolate(LLAMA3_PATTERN)]);
  });

  test('a pattern means what it means to Oniguruma', () => {
    expect(pieces(cutBy(String.raw`\p{N}{2}|[^\p{N}]+?`), 'ab12345')).toEqual(['a', 'b', '12', '34', '5']);
    expect(pieces(cutBy(String.raw`(?i:as|K)|\s`), 'xaſ\u212ak\u0085y')).toEqual([
      'x',
      'aſ',
      '\u212a',
      'k',
      '\u0085',
      'y',
    ]);
  });

  test.each([
    String.raw`\w+`,
    String.raw`\p{Han}+`,
    '[[:alpha:]]+',
    '[a-z&&[^b]]',
    'a++',
    '(?<=a)b',
    '.+',
    '^a',
    '(?i:ss)',
    '(?i:[a-z])',
    '(a',
    'a)',
    '[a',
    'a*',
    '[b-a]',
  ])('createPreTokenizer() refuses %s rather than guess', (pattern) => {
    expect(() => cutBy(pattern)).toThrowError(
      expect.objectContaining({ name: 'UnsupportedError', code: 'unsupported-pre-tokenizer' }),
    );
  });

  test('preTokenizerByName() refuses a name it does not know, and names it', () => {
    expect(() => preTokenizerByName('kimi-k2')).toThrowError(
      expect.objectContaining({
        name: 'UnsupportedError',
        code: 'unsupported-pre-tokenizer',
        message: expect.stringContaining('"kimi-k2"'),
      }),
    );
  });
});
