import { describe, expect, it } from 'vitest';
import { FactsMaker, type RuleDocument } from '../../../src/data/filter/document-facts.ts';
import type { RuleContext } from '../../../src/data/filter/rule.ts';
import { ruleConfig } from '../../../src/data/filter/rule-config.ts';
import { DOCUMENT_RULES, LINE_RULES } from '../../../src/data/filter/rules.ts';
import { checkRule } from '../../../src/data/filter/run-rules.ts';

const { stopWords } = ruleConfig();
const maker = new FactsMaker();

const lines = (...counts: (readonly [number, (i: number) => string])[]): string =>
  counts.flatMap(([count, line]) => Array.from({ length: count }, (_, i) => line(i))).join('\n');
const words = (count: number, word = (i: number): string => `w${i}`): string =>
  Array.from({ length: count }, (_, i) => word(i)).join(' ');
/** Different words of that many characters in all. */
function filler(length: number): string {
  let text = '';
  for (let i = 0; text.length < length; i++) text += `f${i} `;
  return `${text.slice(0, length - 1)}z`;
}
const around = (part: string, between: number, separator = ' '): string =>
  [part, filler(between), part].join(separator);
const letters = 'abcdefghij';
/** A run of n different words of two letters, twice, in a text of that many characters. */
const twice = (n: number, length: number): string => {
  const run = words(n, (i) => `${letters[i]}x`);
  return around(run, length - 2 * run.length - 2);
};
const han = (count: number): string =>
  Array.from({ length: count }, (_, i) => String.fromCodePoint(0x4e00 + i)).join('');

type Case = string | RuleDocument | { readonly text: string; readonly removedShare: number };

/** For each rule a document at its limit, which stays, and one just past it. */
const BORDERS: Readonly<Record<string, readonly [kept: Case, removed: Case]>> = {
  'title-reports-an-error': [
    { text: 'x', title: 'Errors 404 explained' },
    { text: 'x', title: '404 Not Found' },
  ],
  'title-names-a-form': [
    { text: 'x', title: 'Login times of athletes'.replace('Login', 'Logging') },
    { text: 'x', title: 'Log in | Example' },
  ],
  'address-names-a-form': [
    { text: 'x', url: 'https://a.example/research/cartography' },
    { text: 'x', url: 'https://a.example/search?q=x' },
  ],
  'empty-text': ['a', '— * —'],
  'too-many-unusual-characters': [`${filler(199)}\ufffd`, `${filler(198)}\ufffd\ue000`],
  'too-few-letters': ['ab12', 'ab123'],
  'too-much-text-in-one-word': [
    `${'x'.repeat(200)} ${words(400, () => 'y')} `.padEnd(1000, ' y').slice(0, 1000),
    `${'x'.repeat(201)} ${words(400, () => 'y')} `.padEnd(1000, ' y').slice(0, 1000),
  ],
  'mostly-web-addresses': [
    lines([3, (i) => `https://a.example/${i}`], [7, (i) => `text ${i}`]),
    lines([4, (i) => `https://a.example/${i}`], [6, (i) => `text ${i}`]),
  ],
  'shows-a-difference-of-versions': [
    lines([1, () => '@@ -1,2 +1,3 @@'], [9, (i) => `text ${i}`]),
    lines([1, () => '@@ -1,2 +1,3 @@'], [1, () => '+added'], [8, (i) => `text ${i}`]),
  ],
  'too-little-chinese': [
    { text: `${han(3)}abcdefg`, language: 'zh' },
    { text: `${han(2)}abcdefgh`, language: 'zh' },
  ],
  'too-many-duplicate-paragraphs': [
    lines([7, (i) => `p${i}\n`], [3, () => 'p0\n']),
    lines([6, (i) => `p${i}\n`], [4, () => 'p0\n']),
  ],
  'too-much-text-in-duplicate-paragraphs': [around(filler(20), 56, '\n\n'), around(filler(20), 55, '\n\n')],
  'too-many-duplicate-lines': [
    lines([7, (i) => `p${i}`], [3, () => 'p0']),
    lines([6, (i) => `p${i}`], [4, () => 'p0']),
  ],
  'too-much-text-in-duplicate-lines': [around(filler(20), 58, '\n'), around(filler(20), 57, '\n')],
  'too-much-text-in-top-2-gram': [twice(2, 50), twice(2, 49)],
  'too-much-text-in-top-3-gram': [twice(3, 89), twice(3, 88)],
  'too-much-text-in-top-4-gram': [twice(4, 138), twice(4, 137)],
  'too-much-text-in-duplicate-5-grams': [twice(5, 67), twice(5, 66)],
  'too-much-text-in-duplicate-6-grams': [twice(6, 86), twice(6, 85)],
  'too-much-text-in-duplicate-7-grams': [twice(7, 108), twice(7, 107)],
  'too-much-text-in-duplicate-8-grams': [twice(8, 134), twice(8, 133)],
  'too-much-text-in-duplicate-9-grams': [twice(9, 164), twice(9, 163)],
  'too-much-text-in-duplicate-10-grams': [twice(10, 200), twice(10, 199)],
  'too-few-words': [`${words(50)} . ! ?`, `${words(49)} . ! ?`],
  'too-many-words': [words(100_000), words(100_001)],
  'words-too-short': [words(60, () => 'abc'), `${words(59, () => 'abc')} ab`],
  'words-too-long': [words(50, () => 'abcdefghij'), `${words(49, () => 'abcdefghij')} abcdefghijk`],
  'too-many-hashes': [`${words(90)} ${words(10, () => '#')}`, `${words(89)} ${words(11, () => '#')}`],
  'too-many-ellipses': [`${words(90)} ${words(10, () => '...')}`, `${words(89)} ${words(11, () => '…')}`],
  'too-many-bullet-lines': [
    lines([9, (i) => `- ${i}`], [1, () => 'text']),
    lines([9, (i) => ` • ${i}`], [1, () => '-']),
  ],
  'too-many-ellipsis-lines': [
    lines([3, (i) => `${i} ...`], [7, (i) => `${i}`]),
    lines([4, (i) => `${i} … `], [6, (i) => `${i}`]),
  ],
  'too-few-words-with-letters': [
    `${words(80)} ${words(20, () => '1')}`,
    `${words(79)} ${words(21, () => '1')}`,
  ],
  'too-few-stop-words': ['the cat of', 'the The of'.replace('of', 'off')],
  'holds-placeholder-text': ['lorem upsum', 'Lorem Ipsum'],
  'holds-a-curly-bracket': ['}', '{'],
  'too-few-sentences': ['A. B. C. D.\nE'.replaceAll(/[A-E]/g, 'Words'), 'Words. Words. Words. Words'],
  'too-much-text-in-removed-lines': [
    { text: 'x', removedShare: 0.05 },
    { text: 'x', removedShare: 0.051 },
  ],
  'mostly-prompts': [
    lines([3, () => 'Sign in'], [7, (i) => `text ${i}`]),
    lines([4, () => 'Subscribe now!'], [6, (i) => `text ${i}`]),
  ],
  'too-few-lines-with-end-marks': [
    lines([3, () => 'End.'], [22, () => 'no end']),
    lines([2, () => 'End?'], [23, () => 'no end']),
  ],
  'too-many-short-lines': [
    lines([67, () => 'x'.repeat(30)], [33, () => 'x'.repeat(31)]),
    lines([68, () => 'x'.repeat(30)], [32, () => 'x'.repeat(31)]),
  ],
  'too-much-text-in-repeated-lines': [around('ab', 196, '\n'), around('ab', 195, '\n')],
  'too-many-line-breaks': [`${words(7)}\na\nb\nc`, `${words(6)}\na\nb\nc\nd`],
};

describe('every rule of documents', () => {
  it.each(DOCUMENT_RULES.map((rule) => [rule.name, rule] as const))(
    '%s keeps what is at its limit',
    (name, rule) => {
      const [kept, removed] = BORDERS[name];
      const check = (value: Case) => {
        const document: RuleDocument =
          typeof value === 'string' ? { text: value, language: 'en' } : { language: 'en', ...value };
        const removedShare = typeof value === 'object' && 'removedShare' in value ? value.removedShare : 0;
        const context: RuleContext = { stopWords, removedShare };
        return checkRule(rule, maker.factsOf(document), context);
      };
      expect(check(kept)).toBeUndefined();
      expect(check(removed)).toMatchObject({ rule: name });
    },
  );

  it('has a border case', () => {
    expect(Object.keys(BORDERS).sort()).toEqual(DOCUMENT_RULES.map(({ name }) => name).sort());
  });

  it('has a name of its own, true when read aloud of what is removed', () => {
    const names = [...DOCUMENT_RULES, ...LINE_RULES].map(({ name }) => name);
    expect(new Set(names).size).toBe(names.length);
    for (const name of names)
      expect(name).toMatch(/^(?:too|words|mostly|holds|shows|title|address|empty|line)-[a-z0-9-]+$/);
  });
});

/** For each rule of lines one that stays and one that goes. */
const LINES: Readonly<Record<string, readonly [kept: string, removed: string]>> = {
  'line-has-an-overlong-word': ['x'.repeat(1000), 'x'.repeat(1001)],
  'line-has-no-end-mark': ['It ends.', 'It continues...'],
  'line-has-too-few-words': ['one two three', 'one two'],
  'line-mentions-javascript': ['about java scripts', 'Enable JavaScript to continue'],
  'line-states-a-policy': ['a policy of privacy', 'This site uses cookies'],
  'line-is-mostly-upper-case': ['ABcd', 'ABCde'],
  'line-is-a-number': ['1 a', '1,234 / 5 %'],
  'line-is-a-counter': ['3 dogs', '3 likes'],
  'line-is-a-single-word': ['two words', 'word'],
  'line-is-a-prompt': [`${'x'.repeat(75)} sign in`, 'Please sign in'],
};

describe('every rule of lines', () => {
  it.each(LINE_RULES.map((rule) => [rule.name, rule] as const))('%s removes what it names', (name, rule) => {
    const [kept, removed] = LINES[name];
    expect(rule.removes(kept, rule.limits.spaced as number, 'spaced')).toBe(false);
    expect(rule.removes(removed, rule.limits.spaced as number, 'spaced')).toBe(true);
  });

  it('knows the same of Chinese', () => {
    const removes = (name: string, line: string): boolean => {
      const rule = LINE_RULES.find((one) => one.name === name);
      return rule?.removes(line, rule.limits.han ?? 1, 'han') ?? false;
    };
    expect(removes('line-is-a-counter', '1234次阅读')).toBe(true);
    expect(removes('line-is-a-counter', '他有128本书')).toBe(false);
    expect(removes('line-states-a-policy', '请阅读隐私政策')).toBe(true);
    expect(removes('line-is-a-prompt', '扫码关注我们')).toBe(true);
    expect(removes('line-has-too-few-words', '下一页')).toBe(true);
    expect(removes('line-has-no-end-mark', '结束。')).toBe(false);
  });
});

describe('Chinese text', () => {
  const check = (name: string, text: string, language?: string) => {
    const rule = DOCUMENT_RULES.find((one) => one.name === name);
    return checkRule(rule!, maker.factsOf({ text, ...(language && { language }) }), {
      stopWords,
      removedShare: 0,
    });
  };

  it('is counted in characters', () => {
    expect(check('too-few-words', `${han(100)}。！`)).toBeUndefined();
    expect(check('too-few-words', `${han(99)}。！`)).toMatchObject({ value: 99, limit: 100 });
  });

  it('is recognised by its script where no language is given', () => {
    expect(maker.factsOf({ text: '中文text' }).script).toBe('han');
    expect(maker.factsOf({ text: '中text text text' }).script).toBe('spaced');
    expect(maker.factsOf({ text: 'text', language: 'zh' }).script).toBe('han');
    expect(maker.factsOf({ text: '中文', language: 'en' }).script).toBe('spaced');
  });

  it('has its own stop list', () => {
    expect(check('too-few-stop-words', '我的书', 'zh')).toBeUndefined();
    expect(check('too-few-stop-words', '我我书', 'zh')).toMatchObject({ value: 1 });
  });

  it('is compared in runs of 1.6 times as many characters', () => {
    const run = han(8); // for 5 words
    const other = (count: number): string =>
      Array.from({ length: count }, (_, i) => String.fromCodePoint(0x5e00 + i)).join('');
    expect(check('too-much-text-in-duplicate-5-grams', run + other(38) + run, 'zh')).toBeUndefined();
    expect(check('too-much-text-in-duplicate-5-grams', run + other(37) + run, 'zh')).toMatchObject({
      limit: 0.15,
    });
  });
});
