import type { Tokenizer } from '../text/tokenizer.ts';

/**
 * A token as people read it: its text in quotation marks, with spaces and line ends in sight, and `\xNN` for bytes of a character
 * that the token has only in part (`" \xe4\xb8"`). Control tokens, which no text is, have no quotation marks: `<|response|>`. The
 * spelling of the file, in which `Ġ` is a space, is `Tokenizer.pieceOf`.
 */
export function describeToken(tokenizer: Tokenizer, id: number): string {
  if (tokenizer.isControl(id) || tokenizer.isUnused(id)) return escapeControls(tokenizer.pieceOf(id));
  return `"${[...charactersOf(tokenizer.decodeBytes(id))].join('')}"`;
}

const utf8 = new TextDecoder('utf-8', { fatal: true, ignoreBOM: true });

function* charactersOf(bytes: Uint8Array): Generator<string> {
  for (let at = 0; at < bytes.length; ) {
    const character = characterAt(bytes, at);
    if (character === undefined) yield hex('x', bytes[at++], 2);
    else {
      yield SHORT[character] ?? escapeControls(character);
      at += Buffer.byteLength(character);
    }
  }
}

const SHORT: Readonly<Record<string, string>> = {
  '"': '\\"',
  '\\': '\\\\',
  '\n': '\\n',
  '\r': '\\r',
  '\t': '\\t',
};

function characterAt(bytes: Uint8Array, at: number): string | undefined {
  for (let length = 1; length <= 4 && at + length <= bytes.length; length++) {
    try {
      return utf8.decode(bytes.subarray(at, at + length));
    } catch {
      // Not whole yet, or never.
    }
  }
  return undefined;
}

// Besides control characters, those that show nothing or change how their neighbours are shown.
function escapeControls(text: string): string {
  return text.replace(/[\p{Cc}\p{Cf}\p{Co}\p{Z}]/gu, (character) => {
    const code = character.codePointAt(0) ?? 0;
    if (character === ' ') return character;
    return code < 0x10000 ? hex('u', code, 4) : `\\u{${code.toString(16)}}`;
  });
}

function hex(letter: string, code: number, digits: number): string {
  return `\\${letter}${code.toString(16).padStart(digits, '0')}`;
}
