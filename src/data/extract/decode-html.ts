/** From the bytes of a page to its text, whatever its encoding says or fails to say. */

/** How far browsers look for a declaration; some pages have theirs later, after styles. */
const DECLARATION_BYTES = 4096;
const SAMPLE_BYTES = 1 << 16;

/** What pages call encodings that are others in fact, where `TextDecoder` doesn't know it. */
const ALIASES: Readonly<Record<string, string>> = {
  gb2312: 'gb18030',
  gbk: 'gb18030',
  'x-gbk': 'gb18030',
  gb_2312: 'gb18030',
  'gb2312-80': 'gb18030',
  utf8mb4: 'utf-8',
  'utf-8mb4': 'utf-8',
  'iso-8859-1': 'windows-1252',
  latin1: 'windows-1252',
  ascii: 'windows-1252',
  'us-ascii': 'windows-1252',
  cp932: 'shift_jis',
  sjis: 'shift_jis',
  big5hkscs: 'big5',
  ansi: 'windows-1252',
};

export interface DecodedHtml {
  readonly html: string;
  /** Name as `TextDecoder` has it. */
  readonly encoding: string;
  /** What the encoding was known by. */
  readonly by: 'bom' | 'utf-8' | 'header' | 'meta' | 'guess';
}

/**
 * Decodes a page: by its byte order mark, as UTF-8 where it is that without a fault, by the header `Content-Type`, by its own
 * `<meta>`, and else by which encoding gives the most usual text. Never throws; bytes that fit nothing become U+FFFD.
 */
export function decodeHtml(bytes: Uint8Array, contentType?: string): DecodedHtml {
  const decode = (encoding: string, by: DecodedHtml['by']): DecodedHtml => {
    return { html: decodeAs(encoding, bytes), encoding, by };
  };
  if (bytes[0] === 0xef && bytes[1] === 0xbb && bytes[2] === 0xbf) return decode('utf-8', 'bom');
  if (bytes[0] === 0xff && bytes[1] === 0xfe) return decode('utf-16le', 'bom');
  if (bytes[0] === 0xfe && bytes[1] === 0xff) return decode('utf-16be', 'bom');
  const declared = declaredEncoding(contentType?.slice(0, 1000) ?? '');
  const start = new TextDecoder('latin1').decode(bytes.subarray(0, DECLARATION_BYTES));
  const inPage = metaEncoding(start);
  // Text of another encoding that happens to be faultless UTF-8, yet not ASCII, doesn't occur in practice. Encodings with
  // escapes ("iso-2022-jp") look like ASCII.
  const stateful = [declared, inPage].find((name) => name === 'iso-2022-jp' || name?.startsWith('utf-16'));
  if (stateful === undefined || stateful.startsWith('utf-16')) {
    const utf8 = asUtf8(bytes);
    if (utf8 !== undefined && !(stateful && bytes.includes(0)))
      return { html: utf8, encoding: 'utf-8', by: 'utf-8' };
  }
  const guess = guessEncoding(bytes.subarray(0, SAMPLE_BYTES));
  for (const [name, by] of [
    [declared, 'header'],
    [inPage, 'meta'],
  ] as const) {
    // A declared encoding that makes a mess of the page is a wrong one.
    if (
      name !== undefined &&
      (name === 'iso-2022-jp' || faults(bytes.subarray(0, SAMPLE_BYTES), name) < 0.002)
    ) {
      return decode(name, by);
    }
  }
  return decode(guess, 'guess');
}

function declaredEncoding(contentType: string): string | undefined {
  return known(/charset\s{0,5}=\s{0,5}["']?([\w.:-]{2,40})/i.exec(contentType)?.[1]);
}

function metaEncoding(start: string): string | undefined {
  for (const [tag] of start.matchAll(/<meta[^>]{1,500}>|<\?xml[^>]{1,200}>/gi)) {
    const name = /(?:charset|encoding)\s{0,5}=\s{0,5}["']?([\w.:-]{2,40})/i.exec(tag)?.[1];
    const found = known(name);
    // In bytes that one can read as ASCII, "utf-16" is a mistake.
    if (found !== undefined) return found.startsWith('utf-16') ? 'utf-8' : found;
  }
  return undefined;
}

function known(name: string | undefined): string | undefined {
  if (name === undefined) return undefined;
  const lower = name.toLowerCase();
  try {
    return new TextDecoder(ALIASES[lower] ?? lower).encoding;
  } catch {
    return undefined;
  }
}

function asUtf8(bytes: Uint8Array): string | undefined {
  try {
    return new TextDecoder('utf-8', { fatal: true }).decode(bytes);
  } catch {
    return undefined;
  }
}

/** What Windows-1252 has from 0x80 to 0x9f. */
const WINDOWS_1252 = '€\u0081‚ƒ„…†‡ˆ‰Š‹Œ\u008dŽ\u008f\u0090‘’“”•–—˜™š›œ\u009džŸ';

/** Node 20 takes Windows-1252 for Latin-1, and curly quotation marks for control characters. */
function decodeAs(encoding: string, bytes: Uint8Array): string {
  const text = new TextDecoder(encoding).decode(bytes);
  if (encoding !== 'windows-1252') return text;
  return text.replace(/[\u0080-\u009f]/g, (char) => WINDOWS_1252[char.charCodeAt(0) - 0x80]);
}

const CANDIDATES = [
  'utf-8',
  'gb18030',
  'big5',
  'shift_jis',
  'euc-jp',
  'euc-kr',
  'windows-1251',
  'windows-1252',
] as const;

/** Share of characters that no text has: those not decodable, and control characters. */
function faults(bytes: Uint8Array, encoding: string): number {
  const text = decodeAs(encoding, bytes);
  let bad = 0;
  for (let i = 0; i < text.length; i++) {
    const code = text.charCodeAt(i);
    if (
      code === 0xfffd ||
      (code < 32 && code !== 9 && code !== 10 && code !== 13) ||
      (code >= 0x80 && code < 0xa0)
    )
      bad++;
  }
  return text.length > 0 ? bad / text.length : 0;
}

/** The encoding whose text has the most usual characters for its script and the fewest faults. */
function guessEncoding(bytes: Uint8Array): string {
  let best = 'windows-1252';
  let bestScore = Number.NEGATIVE_INFINITY;
  for (const encoding of CANDIDATES) {
    const text = decodeAs(encoding, bytes);
    let score = 0;
    let numForeign = 0;
    let before = 0;
    for (let i = 0; i < text.length; i++) {
      const code = text.charCodeAt(i);
      if (code < 0x80) {
        before = code;
        continue;
      }
      numForeign++;
      score += usual(code, before);
      before = code;
    }
    if (numForeign > 0) score /= numForeign;
    if (score > bestScore) {
      best = encoding;
      bestScore = score;
    }
  }
  return best;
}

// The most frequent characters of simplified and traditional Chinese; wrong decodings give rare ones.
const FREQUENT = new Set(
  '的一是不了在人有我他这中大来上个国到说们为子和你地出道也时年得就那要下以生会自着去之过家学对可里后小么心多天而能好都然没日于起还发成事只作当想看文无开手十用主行方又如前所本见经头面公同三已老从动两长知民样现分将外但身些与高意进把法此实回二理美点月明其种声全工己话儿者向情部正名定女问力机给等几很业最间新什打便位因重被走电四第门相次东政海口使教西再平真听世气信北少关并内加化由却代军产入先山五太水万市' +
    '這來個國們說為時會著過學對後麼沒於還發當無開從動兩長現將與進實點種聲話問機給幾業間電門東這聽氣關並內產萬',
);

function usual(code: number, before: number): number {
  if (code === 0xfffd) return -20;
  if (code < 0xa0) return -8;
  if (code >= 0xe000 && code < 0xf900) return -8;
  if (code >= 0x4e00 && code < 0xa000) return FREQUENT.has(String.fromCharCode(code)) ? 3 : 0.2;
  if (code >= 0x3040 && code < 0x3100) return 2;
  if (code >= 0xff61 && code < 0xffa0) return -3;
  if (code >= 0x3000 && code < 0x3040) return 1.5;
  if (code >= 0xff00 && code < 0xff61) return 1.5;
  if (code >= 0xac00 && code < 0xd7b0) return 1;
  // Russian words are mostly small letters, and letters are next to letters of their script.
  if (code >= 0x400 && code < 0x460 && isAsciiLetter(before)) return -1.5;
  if (code >= 0x430 && code < 0x450) return before >= 0x400 && before < 0x460 ? 1.6 : 0.6;
  if (code >= 0x400 && code < 0x460) return before >= 0x400 && before < 0x460 ? -0.5 : 0.8;
  // In Western text a letter with an accent or a quotation mark is alone between ASCII letters.
  if (code < 0x250 || (code >= 0x2010 && code < 0x2040) || code === 0x20ac || code === 0x2122)
    return before < 0x80 ? 1.2 : -0.6;
  return -0.5;
}

function isAsciiLetter(code: number): boolean {
  return (code >= 97 && code <= 122) || (code >= 65 && code <= 90);
}
