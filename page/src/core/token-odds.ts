/** A token that the model could have written, and the natural logarithm of its probability. */
export interface TokenChance {
  readonly text: string;
  readonly logprob: number;
}

/** A token of an answer, and the most likely tokens in its place (it may be one of them). */
export interface TokenChoice extends TokenChance {
  readonly top: readonly TokenChance[];
}

/**
 * The choices of one answer, 4 bytes for each token and alternative: 10,000 tokens with five alternatives take 240 kB. Row `t` of
 * `tokens` and `logprobs` is the token itself, then its alternatives.
 */
export interface TokenOdds {
  /** The texts of tokens, each once; `tokens` are indexes into it. */
  readonly texts: readonly string[];
  readonly tokens: Uint16Array;
  /** Negated, in thousandths. */
  readonly logprobs: Uint16Array;
  readonly width: number;
}

export const NUM_ALTERNATIVES = 5;
const WIDTH = 1 + NUM_ALTERNATIVES;
const NONE = 0xffff;
const MAX_TEXTS = NONE;

/** Grows while an answer streams. */
export class OddsRecorder {
  private readonly texts: string[] = [];
  private readonly indexes = new Map<string, number>();
  private tokens = new Uint16Array(0);
  private logprobs = new Uint16Array(0);
  private length = 0;

  /** With the choices of an answer that is continued. */
  constructor(before?: TokenOdds) {
    if (!before) return;
    for (const text of before.texts) this.indexOf(text);
    this.tokens = before.tokens.slice();
    this.logprobs = before.logprobs.slice();
    this.length = before.tokens.length;
  }

  /** Nothing is known of the tokens before this one. */
  skipTo(token: number): void {
    if (token * WIDTH > this.length) this.extend(token * WIDTH);
  }

  add(choice: TokenChoice): void {
    const start = this.length;
    this.extend(start + WIDTH);
    [choice, ...choice.top].slice(0, WIDTH).forEach(({ text, logprob }, i) => {
      this.tokens[start + i] = this.indexOf(text);
      this.logprobs[start + i] = Math.min(NONE - 1, Math.max(0, Math.round(-1000 * logprob)));
    });
  }

  get odds(): TokenOdds {
    const { texts, length } = this;
    return {
      texts,
      tokens: this.tokens.subarray(0, length),
      logprobs: this.logprobs.subarray(0, length),
      width: WIDTH,
    };
  }

  private extend(end: number): void {
    if (end > this.tokens.length) {
      this.tokens = enlarged(this.tokens, end);
      this.logprobs = enlarged(this.logprobs, end);
    }
    this.tokens.fill(NONE, this.length, end);
    this.logprobs.fill(NONE, this.length, end);
    this.length = end;
  }

  private indexOf(text: string): number {
    const known = this.indexes.get(text);
    if (known !== undefined) return known;
    // An answer with so many different tokens is longer than any that a browser shows.
    if (this.texts.length === MAX_TEXTS) return NONE;
    this.indexes.set(text, this.texts.length);
    return this.texts.push(text) - 1;
  }
}

export function numChoices({ tokens, width }: TokenOdds): number {
  return Math.floor(tokens.length / width);
}

/** The choice of a token; undefined where none was recorded. */
export function choiceAt(odds: TokenOdds, token: number): TokenChoice | undefined {
  const { texts, tokens, logprobs, width } = odds;
  const row = Array.from({ length: width }, (_, i) => token * width + i).flatMap((at) =>
    at < tokens.length && logprobs[at] !== NONE
      ? [{ text: texts[tokens[at]] ?? '', logprob: -logprobs[at] / 1000 }]
      : [],
  );
  const [chosen, ...top] = row;
  return chosen && { ...chosen, top };
}

/** Rows that do not fit together give undefined: they may come from a file. */
export function checkOdds({ texts, tokens, logprobs, width }: TokenOdds): TokenOdds | undefined {
  const fits =
    Number.isInteger(width) && width > 0 && tokens.length === logprobs.length && tokens.length % width === 0;
  return fits ? { texts, tokens, logprobs, width } : undefined;
}

function enlarged(array: Uint16Array<ArrayBuffer>, least: number): Uint16Array<ArrayBuffer> {
  const larger = new Uint16Array(Math.max(least, 2 * array.length));
  larger.set(array);
  return larger;
}
