/**
 * Whether the answer to a maths problem is right, by its result alone: the number (or the letter of a choice) that the
 * text ends up with. Numbers are compared as exact fractions, never as floats.
 */

/** Numerator and denominator, the latter positive, without a common divisor. */
export interface Fraction {
  readonly top: bigint;
  readonly bottom: bigint;
}

const DIGITS: Readonly<Record<string, number>> = {
  零: 0,
  〇: 0,
  一: 1,
  二: 2,
  两: 2,
  三: 3,
  四: 4,
  五: 5,
  六: 6,
  七: 7,
  八: 8,
  九: 9,
};
const UNITS: Readonly<Record<string, number>> = { 十: 10, 百: 100, 千: 1000 };
const CHINESE = '零〇一二两三四五六七八九十百千万亿';

// 1,234.5   -3   3/4   \frac{3}{4}   二十三   三分之二
const PLAIN = String.raw`\d{1,3}(?:,\d{3})+(?:\.\d+)?|\d+(?:\.\d+)?|\.\d+`;
const NUMBER = new RegExp(
  [
    String.raw`-?\\[dt]?frac\{\s*-?\d+\s*\}\{\s*-?\d+\s*\}`,
    String.raw`-?(?:${PLAIN})(?:\s*/\s*-?(?:${PLAIN}))?`,
    `负?[${CHINESE}]+(?:分之[${CHINESE}]+)?`,
  ].join('|'),
  'g',
);

/** True if both texts come to the same result. A text without any result is never right. */
export function verifyMathAnswer(answer: string, reference: string): boolean {
  const letter = choiceLetter(reference);
  if (letter !== undefined) return choiceLetter(answer) === letter;
  const expected = mathResult(reference);
  const found = mathResult(answer);
  return (
    expected !== undefined &&
    found !== undefined &&
    expected.top === found.top &&
    expected.bottom === found.bottom
  );
}

/** The result that a text states: in the last \boxed{…}, after "####", after "answer is", else the last number. */
export function mathResult(text: string): Fraction | undefined {
  // Typographic minus and full-width characters: people and models write them.
  const plain = text.normalize('NFKC').replace(/[−–](?=\d)/g, '-');
  const stated = statedPart(plain);
  if (stated !== undefined) {
    const first = numbersIn(stated)[0];
    if (first) return first;
  }
  return numbersIn(plain).at(-1);
}

function statedPart(text: string): string | undefined {
  const boxed = boxedContent(text);
  if (boxed !== undefined) return boxed;
  const hash = text.lastIndexOf('####');
  if (hash >= 0) return text.slice(hash + 4);
  const said = [...text.matchAll(/(?:answer\s*(?:is|:|=)|答案(?:是|为|:|=)|所以(?:是|有))/gi)].at(-1);
  return said && text.slice(said.index + said[0].length);
}

/** Braces may be nested: \boxed{\frac{1}{2}}. */
function boxedContent(text: string): string | undefined {
  const start = text.lastIndexOf('\\boxed{');
  if (start < 0) return undefined;
  let depth = 0;
  for (let i = start + 6; i < text.length; i++) {
    if (text[i] === '{') depth++;
    else if (text[i] === '}' && --depth === 0) return text.slice(start + 7, i);
  }
  return undefined;
}

function numbersIn(text: string): Fraction[] {
  const found: Fraction[] = [];
  for (const match of text.matchAll(NUMBER)) {
    if (isPartOfWord(match[0], text.slice(0, match.index), text.slice(match.index + match[0].length)))
      continue;
    // The minus of "7-3" or of a range is not a sign.
    const isBinary = match[0].startsWith('-') && /[\d)\]a-z]$/i.test(text.slice(0, match.index));
    const value = parseNumber(isBinary ? match[0].slice(1) : match[0]);
    if (value) found.push(value);
  }
  return found;
}

/** 一 of 一共 or 统一, 三 of 三角形: Chinese words are written with numerals that count nothing. */
function isPartOfWord(numeral: string, before: string, after: string): boolean {
  if (numeral === '一')
    return (
      /^(?:共|定|起|样|些|直|般|旦|切|致|边|面|方面|会|下子|向|律|时|味|再|旁|如|概|系列|同|并|齐)/.test(
        after,
      ) || /[统唯单同任每某另逐专之进不]$/.test(before)
    );
  if (numeral === '万一') return true;
  if (numeral === '千万') return /^[不别要]/.test(after);
  return /^[三四五六七八九十]+$/.test(numeral) && /^(?:角|边形|棱|面体)/.test(after);
}

function parseNumber(text: string): Fraction | undefined {
  const latex = /^(-?)\\[dt]?frac\{\s*(-?\d+)\s*\}\{\s*(-?\d+)\s*\}$/.exec(text);
  if (latex) {
    const top = BigInt(latex[2]);
    return fraction(latex[1] === '-' ? -top : top, BigInt(latex[3]));
  }
  if (/[\d.]/.test(text)) {
    const [top, bottom] = text.split('/').map((part) => parseDecimal(part.trim()));
    if (!top || !bottom) return top;
    return fraction(top.top * bottom.bottom, top.bottom * bottom.top);
  }
  const isNegative = text.startsWith('负');
  const parts = text.replace('负', '').split('分之').map(parseChinese);
  if (parts.some((part) => part === undefined)) return undefined;
  const [first, second] = parts as bigint[];
  // 三分之二 names the lower number first.
  const [top, bottom] = second === undefined ? [first, 1n] : [second, first];
  return fraction(isNegative ? -top : top, bottom);
}

function parseDecimal(text: string): Fraction | undefined {
  const match = /^(-?)([\d,]*)(?:\.(\d+))?$/.exec(text);
  if (!match) return undefined;
  const digits = match[2].replaceAll(',', '') + (match[3] ?? '');
  if (digits === '') return undefined;
  const value = BigInt(digits);
  return fraction(match[1] === '-' ? -value : value, 10n ** BigInt(match[3]?.length ?? 0));
}

function parseChinese(text: string): bigint | undefined {
  if (text === '') return undefined;
  // Digit by digit: 二〇二四.
  if ([...text].every((char) => DIGITS[char] !== undefined)) {
    return BigInt([...text].map((char) => DIGITS[char]).join(''));
  }
  for (const [char, scale] of [
    ['亿', 100_000_000n],
    ['万', 10_000n],
  ] as const) {
    const at = text.lastIndexOf(char);
    if (at < 0) continue;
    const high = parseChinese(text.slice(0, at));
    const low = at + 1 === text.length ? 0n : parseChinese(text.slice(at + 1));
    return high === undefined || low === undefined ? undefined : high * scale + low;
  }
  let sum = 0;
  let digit = 0;
  for (const char of text) {
    const unit = UNITS[char];
    if (unit === undefined) digit = DIGITS[char];
    else {
      // 十三 is thirteen: no digit before the unit means one.
      sum += (digit === 0 ? 1 : digit) * unit;
      digit = 0;
    }
  }
  return BigInt(sum + digit);
}

function fraction(top: bigint, bottom: bigint): Fraction | undefined {
  if (bottom === 0n) return undefined;
  let [a, b] = [top < 0n ? -top : top, bottom < 0n ? -bottom : bottom];
  while (b !== 0n) [a, b] = [b, a % b];
  const divisor = bottom < 0n ? -a : a;
  return divisor === 0n ? { top: 0n, bottom: 1n } : { top: top / divisor, bottom: bottom / divisor };
}

/** The letter of a multiple choice: the text is nothing else, or states it in one of the ways that `mathResult` knows. */
function choiceLetter(text: string): string | undefined {
  const plain = text.normalize('NFKC');
  const boxed = boxedContent(plain);
  const alone = letterAlone(boxed ?? plain);
  if (alone !== undefined || boxed !== undefined) return alone;
  const hash = plain.lastIndexOf('####');
  if (hash >= 0) return letterAlone(plain.slice(hash + 4));
  const said = [...plain.matchAll(SAID_LETTER)].at(-1) ?? [...plain.matchAll(BOLD_LETTER)].at(-1);
  return said?.[1];
}

/** Marks that may be around a letter: (B) **B** \text{B} $B$ */
const OPEN = String.raw`[\s(*_$\[]*(?:\\(?:text|mathrm|mathbf|textbf)\{)?[\s(*]*`;
const LETTER = `${OPEN}([A-E])(?![A-Za-z'’])`;
// "A" begins sentences, too: "Answer: A man …" states no choice.
const NO_ARTICLE = String.raw`(?<!\bA(?=\s+(?!because|since|as\b|for\b|and\b)[a-z]))`;
const SAID_LETTER = new RegExp(
  String.raw`(?:\b(?:[Aa]nswer|ANSWER|[Oo]ption|[Cc]hoice)\b(?:\s+(?:is|would be|must be)|\s*[:=])+|选(?:择|项)?[::]?|答案(?:是|为|选|[::])+)(?:\s*(?:[Oo]ption|[Cc]hoice))?${LETTER}${NO_ARTICLE}`,
  'g',
);
const BOLD_LETTER = /\*\*\(?([A-E])[).]?\*\*/g;

function letterAlone(text: string): string | undefined {
  return new RegExp(String.raw`^${OPEN}([A-E])[\s).。*_$\]}:]*$`).exec(text)?.[1];
}
