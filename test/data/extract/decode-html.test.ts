import { describe, expect, it } from 'vitest';
import { decodeHtml } from '../../../src/data/extract/decode-html.ts';

const bytes = (hex: string): Uint8Array => Uint8Array.from(Buffer.from(hex.replaceAll(' ', ''), 'hex'));
const ascii = (text: string): Uint8Array => Uint8Array.from(Buffer.from(text, 'latin1'));
const join = (...parts: readonly Uint8Array[]): Uint8Array => Uint8Array.from(Buffer.concat(parts));
// 这是中文的一个页面，我们在这里说的是大家都知道的事。
const GB = bytes(
  'd5e2cac7d6d0cec4b5c4d2bbb8f6d2b3c3e6a3accef2c3c7d4dad5e2c0efcbb5b5c4cac7b4f3bcd2b6bcd6aab5c0b5c4cac2a1a3',
);
// 這是中文的一個頁面，我們在這裡說的是大家都知道的事。
const BIG5 = bytes(
  'b36fac4fa4a4a4e5aababbd3adb9adb1a141a7dab2ccc3a6c3e8aababbd3aa6aae61b3a3aab6b944aabaa8c6a143',
);

describe('decodeHtml()', () => {
  it('follows a byte order mark', () => {
    expect(decodeHtml(bytes('efbbbf 70c3a4'))).toEqual({ html: 'pä', encoding: 'utf-8', by: 'bom' });
    expect(decodeHtml(bytes('fffe 7000e400'))).toMatchObject({ html: 'pä', encoding: 'utf-16le' });
    expect(decodeHtml(bytes('feff 007000e4'))).toMatchObject({ html: 'pä', encoding: 'utf-16be' });
  });

  it('reads faultless UTF-8 as that, whatever the header says', () => {
    expect(decodeHtml(bytes('70c3a4'), 'text/html; charset=iso-8859-1')).toMatchObject({
      html: 'pä',
      by: 'utf-8',
    });
  });

  it('follows the header, then the page', () => {
    expect(decodeHtml(ascii('caf\xe9'), 'text/html; charset="ISO-8859-1"')).toMatchObject({
      html: 'café',
      by: 'header',
    });
    const page = join(ascii('<meta charset=gb2312><p>'), GB);
    expect(decodeHtml(page)).toMatchObject({ encoding: 'gb18030', by: 'meta' });
    expect(decodeHtml(page).html).toContain('这是中文');
  });

  it('knows Chinese without any declaration, and with a wrong one', () => {
    expect(decodeHtml(GB)).toMatchObject({ encoding: 'gb18030', by: 'guess' });
    expect(decodeHtml(join(ascii('<meta charset="utf-8">'), GB)).html).toContain('这是中文');
    expect(decodeHtml(BIG5)).toMatchObject({ encoding: 'big5', by: 'guess' });
  });

  it('knows Japanese, Russian and Western European text', () => {
    // これはテストです。
    expect(decodeHtml(bytes('82b182ea82cd83658358836782c582b78142')).encoding).toBe('shift_jis');
    // Привет, это обычный русский текст
    expect(
      decodeHtml(bytes('cff0e8e2e5f22c20fdf2ee20eee1fbf7ede8e920f0f3f1f1eae8e920f2e5eaf1f2')).encoding,
    ).toBe('windows-1251');
    expect(decodeHtml(ascii('Caf\xe9 \x93na\xefve\x94')).html).toBe('Café “naïve”');
  });

  it('does not throw on unknown names, nonsense and nothing', () => {
    expect(decodeHtml(ascii('caf\xe9'), 'text/html; charset=klingon').html).toBe('café');
    expect(decodeHtml(new Uint8Array(0)).html).toBe('');
    const noise = Uint8Array.from({ length: 5000 }, (_, i) => (i * 7919) % 256);
    expect(typeof decodeHtml(noise).html).toBe('string');
  });
});
