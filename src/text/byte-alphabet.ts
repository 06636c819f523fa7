/**
 * The 256 characters that stand for bytes in a byte-level vocabulary. Printable Latin-1 characters stand for themselves;
 * the other 68 bytes, in ascending order, take U+0100 and up: space is `Ġ`, newline `Ċ`. Source: GPT-2.
 */
const PRINTABLE: readonly (readonly [number, number])[] = [
  [33, 126],
  [161, 172],
  [174, 255],
];

const FIRST_SUBSTITUTE = 0x100;
const NUM_SUBSTITUTES = 68;

/** Character code for each byte. */
export const CHAR_OF_BYTE: Uint16Array = new Uint16Array(256);

/** Byte for each character code below 324; -1 where the character stands for none. */
const BYTE_OF_CHAR = new Int16Array(FIRST_SUBSTITUTE + NUM_SUBSTITUTES).fill(-1);

/** The bytes in the order of their token ids in vocabularies of this family: `!` first, control bytes last. */
export const BYTES_IN_TOKEN_ORDER: Uint8Array = new Uint8Array(256);

{
  for (const [first, last] of PRINTABLE)
    for (let byte = first; byte <= last; byte++) CHAR_OF_BYTE[byte] = byte;
  let substitute = FIRST_SUBSTITUTE;
  for (let byte = 0; byte < 256; byte++) {
    if (CHAR_OF_BYTE[byte] === 0) CHAR_OF_BYTE[byte] = substitute++;
    BYTE_OF_CHAR[CHAR_OF_BYTE[byte]] = byte;
  }
  let id = 0;
  for (let char = 0; char < BYTE_OF_CHAR.length; char++) {
    if (BYTE_OF_CHAR[char] >= 0) BYTES_IN_TOKEN_ORDER[id++] = BYTE_OF_CHAR[char];
  }
}

/** `[32, 104]` -> `Ġh`. */
export function spellBytes(bytes: Uint8Array): string {
  let text = '';
  for (const byte of bytes) text += String.fromCharCode(CHAR_OF_BYTE[byte]);
  return text;
}

/** `Ġh` -> 32, 104, written to `out` at `offset`. The number of bytes, or -1 where a character stands for no byte. */
export function readSpelling(text: string, out: Uint8Array, offset: number): number {
  for (let i = 0; i < text.length; i++) {
    const char = text.charCodeAt(i);
    const byte = char < BYTE_OF_CHAR.length ? BYTE_OF_CHAR[char] : -1;
    if (byte < 0) return -1;
    out[offset + i] = byte;
  }
  return text.length;
}
