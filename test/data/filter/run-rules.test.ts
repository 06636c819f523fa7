import { describe, expect, it } from 'vitest';
import { hostOf, readRuleFields, ruleConfig } from '../../../src/data/filter/rule-config.ts';
import { RuleFilter } from '../../../src/data/filter/run-rules.ts';
import type { Findings } from '../../../src/format/object-reader.ts';
import { ObjectReader } from '../../../src/format/object-reader.ts';

function read(fields: unknown): { config: ReturnType<typeof ruleConfig>; problems: string[] } {
  const findings: Findings = { subject: 'the step', problems: [], known: new Set() };
  const reader = new ObjectReader(fields, '', findings);
  const config = ruleConfig(readRuleFields(reader));
  reader.finish();
  return { config, problems: findings.problems };
}

const SENTENCES = [
  'The river rises in the hills and flows slowly to the sea, past mills that have stood for centuries.',
  'Farmers along its banks have learned to read the colour of the water before the spring floods.',
  'In dry years the upper valley loses its fish, and children walk across the stones to school.',
  'A committee was formed to measure the depth of every pool, and its report filled three volumes.',
  'Nobody expected that the old maps would be so exact, but the surveyors of that time had patience.',
  'Today a path follows the bank for most of the way, with benches where the view is widest.',
];
const GOOD = SENTENCES.join('\n');

describe('RuleFilter', () => {
  it('gives a document back as it was where no rule removes anything', () => {
    const verdict = new RuleFilter(ruleConfig()).filter({ text: GOOD });
    expect(verdict.reason).toBeUndefined();
    expect(verdict.text).toBe(GOOD);
    expect(verdict.removedLines).toEqual([]);
  });

  it('names the first rule, the value and the limit', () => {
    const { config } = read({ families: ['gopher-quality', 'gopher-repetition'] });
    expect(new RuleFilter(config).filter({ text: 'Too short.' }).reason).toEqual({
      rule: 'too-few-words',
      value: 2,
      limit: 50,
    });
  });

  it('removes lines and says which, and asks later rules of what is left', () => {
    const text = `${SENTENCES.slice(0, 3).join('\n')}\nThis site uses cookies to work well.\n3 likes\n${SENTENCES.slice(3).join('\n')}`;
    const { reason, text: left, removedLines } = new RuleFilter(ruleConfig()).filter({ text });
    expect(reason).toBeUndefined();
    expect(left).toBe(GOOD);
    expect(removedLines).toEqual([
      { rule: 'line-states-a-policy', value: 1, detail: 'This site uses cookies to work well.' },
      { rule: 'line-has-too-few-words', value: 1, detail: '3 likes' },
    ]);
  });

  it('says which limit a kept document came close to', () => {
    const text = SENTENCES.slice(0, 3).join('\n');
    const { config } = read({ families: ['gopher-quality'], limits: { 'too-few-words': 52 } });
    const { reason, close } = new RuleFilter(config).filter({ text });
    expect(reason).toBeUndefined();
    expect(close).toMatchObject({ rule: 'too-few-words', limit: 52 });
  });

  it('takes limits, rules that are off, domains and their lines from the configuration', () => {
    const { config, problems } = read({
      limits: { 'too-few-words': 10 },
      off: ['too-few-sentences'],
      domains: [
        { domain: 'spam.example', exclude: true },
        {
          domain: 'www.news.example',
          lines: ['Read our newsletter on rivers every week.'],
          limits: { 'too-few-words': 500 },
        },
      ],
    });
    expect(problems).toEqual([]);
    const filter = new RuleFilter(config);
    const text = SENTENCES.slice(0, 2).join('\n');
    expect(filter.filter({ text }).reason).toBeUndefined();
    expect(filter.filter({ text, url: 'https://a.spam.example/x' }).reason?.rule).toBe('domain-is-excluded');
    expect(filter.filter({ text, url: 'https://notspam.example/x' }).reason).toBeUndefined();
    const news = filter.filter({
      text: `${GOOD}\nRead our newsletter on rivers every week.`,
      url: 'https://news.example/1',
    });
    expect(news.reason).toMatchObject({ rule: 'too-few-words', limit: 500 });
    expect(news.removedLines).toMatchObject([{ rule: 'line-is-listed', value: 1 }]);
    expect(news.text).toBe(GOOD);
  });

  it('gives every verdict again when a document comes again', () => {
    const filter = new RuleFilter(ruleConfig());
    const texts = [GOOD, 'x', `${GOOD}\n${GOOD}`, '', '中文'.repeat(200)];
    const first = texts.map((text) => filter.filter({ text }));
    for (let round = 0; round < 3; round++)
      expect(texts.map((text) => filter.filter({ text }))).toEqual(first);
  });

  it('survives hostile text, and in time that grows with its length', () => {
    const filter = new RuleFilter(ruleConfig());
    const size = 100_000;
    for (const part of [
      'x',
      ' ',
      '#',
      '\n',
      '.',
      '-',
      '@',
      'a@',
      'http://',
      '{',
      '\ud800',
      '\udc00',
      '\0',
      '1',
      '中',
      'a.b',
      '[1',
      "n't",
      '😀',
      '\u0301',
    ]) {
      for (const language of ['en', 'zh']) {
        const { text } = filter.filter({ text: part.repeat(size / part.length), language });
        expect(text.length).toBeLessThanOrEqual(size);
      }
    }
    expect(filter.filter({ text: '' }).reason?.rule).toBe('empty-text');
  });
});

describe('readRuleFields()', () => {
  it('names every unknown rule and family, with what was meant', () => {
    const { problems } = read({
      families: ['gopher'],
      off: ['too-few-word'],
      limits: { 'too-few-wrds': 3, 'too-many-words': 'x' },
      sort: 1,
    });
    expect(problems.join('\n')).toMatch(/"families" names "gopher"/);
    expect(problems.join('\n')).toMatch(/"off" names "too-few-word"/);
    expect(problems.join('\n')).toMatch(
      /"limits.too-few-wrds" is not known; did you mean "limits.too-few-words"/,
    );
    expect(problems.join('\n')).toMatch(/"limits.too-many-words" is "x", expected a number/);
    expect(problems.join('\n')).toMatch(/"sort" is not known/);
  });
});

describe('hostOf()', () => {
  it('finds the host of any URL and nothing in what is none', () => {
    expect(hostOf('https://user:pw@WWW.Example.com:8080/a?b')).toBe('example.com');
    expect(hostOf('//cdn.example.org/x')).toBe('cdn.example.org');
    expect(hostOf('https://例え.jp./')).toBe('例え.jp');
    for (const none of [undefined, '', 'example.com', 'mailto:a@b.c', 'javascript:1'])
      expect(hostOf(none)).toBe('');
  });
});
