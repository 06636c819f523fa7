import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { FormatError } from '../../src/core/errors.ts';
import { decodeParts, parseJson } from '../../src/format/json.ts';
import { concat } from './helpers.ts';

const encode = (text: string) => new TextEncoder().encode(text);

function problemOf(bytes: Uint8Array, uniqueKeys = false): FormatError {
  try {
    parseJson(bytes, 'config.json', { uniqueKeys });
  } catch (error) {
    if (error instanceof FormatError) return error;
    throw error;
  }
  throw new Error('nothing was thrown');
}

describe('parseJson', () => {
  it('gives the value, also after a byte order mark', () => {
    expect(parseJson(encode('\ufeff{"a": [1, "é"]}'), 'config.json')).toEqual({ a: [1, 'é'] });
  });

  it.each<[string, number, RegExp]>([
    ['', 0, /a value at line 1, column 1, found the end of the file/],
    ['{"a": 1,}', 8, /a key in double quotes at line 1, column 9, found "}"/],
    ['{\n  "a" 1\n}', 8, /":" at line 2, column 7, found "1"/],
    ['{"é": tru}', 7, /a value at line 1, column 7, found "t"/],
    ['[1 2]', 3, /"," or "]" at line 1, column 4, found "2"/],
    ['{"a": 1 "b"}', 8, /"," or "}"/],
    ['{"a": "x', 8, /the rest of a string .* found the end of the file/],
    ['{"a": "x\ny"}', 8, /the rest of a string .* found control character 10/],
    ['"\\x41"', 1, /an escape .* found "\\"/],
    ['[01]', 2, /"," or "]"/],
    ['[-]', 1, /a value/],
    ['{} {}', 3, /the end of the file at line 1, column 4, found "{"/],
    ['🙂', 0, /found "🙂"/],
  ])('says where %j stops being JSON', (json, offset, message) => {
    const error = problemOf(encode(json));
    expect(error.code).toBe('invalid-json');
    expect(error.message).toMatch(message);
    expect(error.message).toContain('config.json');
    expect(error.offset).toBe(offset);
  });

  it('finds a key that is there twice, however it is spelled', () => {
    const json = '{"a": {"b": 1}, "c": {"b": 2}, "\\u0061": 3}';
    expect(parseJson(encode(json), 'config.json')).toEqual({ a: 3, c: { b: 2 } });
    const error = problemOf(encode(json), true);
    expect(error.message).toContain('found "a" again');
    expect(error.offset).toBe(json.indexOf('"\\u'));
  });

  it('takes __proto__ for a key like any other', () => {
    const value = parseJson(encode('{"__proto__": {"x": 1}}'), 'config.json', { uniqueKeys: true }) as object;
    expect(Object.keys(value)).toEqual(['__proto__']);
    expect(Object.getPrototypeOf(value)).toBe(Object.prototype);
  });

  it('says where a file stops being UTF-8', () => {
    const start = encode('{"é": "');
    expect(problemOf(concat([start, Uint8Array.of(0xff), encode('"}')]))).toMatchObject({
      code: 'invalid-utf8',
      offset: 8,
      found: 'the byte ff',
    });
    expect(problemOf(concat([start, Uint8Array.of(0xef, 0xbf)]))).toMatchObject({
      code: 'invalid-utf8',
      offset: 10,
    });
  });

  it('agrees with the engine about what is JSON', () => {
    const letters = fc.constantFrom(
      ...'{}[]":,0123456789.eE+-truefalsn \n\\u"'.split(''),
      'é',
      '\t',
      'null',
      '"a"',
    );
    fc.assert(
      fc.property(fc.array(letters, { maxLength: 12 }), (parts) => {
        const json = parts.join('');
        let valid = true;
        try {
          JSON.parse(json);
        } catch {
          valid = false;
        }
        const error = valid ? undefined : problemOf(encode(json));
        if (valid) parseJson(encode(json), 'x');
        // "something else" would mean that the scanner found nothing wrong with it.
        expect(error?.found).not.toBe('something else');
      }),
      { numRuns: 3000, seed: 1 },
    );
  });

  it('finds nothing wrong with valid JSON when it looks for double keys', () => {
    fc.assert(
      fc.property(fc.json(), (json) => {
        expect(parseJson(encode(json), 'x', { uniqueKeys: true })).toEqual(JSON.parse(json));
      }),
      { numRuns: 500, seed: 1 },
    );
  });

  it('refuses deep nesting with an error, not a stack overflow', () => {
    expect(problemOf(encode('['.repeat(1_000_000))).message).toContain('at most 128 levels of nesting');
  });
});

describe('decodeParts()', () => {
  const text = '\ufeffa é 世 😀\ufeff z';
  const bytes = new TextEncoder().encode(text);

  async function* parts(size: number, all = bytes): AsyncGenerator<Uint8Array> {
    for (let at = 0; at < all.length; at += size) yield all.subarray(at, at + size);
  }

  async function joined(chunks: AsyncIterable<string>): Promise<string> {
    let whole = '';
    for await (const chunk of chunks) whole += chunk;
    return whole;
  }

  it('gives the whole text, however it is cut, less the mark at its beginning', async () => {
    for (let size = 1; size <= bytes.length; size++)
      expect(await joined(decodeParts(parts(size), 'a'))).toBe(text.slice(1));
  });

  it('ends before a character that the limit cuts', async () => {
    const upTo = (limit: number) => joined(decodeParts(parts(4), 'a', limit));
    // Mark, "a " and the two bytes of é.
    expect(await Promise.all([5, 6, 7, 8].map(upTo))).toEqual(['a ', 'a ', 'a é', 'a é ']);
  });

  it('says at which byte of the file it stops being UTF-8', async () => {
    const wrong = Uint8Array.of(...new TextEncoder().encode('aéé'), 0xff, 0x61);
    for (let size = 1; size <= wrong.length; size++)
      await expect(joined(decodeParts(parts(size, wrong), 'a.txt'))).rejects.toMatchObject({
        code: 'invalid-utf8',
        offset: 5,
      });
    const cut = new TextEncoder().encode('aé').subarray(0, 2);
    await expect(joined(decodeParts(parts(1, cut), 'a.txt'))).rejects.toMatchObject({ offset: 1 });
  });
});
