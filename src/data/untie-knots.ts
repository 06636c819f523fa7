/**
 * UtK, "Untie the Knots": long-range dependencies out of ordinary documents. The documents of a sequence are cut into
 * chunks, all chunks are shuffled, and each cut document ends with the order in which its chunks belong.
 * Source: arXiv:2409.04774; the details are those of the report's long-context stage (128B tokens at 32K).
 */
import type { CounterRandom } from '../core/counter-random.ts';
import type { Draws } from '../core/random.ts';
import type { JsonValue } from '../format/json.ts';
import { type DocumentStream, numbersOf, type TrainingDocument } from './document-stream.ts';
import { joinDocuments, type MaskedDocument } from './joined-sessions.ts';

export interface KnotOptions {
  /** Tokens of a sequence. */
  readonly sequenceLength: number;
  /** Share of the sequences that are knotted; the others stay as they are. The paper: 0.3 keeps short tasks best. */
  readonly probability: number;
  /** How probable it is that a document is cut into 1, 2, 3… chunks. */
  readonly chunkShares: readonly number[];
  /** Chunks of one document keep their order among the others. */
  readonly keepOrder: boolean;
  /** The stream of each sequence. */
  readonly random: (sequence: number) => CounterRandom;
  /** Text -> ids, for the markers. */
  readonly encode: (text: string) => Int32Array;
}

const ID_CHARACTERS = 'ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789';
const ID_LENGTH = 6;

/** Each document of this stream is one whole sequence, knotted or not; attention goes across everything in it. */
export class KnottedSequences implements DocumentStream {
  private readonly documents: DocumentStream;
  private readonly options: KnotOptions;
  private index = 0;
  /** What is left of the document that the last sequence ended in. */
  private rest: TrainingDocument | undefined;
  private at: JsonValue;
  private offset = 0;

  constructor(documents: DocumentStream, options: KnotOptions) {
    this.documents = documents;
    this.options = options;
    this.at = documents.position();
  }

  async next(): Promise<TrainingDocument> {
    const { sequenceLength } = this.options;
    const random = this.options.random(this.index).drawsFrom(0);
    this.index++;
    const isKnotted = random.uniform() < this.options.probability;
    const documents: TrainingDocument[] = [];
    let length = 0;
    while (length < sequenceLength) {
      const piece = await this.take(sequenceLength - length);
      documents.push(piece);
      length += piece.tokens.length;
    }
    if (!isKnotted) return joinDocuments(documents.map(withoutFirst));
    const knotted = joinDocuments(tieKnots(documents, this.options, random));
    return {
      tokens: knotted.tokens.subarray(0, sequenceLength),
      lossMask: knotted.lossMask.subarray(0, sequenceLength),
    };
  }

  position(): JsonValue {
    return { sequence: this.index, documents: this.at, offset: this.offset };
  }

  async seek(position: JsonValue): Promise<void> {
    const { sequence, offset } = numbersOf(position, ['sequence', 'offset']);
    this.index = sequence;
    this.at = (position as { documents: JsonValue }).documents;
    await this.documents.seek(this.at);
    this.offset = offset;
    this.rest = offset > 0 ? slice(await this.documents.next(), offset) : undefined;
  }

  /** The next document, or as much of it as there is room for. */
  private async take(room: number): Promise<TrainingDocument> {
    if (!this.rest) {
      this.at = this.documents.position();
      this.rest = await this.documents.next();
    }
    const piece = slice(this.rest, 0, room);
    this.offset += piece.tokens.length;
    if (piece.tokens.length < this.rest.tokens.length) this.rest = slice(this.rest, room);
    else {
      this.rest = undefined;
      this.offset = 0;
      this.at = this.documents.position();
    }
    return piece;
  }
}

interface Chunk extends MaskedDocument {
  readonly document: number;
  readonly id: string;
}

/** The documents of one sequence -> its segments, markers among them. Longer than what came in by the markers. */
export function tieKnots(
  documents: readonly TrainingDocument[],
  options: Pick<KnotOptions, 'chunkShares' | 'keepOrder' | 'encode'>,
  random: Draws,
): MaskedDocument[] {
  const chunks = documents.map((document, i) => cut(document, i, draw(options.chunkShares, random), random));
  // The sequence may end within its last document: whatever follows it would be torn from its beginning.
  const last = chunks[chunks.length - 1].at(-1) as Chunk;
  const shuffled = chunks.flat().filter((chunk) => chunk !== last);
  random.shuffle(shuffled);
  shuffled.push(last);
  if (options.keepOrder) restoreOrder(shuffled, chunks);

  const left = chunks.map((some) => some.length);
  const masked = (text: string): MaskedDocument => {
    const tokens = options.encode(text);
    return { tokens, lossMask: new Uint8Array(tokens.length) };
  };
  const segments: MaskedDocument[] = [];
  for (const chunk of shuffled) {
    const siblings = chunks[chunk.document];
    if (siblings.length > 1) segments.push(masked('<D>'), masked(chunk.id), masked('</D>'));
    segments.push(chunk);
    left[chunk.document]--;
    if (siblings.length === 1 || left[chunk.document] > 0) continue;
    // All its pieces have been seen: the order in which they belong can be known, so it counts.
    segments.push(masked('<S>'));
    for (const [i, { id }] of siblings.entries()) {
      if (i > 0) segments.push(counted(options.encode('<s>')));
      segments.push(counted(options.encode(id)));
    }
    segments.push(counted(options.encode('</S>')));
  }
  return segments;
}

/** First tokens of chunks, and last ones before a cut, cannot be predicted from the tokens before them: they don't count. */
function cut(document: TrainingDocument, index: number, wanted: number, random: Draws): Chunk[] {
  const { length } = document.tokens;
  const numChunks = Math.max(1, Math.min(wanted, length));
  const cuts = new Set<number>();
  while (cuts.size < numChunks - 1) cuts.add(1 + random.below(length - 1));
  const borders = [0, ...[...cuts].sort((a, b) => a - b), length];
  return borders.slice(1).map((end, i) => {
    const lossMask = document.lossMask?.slice(borders[i], end) ?? new Uint8Array(end - borders[i]).fill(1);
    lossMask[0] = 0;
    if (end < length) lossMask[lossMask.length - 1] = 0;
    return {
      document: index,
      id: randomId(random),
      tokens: document.tokens.subarray(borders[i], end),
      lossMask,
    };
  });
}

function draw(shares: readonly number[], random: Draws): number {
  let left = random.uniform() * shares.reduce((sum, share) => sum + share, 0);
  for (const [i, share] of shares.entries()) {
    left -= share;
    if (left < 0) return i + 1;
  }
  return shares.length;
}

/** Each document's chunks in their own order, at the places that its chunks have. */
function restoreOrder(shuffled: Chunk[], chunks: readonly (readonly Chunk[])[]): void {
  const next = chunks.map(() => 0);
  for (const [i, { document }] of shuffled.entries()) shuffled[i] = chunks[document][next[document]++];
}

function randomId(random: Draws): string {
  return Array.from({ length: ID_LENGTH }, () => ID_CHARACTERS[random.below(ID_CHARACTERS.length)]).join('');
}

function counted(tokens: Int32Array): MaskedDocument {
  return { tokens, lossMask: new Uint8Array(tokens.length).fill(1) };
}

/** The first token of a document follows another one by chance. */
function withoutFirst(document: TrainingDocument): TrainingDocument {
  const lossMask = document.lossMask?.slice() ?? new Uint8Array(document.tokens.length).fill(1);
  lossMask[0] = 0;
  return { tokens: document.tokens, lossMask };
}

function slice(document: TrainingDocument, start: number, length?: number): TrainingDocument {
  return {
    tokens: document.tokens.subarray(start, length === undefined ? undefined : start + length),
    ...(document.lossMask && {
      lossMask: document.lossMask.subarray(start, length === undefined ? undefined : start + length),
    }),
  };
}
