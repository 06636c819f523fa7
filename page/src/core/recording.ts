import { checkOdds, OddsRecorder, type TokenChoice, type TokenOdds } from './token-odds.ts';

/** How the experts of a model are laid out. */
export interface ExpertLayout {
  /** Numbers of the layers that have experts. */
  readonly layers: readonly number[];
  readonly numExperts: number;
  /** Experts chosen for each token in each layer. */
  readonly numChosen: number;
}

/**
 * What is known of the tokens of one answer. Row `t` of `ids` are the experts that token t was routed to: [layers, numChosen],
 * best expert first; `pieces[t]` is the text that became certain with it (text that several tokens share belongs to the last
 * of them).
 */
export interface Recording {
  readonly layout: ExpertLayout;
  readonly pieces: readonly string[];
  readonly ids: Uint16Array;
  /** Where they were requested. */
  readonly odds?: TokenOdds;
}

/** Of a model without experts, or where routing is not recorded. */
export const NO_EXPERTS: ExpertLayout = { layers: [], numExperts: 0, numChosen: 0 };

/** Grows while an answer streams. */
export class Recorder {
  private readonly layout: ExpertLayout;
  private readonly pieces: string[] = [];
  private ids = new Uint16Array(0);
  private length = 0;
  private odds: OddsRecorder | undefined;
  /** Tokens of the part that is continued. */
  private numBefore = 0;

  /** With what was recorded of an answer that is continued. */
  constructor(layout: ExpertLayout, before?: Recording) {
    this.layout = layout;
    if (!before) return;
    this.pieces.push(...before.pieces);
    this.ids = before.ids.slice();
    this.length = before.ids.length;
    this.odds = before.odds && new OddsRecorder(before.odds);
    this.odds?.skipTo(before.pieces.length);
    this.numBefore = before.pieces.length;
  }

  /** Text, the routing of its tokens and their odds, as one chunk of the stream brings them; each may be empty. */
  add(text: string, bytes: Uint8Array | undefined, choices: readonly TokenChoice[] = []): void {
    if (choices.length > 0 && !this.odds) {
      this.odds = new OddsRecorder();
      this.odds.skipTo(this.numBefore);
    }
    // They come in order, but later than their tokens where the text of these is not certain yet.
    for (const choice of choices) this.odds?.add(choice);
    const width = rowLength(this.layout);
    const chunk = bytes ? idsFromBytes(bytes, this.layout.numExperts) : new Uint16Array(0);
    const numTokens = width > 0 ? Math.floor(chunk.length / width) : choices.length;
    if (numTokens === 0) {
      // Text that was held back comes without a token of its own.
      if (text !== '' && this.pieces.length > 0) this.pieces[this.pieces.length - 1] += text;
      return;
    }
    const end = this.length + numTokens * width;
    if (end > this.ids.length) {
      const larger = new Uint16Array(Math.max(end, 2 * this.ids.length));
      larger.set(this.ids);
      this.ids = larger;
    }
    this.ids.set(chunk.subarray(0, numTokens * width), this.length);
    this.length = end;
    for (let i = 1; i < numTokens; i++) this.pieces.push('');
    this.pieces.push(text);
  }

  get recording(): Recording {
    const odds = this.odds?.odds;
    return {
      layout: this.layout,
      pieces: [...this.pieces],
      ids: this.ids.subarray(0, this.length),
      ...(odds && { odds }),
    };
  }
}

function rowLength({ layers, numChosen }: ExpertLayout): number {
  return layers.length * numChosen;
}

export function numTokens({ layout, ids }: Recording): number {
  return rowLength(layout) > 0 ? ids.length / rowLength(layout) : 0;
}

/** The experts of a token in the layer of a given index, best first. */
export function chosenExperts({ layout, ids }: Recording, token: number, layerIndex: number): Uint16Array {
  const start = token * rowLength(layout) + layerIndex * layout.numChosen;
  return ids.subarray(start, start + layout.numChosen);
}

/** A byte for each id, or two (low byte first) where the model has more than 256 experts. */
function idsFromBytes(bytes: Uint8Array, numExperts: number): Uint16Array {
  if (numExperts <= 256) return Uint16Array.from(bytes);
  return Uint16Array.from({ length: bytes.length >> 1 }, (_, i) => bytes[2 * i] | (bytes[2 * i + 1] << 8));
}

export function bytesFromBase64(text: string): Uint8Array {
  return Uint8Array.from(atob(text), (character) => character.charCodeAt(0));
}

/** As plain JSON. */
export function packRecording({ layout, pieces, ids, odds }: Recording): unknown {
  return {
    ...layout,
    pieces,
    ids: packNumbers(ids),
    ...(odds && {
      odds: { ...odds, tokens: packNumbers(odds.tokens), logprobs: packNumbers(odds.logprobs) },
    }),
  };
}

/** Undefined for anything that does not fit together. */
export function unpackRecording(packed: unknown): Recording | undefined {
  const { layers, numExperts, numChosen, pieces, ids, odds } = (packed ?? {}) as Record<string, unknown>;
  if (!Array.isArray(layers) || !layers.every(Number.isInteger)) return undefined;
  if (!isCount(numExperts, layers.length > 0) || !isCount(numChosen, layers.length > 0)) return undefined;
  if (!isTexts(pieces)) return undefined;
  const layout: ExpertLayout = { layers: layers as number[], numExperts, numChosen };
  const numbers = unpackNumbers(ids);
  if (numbers?.length !== pieces.length * rowLength(layout)) return undefined;
  if (!numbers.every((id) => id < numExperts)) return undefined;
  const unpackedOdds = unpackOdds(odds);
  return { layout, pieces, ids: numbers, ...(unpackedOdds && { odds: unpackedOdds }) };
}

function unpackOdds(packed: unknown): TokenOdds | undefined {
  const { texts, tokens, logprobs, width } = (packed ?? {}) as Record<string, unknown>;
  const [tokenNumbers, logprobNumbers] = [unpackNumbers(tokens), unpackNumbers(logprobs)];
  if (!isTexts(texts) || !tokenNumbers || !logprobNumbers || typeof width !== 'number') return undefined;
  return checkOdds({ texts, tokens: tokenNumbers, logprobs: logprobNumbers, width });
}

function isCount(value: unknown, isNeeded: boolean): value is number {
  return Number.isInteger(value) && (value as number) >= Number(isNeeded);
}

function isTexts(value: unknown): value is string[] {
  return Array.isArray(value) && value.every((text) => typeof text === 'string');
}

function packNumbers(numbers: Uint16Array): string {
  let binary = '';
  for (const number of numbers) binary += String.fromCharCode(number & 255, number >> 8);
  return btoa(binary);
}

function unpackNumbers(packed: unknown): Uint16Array | undefined {
  if (typeof packed !== 'string') return undefined;
  try {
    return idsFromBytes(bytesFromBase64(packed), Number.POSITIVE_INFINITY);
  } catch {
    return undefined;
  }
}
