import { describe, expect, it } from 'vitest';
import { findPersonalData } from '../../../src/data/filter/personal-data.ts';
import { checkSafety, DEFAULT_ACTIONS, DomainList } from '../../../src/data/filter/safety.ts';

const kinds = (text: string): string[] =>
  findPersonalData(text).map(({ kind, start, end }) => `${kind}: ${text.slice(start, end)}`);
const config = { actions: DEFAULT_ACTIONS, maxPerThousand: 5 };

describe('findPersonalData()', () => {
  it('finds mail addresses in both languages and leaves what only looks like one', () => {
    expect(kinds('Write to john.doe+x@mail.example.co.uk.')).toEqual([
      'mail-address: john.doe+x@mail.example.co.uk',
    ]);
    expect(kinds('邮箱：zhang_san@example.cn，谢谢')).toEqual(['mail-address: zhang_san@example.cn']);
    expect(kinds('发到abc@example.com吧')).toEqual(['mail-address: abc@example.com']);
    for (const none of ['@name', 'a@b', 'a @ b.com', '50@3.5', 'x@.com', '@import "a.css"'])
      expect(kinds(none)).toEqual([]);
  });

  it('finds telephone numbers and leaves other numbers', () => {
    for (const [text, number] of [
      ['电话13812345678。', '13812345678'],
      ['+86 138 1234 5678', '+86 138 1234 5678'],
      ['座机 010-62345678 转', '010-62345678'],
      ['Call (415) 555-2671 now', '(415) 555-2671'],
      ['415-555-2671', '415-555-2671'],
      ['+44 20 7946 0958', '+44 20 7946 0958'],
    ])
      expect(kinds(text)).toEqual([`phone-number: ${number}`]);
    for (const none of [
      '12345678901',
      '1234567890123',
      '2026-11-30 12:00',
      '3.14159265358',
      'v1.13812345678.2',
      'ISBN 978-3-16-148410-0',
      '1,381,234,567',
    ])
      expect(kinds(none)).toEqual([]);
  });

  it('takes Chinese identity numbers with a date and the right check digit only', () => {
    expect(kinds('身份证11010519491231002X号')).toEqual(['chinese-identity-number: 11010519491231002X']);
    expect(kinds('身份证110105194912310021号')).toEqual([]);
    expect(kinds('11010519491331002X')).toEqual([]);
  });

  it('takes cards by Luhn and accounts by modulo 97', () => {
    expect(kinds('card 4111 1111 1111 1111.')).toEqual(['payment-card: 4111 1111 1111 1111']);
    expect(kinds('card 4111 1111 1111 1112.')).toEqual([]);
    expect(kinds('IBAN GB82 WEST 1234 5698 7654 32')).toEqual(['bank-account: GB82 WEST 1234 5698 7654 32']);
    expect(kinds('IBAN GB83 WEST 1234 5698 7654 32')).toEqual([]);
  });

  it('takes social security numbers that may exist', () => {
    expect(kinds('SSN 123-45-6789')).toEqual(['social-security-number: 123-45-6789']);
    for (const none of [
      '000-12-3456',
      '666-12-3456',
      '900-12-3456',
      '123-00-4567',
      '123-45-0000',
      '1123-45-6789',
    ])
      expect(kinds(none)).toEqual([]);
  });

  it('reads hostile text in time that grows with its length', () => {
    for (const part of ['@', 'a@', 'a.', '1', '1-', '+1 ', '(1', '1 2', 'A1', '\ud800', '13812345678', '12-'])
      expect(findPersonalData(part.repeat(300_000 / part.length)).length).toBeGreaterThanOrEqual(0);
  }, 60_000);
});

describe('checkSafety()', () => {
  it('masks and says how much, and gives other text back as it was', () => {
    const text = `${'Some text. '.repeat(100)}Mail a@example.com or call 415-555-2671.`;
    const verdict = checkSafety({ text }, config);
    expect(verdict.reason).toBeUndefined();
    expect(verdict.text.endsWith('Mail [mail address] or call [phone number].')).toBe(true);
    expect([...verdict.masked]).toEqual([
      ['mail-address', 1],
      ['phone-number', 1],
    ]);
    const clean = 'nothing here';
    expect(checkSafety({ text: clean }, config).text).toBe(clean);
  });

  it('drops documents with identity numbers or full of persons', () => {
    expect(checkSafety({ text: '身份证11010519491231002X' }, config).reason?.rule).toBe(
      'holds-a-chinese-identity-number',
    );
    const list = Array.from({ length: 40 }, (_, i) => `name ${i} n${i}@example.com`).join('\n');
    expect(checkSafety({ text: list }, config).reason?.rule).toBe('too-much-personal-data');
    const kept = { ...config, actions: { ...DEFAULT_ACTIONS, 'chinese-identity-number': 'keep' as const } };
    expect(checkSafety({ text: '身份证11010519491231002X' }, kept).reason).toBeUndefined();
  });

  it('drops documents of listed domains by whole labels', () => {
    const lists = {
      unsafe: new DomainList('# sample\nbet365.example\n*.casino.example # all\n'),
      persons: new DomainList('people.example'),
    };
    const rule = (url: string) => checkSafety({ url, text: 'x' }, config, lists).reason?.rule;
    expect(rule('https://www.bet365.example/x')).toBe('domain-is-unsafe');
    expect(rule('https://a.b.casino.example')).toBe('domain-is-unsafe');
    expect(rule('https://notbet365.example')).toBeUndefined();
    expect(rule('https://in.people.example')).toBe('domain-is-full-of-persons');
  });
});
