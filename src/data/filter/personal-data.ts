/**
 * Finds personal data: mail addresses, telephone numbers, identity and account numbers, in English and Chinese text. Where
 * a number has a check digit it must be right. Every pattern has a bounded length, so that the time is linear in the
 * length of the text.
 */

export const PERSONAL_KINDS = [
  'mail-address',
  'phone-number',
  'chinese-identity-number',
  'social-security-number',
  'payment-card',
  'bank-account',
] as const;

export type PersonalKind = (typeof PERSONAL_KINDS)[number];

export interface PersonalDatum {
  readonly kind: PersonalKind;
  readonly start: number;
  readonly end: number;
}

interface Detector {
  readonly kind: PersonalKind;
  readonly pattern: RegExp;
  readonly isValid?: (found: string) => boolean;
}

/** Nothing of the kind may continue a longer number or word. */
const BEFORE = '(?<![\\p{L}\\p{N}_./-])';
const AFTER = '(?![\\p{L}\\p{N}_]|[./-]\\d)';
const HAN_BEFORE = '(?<![A-Za-z0-9_./-])';
const HAN_AFTER = '(?![A-Za-z0-9_]|[./-]\\d)';

/** The first that finds a place has it. */
const DETECTORS: readonly Detector[] = [
  {
    kind: 'chinese-identity-number',
    pattern: new RegExp(`${HAN_BEFORE}[1-9]\\d{16}[\\dXx]${HAN_AFTER}`, 'gu'),
    isValid: isChineseIdentity,
  },
  {
    kind: 'bank-account',
    pattern: new RegExp(`${BEFORE}[A-Z]{2}\\d{2}(?: ?[A-Z0-9]{4}){2,7}(?: ?[A-Z0-9]{1,3})?${AFTER}`, 'gu'),
    isValid: isIban,
  },
  {
    kind: 'payment-card',
    pattern: new RegExp(`${HAN_BEFORE}[2-6]\\d{3}([ -]?)\\d{4}\\1\\d{4}\\1\\d{1,7}${HAN_AFTER}`, 'gu'),
    isValid: isCard,
  },
  {
    kind: 'social-security-number',
    pattern: new RegExp(`${BEFORE}(?!000|666|9)\\d{3}-(?!00)\\d{2}-(?!0000)\\d{4}${AFTER}`, 'gu'),
  },
  {
    kind: 'phone-number',
    // Chinese mobile numbers, and land lines with an area code.
    pattern: new RegExp(
      `${HAN_BEFORE}(?:\\+?86[ -]?)?(?:1[3-9]\\d([ -]?)\\d{4}\\1\\d{4}|\\(?0\\d{2,3}\\)?[ -]\\d{7,8})${HAN_AFTER}`,
      'gu',
    ),
  },
  {
    kind: 'phone-number',
    // North America.
    pattern: new RegExp(
      `${BEFORE}(?:\\+?1[ .-]?)?(?:\\([2-9]\\d{2}\\) ?|[2-9]\\d{2}[ .-])[2-9]\\d{2}[ .-]\\d{4}${AFTER}`,
      'gu',
    ),
  },
  {
    kind: 'phone-number',
    // International, with its plus sign.
    pattern: new RegExp(`${HAN_BEFORE}\\+[1-9](?:[ ().-]{0,2}\\d){7,14}${HAN_AFTER}`, 'gu'),
  },
];

/** All of them in order, none overlapping. */
export function findPersonalData(text: string): PersonalDatum[] {
  let found: PersonalDatum[] = [...mailAddresses(text)];
  // Most texts have no long number.
  if (!/\d{2}[ ().-]{0,2}\d(?:[ ().-]{0,2}[\dA-Z]){4}/.test(text)) return found;
  for (const { kind, pattern, isValid } of DETECTORS) {
    const added: PersonalDatum[] = [];
    let at = 0;
    for (const match of text.matchAll(pattern)) {
      const start = match.index;
      const end = start + match[0].length;
      if (isValid && !isValid(match[0])) continue;
      // Both lists are in order, so that each is walked once.
      while (at < found.length && found[at].end <= start) at++;
      if (at === found.length || found[at].start >= end) added.push({ kind, start, end });
    }
    if (added.length > 0) found = [...found, ...added].sort((a, b) => a.start - b.start);
  }
  return found;
}

const LOCAL = /[\p{L}\p{N}._%+'-]/u;
const HOST = /[A-Za-z0-9.-]/;

/** Around each `@`, so that a long text without one costs nothing. */
function* mailAddresses(text: string): Generator<PersonalDatum> {
  for (let at = text.indexOf('@'); at >= 0; at = text.indexOf('@', at + 1)) {
    let start = at;
    // Chinese text runs up to an address without a space: its local part is ASCII then.
    while (start > 0 && at - start < 64 && isLocal(text[start - 1])) start--;
    while (start < at && /[.'%+-]/.test(text[start])) start++;
    let end = at + 1;
    while (end < text.length && end - at < 254 && HOST.test(text[end])) end++;
    while (end > at && /[.-]/.test(text[end - 1])) end--;
    const host = text.slice(at + 1, end);
    if (start < at && /^[A-Za-z0-9-]+(?:\.[A-Za-z0-9-]+)*\.[A-Za-z]{2,24}$/.test(host))
      yield { kind: 'mail-address', start, end };
  }
}

function isLocal(character: string): boolean {
  return LOCAL.test(character) && !/\p{Script=Han}/u.test(character);
}

/** GB 11643: a date of birth, and ISO 7064 MOD 11-2. */
function isChineseIdentity(number: string): boolean {
  const year = Number(number.slice(6, 10));
  const month = Number(number.slice(10, 12));
  const day = Number(number.slice(12, 14));
  if (year < 1900 || year > 2100 || month < 1 || month > 12 || day < 1 || day > 31) return false;
  let sum = 0;
  for (let i = 0; i < 17; i++) sum += Number(number[i]) * (2 ** (17 - i) % 11);
  return '10X98765432'[sum % 11] === number[17].toUpperCase();
}

/** Luhn (ISO/IEC 7812), 13 to 19 digits. */
function isCard(number: string): boolean {
  const digits = number.replace(/\D/g, '');
  if (digits.length < 13 || digits.length > 19 || /^(\d)\1*$/.test(digits)) return false;
  let sum = 0;
  for (let i = 0; i < digits.length; i++) {
    const digit = Number(digits[digits.length - 1 - i]);
    const weighted = i % 2 === 0 ? digit : 2 * digit;
    sum += weighted > 9 ? weighted - 9 : weighted;
  }
  return sum % 10 === 0;
}

/** ISO 13616: modulo 97 of the number with its first four characters at the end. */
function isIban(account: string): boolean {
  const compact = account.replaceAll(' ', '');
  if (compact.length < 15 || compact.length > 34) return false;
  let rest = 0;
  for (const character of compact.slice(4) + compact.slice(0, 4)) {
    const value = Number.parseInt(character, 36);
    rest = (rest * (value > 9 ? 100 : 10) + value) % 97;
  }
  return rest === 1;
}
