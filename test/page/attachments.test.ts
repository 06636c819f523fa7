import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import {
  MAX_FILE_BYTES,
  readAttachment,
  splitAttachments,
  withAttachments,
} from '../../page/src/core/attachments.ts';

const utf8 = (text: string) => new TextEncoder().encode(text);

describe('readAttachment()', () => {
  it.each([
    ['UTF-8', utf8('größe 海\r\nx')],
    ['UTF-8 with a mark', Uint8Array.of(0xef, 0xbb, 0xbf, ...utf8('größe 海\nx'))],
    ['UTF-16', Uint8Array.of(0xff, 0xfe, ...new Uint8Array(Buffer.from('größe 海\nx', 'utf16le')))],
  ])('reads %s', (_, bytes) => {
    expect(readAttachment('a.txt', bytes)).toEqual({ name: 'a.txt', text: 'größe 海\nx' });
  });

  it.each([
    ['a picture', Uint8Array.of(0x89, 0x50, 0x4e, 0x47, 0x0d, 0x0a), 'fileNotText'],
    ['a text with zeros', utf8('a\0b'), 'fileNotText'],
    ['an empty file', utf8(' \n'), 'fileEmpty'],
    ['a large file', new Uint8Array(MAX_FILE_BYTES + 1).fill(65), 'fileTooLarge'],
  ] as const)('refuses %s', (_, bytes, reason) => {
    expect(readAttachment('a', bytes)).toBe(reason);
  });

  it('keeps names on one line', () => {
    expect(readAttachment('a\n```\u202eb.txt', utf8('x'))).toMatchObject({ name: 'a b.txt' });
  });
});

describe('withAttachments()', () => {
  it('writes each file as a block with its name, in a fence that its text cannot end', () => {
    const files = [
      { name: 'a.ts', text: 'const x = 1;\n' },
      { name: 'README', text: '````md\n```\n````' },
    ];
    expect(withAttachments('What is it?', files)).toBe(
      'What is it?\n\na.ts\n```ts\nconst x = 1;\n```\n\nREADME\n`````\n````md\n```\n````\n`````',
    );
  });

  it('is undone by splitAttachments() for every question and file', () => {
    const line = fc.constantFrom('', 'a', '```', '```ts', '````', ' b', 'a.ts', '~~~');
    const text = fc.array(line, { minLength: 1, maxLength: 6 }).map((lines) => `x${lines.join('\n')}`);
    const name = fc.constantFrom('a.ts', 'README', 'my notes.MD', '.env');
    const question = fc.constantFrom('', 'Why?', 'Two\n\nparts');
    fc.assert(
      fc.property(question, fc.array(fc.record({ name, text }), { maxLength: 4 }), (asked, files) => {
        const found = splitAttachments(withAttachments(asked, files));
        expect(found.question).toBe(asked);
        expect(found.attachments).toEqual(
          files.map((file) => ({ ...file, text: file.text.replace(/\n$/, '') })),
        );
      }),
    );
  });

  it.each(['```\ncode\n```', 'Look:\n\n```ts\nx\n```', 'text', '```', 'a\n```', '`a`\n```\nx\n```'])(
    'splitAttachments() leaves %j to the question',
    (content) => {
      expect(splitAttachments(content)).toEqual({ question: content, attachments: [] });
    },
  );

  it('splitAttachments() takes time in proportion to the text', () => {
    const content = `${'```\n'.repeat(100_000)}\`\`\``;
    const start = performance.now();
    splitAttachments(content);
    splitAttachments(`a\n\`\`\`\n${'```x y\n'.repeat(50_000)}\`\`\``);
    expect(performance.now() - start).toBeLessThan(2000);
  });
});
