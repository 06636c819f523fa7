/**
 * Normalisation N of a text for comparisons, and the key of the exact-duplicate step. The report names the steps and
 * their order (§4.1, appendix C): remove punctuation, Unicode NFD, lower case, collapse spaces. What it leaves open is
 * decided here, and digests depend on it:
 *
 * - punctuation is Unicode's general category P (also full-width forms); symbols such as `$` and `+` (category S) stay;
 * - it is removed, not replaced by a space: `well-known` becomes `wellknown`;
 * - marks that NFD splits off stay, so that `é` and `e` differ;
 * - a space is whatever `\s` matches; runs become one U+0020, and none is left at either end;
 * - characters are those of the engine's version of Unicode; a lone surrogate is hashed as U+FFFD.
 */
import { createHash } from 'node:crypto';

const SPACE = 1;
const REMOVED = 2;

let classes: Uint8Array | undefined;

/** What happens to each UTF-16 unit; made once, in about 10 ms. */
function unitClasses(): Uint8Array {
  if (classes) return classes;
  classes = new Uint8Array(0x10000);
  for (let unit = 0; unit < 0x10000; unit++) {
    const character = String.fromCharCode(unit);
    if (/\p{P}/u.test(character)) classes[unit] = REMOVED;
    else if (/\s/.test(character)) classes[unit] = SPACE;
  }
  return classes;
}

const SURROGATE_PAIR_PUNCTUATION = /^\p{P}$/u;

/** N(text). Linear in the length of the text. */
export function normaliseText(text: string): string {
  const table = unitClasses();
  const { length } = text;
  const units = new Uint16Array(length);
  let size = 0;
  let seen = 0;
  // A space is written when the next character comes, so that runs and both ends take care of themselves.
  let isSpaceDue = false;
  for (let i = 0; i < length; i++) {
    let unit = text.charCodeAt(i);
    seen |= unit;
    const kind = table[unit];
    if (kind === SPACE) {
      isSpaceDue = size > 0;
      continue;
    }
    if (kind === REMOVED) continue;
    if ((unit & 0xfc00) === 0xd800 && isRemovedPair(text, i)) {
      i++;
      continue;
    }
    if (isSpaceDue) {
      units[size++] = 0x20;
      isSpaceDue = false;
    }
    if (unit >= 0x41 && unit <= 0x5a) unit += 0x20;
    units[size++] = unit;
  }
  const kept = textOf(units.subarray(0, size), seen < 0x80);
  if (seen < 0x80) return kept;
  // NFD and lower case neither make nor remove spaces or punctuation.
  return kept.normalize('NFD').toLowerCase();
}

function isRemovedPair(text: string, at: number): boolean {
  return SURROGATE_PAIR_PUNCTUATION.test(text.slice(at, at + 2));
}

function textOf(units: Uint16Array, isAscii: boolean): string {
  if (isAscii) return Buffer.from(Uint8Array.from(units)).toString('latin1');
  return Buffer.from(units.buffer, units.byteOffset, units.byteLength).toString('utf16le');
}

/** MD5 of N(text) in UTF-8, as 32 hexadecimal digits. */
export function identityKey(text: string): string {
  return createHash('md5').update(normaliseText(text), 'utf8').digest('hex');
}
