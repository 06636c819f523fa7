import { UsageError } from '../core/errors.ts';
import { formatCount } from '../core/units.ts';
import { ChunkJoiner } from './bpe-train-chunks.ts';
import { MergeCorpus } from './bpe-train-corpus.ts';
import { writeTokenizerJson } from './bpe-train-file.ts';
import { learnMerges } from './bpe-train-merge.ts';
import { PieceCounter } from './bpe-train-pieces.ts';
import { BYTES_IN_TOKEN_ORDER, CHAR_OF_BYTE } from './byte-alphabet.ts';
import { QWEN2 } from './pre-tokenizer.ts';

/** The control tokens of dots.llm1 in the order of their ids, document end first. */
export const DEFAULT_SPECIAL_TOKENS: readonly string[] = [
  '<|endoftext|>',
  '<|im_start|>',
  '<|im_end|>',
  '<|userprompt|>',
  '<|endofuserprompt|>',
  '<|response|>',
  '<|endofresponse|>',
  '<|system|>',
  '<|endofsystem|>',
  '<|reject-unknown|>',
  '<|sec-cot|>',
  '<|sec-end-cot|>',
  '<|observation|>',
  '<|endofobservation|>',
  '<|execution|>',
  '<|endofexecution|>',
];

const BYTE_TOKENS: readonly string[] = Array.from(BYTES_IN_TOKEN_ORDER, (byte) =>
  String.fromCharCode(CHAR_OF_BYTE[byte]),
);
const ID_OF_BYTE = new Uint8Array(256);
BYTES_IN_TOKEN_ORDER.forEach((byte, id) => {
  ID_OF_BYTE[byte] = id;
});

/** Far above any vocabulary in use; the trainer keeps a few dense arrays of this length. */
const MAX_VOCAB_SIZE = 4_000_000;

/** Interval of turns for the event loop, so that Ctrl-C and progress bars work during training. */
const PAUSE_EVERY_MS = 50;

export interface BpeTrainerOptions {
  /** Tokens in all: 256 bytes, merges, control tokens. Fewer come out when the text has no more pairs to merge. */
  readonly vocabSize: number;
  /** Default: `DEFAULT_SPECIAL_TOKENS`. */
  readonly specialTokens?: readonly string[];
  /** Fewest occurrences of a pair that is merged. Default 2. */
  readonly minFrequency?: number;
  /** Longest token in bytes. Default: no limit. */
  readonly maxTokenLength?: number;
  /** Put text into Unicode form NFC, in training and in the tokenizer.json. Default true. */
  readonly normalize?: boolean;
}

export interface TrainProgress {
  readonly signal?: AbortSignal;
  /** Merges learned so far, and requested. */
  readonly onProgress?: (done: number, total: number) => void;
}

export interface TrainedBpe {
  /** Byte-alphabet spelling of every token but the control tokens; the index is the id. */
  readonly tokens: readonly string[];
  /** In order of rank. */
  readonly merges: readonly (readonly [string, string])[];
  /** Their ids follow `tokens`. */
  readonly specialTokens: readonly string[];
  /** Tokens in all. */
  readonly vocabSize: number;
  /** UTF-8 bytes and tokens of the training text; control tokens are not in it. */
  readonly numBytes: number;
  readonly numTokens: number;
  readonly bytesPerToken: number;
  tokenizerJson(): string;
}

/**
 * Trains a byte-level BPE with the pre-tokeniser of dots.llm1. Ids: the 256 byte tokens in byte-alphabet order, the
 * learned tokens, the control tokens. The result depends on the text alone: the most frequent pair is merged first,
 * of equally frequent ones that with the lowest (left id, right id). Memory: a few bytes for each byte of different
 * pieces, so text of any length can be streamed in.
 *
 * The merges are those of Hugging Face `tokenizers` 0.23 on the same text (test/golden/tokenizer-trainer).
 */
export class BpeTrainer {
  private readonly options: BpeTrainerOptions;
  private readonly specialTokens: readonly string[];
  private readonly pieces = new PieceCounter();
  private readonly joiner = new ChunkJoiner();

  /** Throws `UsageError` for a vocabulary too small for the bytes and control tokens, and for doubled control tokens. */
  constructor(options: BpeTrainerOptions) {
    this.options = options;
    this.specialTokens = options.specialTokens ?? DEFAULT_SPECIAL_TOKENS;
    checkOptions(options, this.specialTokens);
  }

  /** Different pieces so far; what memory grows with. */
  get numPieces(): number {
    return this.pieces.size;
  }

  /** Count one whole document. */
  addText(text: string): void {
    this.addChunk(text);
    this.endText();
  }

  /** Count a part of a document; where the parts are cut makes no difference. */
  addChunk(text: string): void {
    this.count(this.joiner.push(text));
  }

  /** The document is complete. */
  endText(): void {
    this.count(this.joiner.finish());
  }

  /** Learn the merges from what was added. Throws the signal's reason when it is aborted, `UsageError` without text. */
  async train(progress: TrainProgress = {}): Promise<TrainedBpe> {
    this.endText();
    if (this.pieces.size === 0) {
      throw new UsageError('Cannot train a tokenizer: there is no text', {
        code: 'empty-training-text',
        hint: 'give at least one file or document that is not empty',
      });
    }
    const { specialTokens } = this;
    const maxTokens = this.options.vocabSize - specialTokens.length;
    const tokens = [...BYTE_TOKENS];
    const total = maxTokens - tokens.length;
    let pausedAt = performance.now();
    const pause = (): Promise<void> | undefined => {
      if (performance.now() - pausedAt < PAUSE_EVERY_MS) return undefined;
      progress.onProgress?.(tokens.length - BYTE_TOKENS.length, total);
      return new Promise<void>((resolve) => setTimeout(resolve)).then(() => {
        progress.signal?.throwIfAborted();
        pausedAt = performance.now();
      });
    };
    progress.signal?.throwIfAborted();
    const corpus = new MergeCorpus(this.pieces, ID_OF_BYTE, maxTokens);
    const ids = await learnMerges(corpus, {
      tokens,
      maxTokens,
      minFrequency: this.options.minFrequency ?? 2,
      maxTokenLength: this.options.maxTokenLength ?? Number.POSITIVE_INFINITY,
      pause,
    });
    progress.onProgress?.(total, total);
    const merges = ids.map(([left, right]): [string, string] => [tokens[left], tokens[right]]);
    return {
      tokens,
      merges,
      specialTokens,
      vocabSize: tokens.length + specialTokens.length,
      numBytes: corpus.numBytes,
      numTokens: corpus.numTokens,
      bytesPerToken: corpus.numBytes / corpus.numTokens,
      tokenizerJson: () =>
        writeTokenizerJson({
          tokens,
          merges,
          specialTokens,
          steps: QWEN2.steps,
          normalizeNfc: this.options.normalize ?? true,
        }),
    };
  }

  private count(text: string): void {
    if (text === '') return;
    const normalized = (this.options.normalize ?? true) ? text.normalize('NFC') : text;
    for (let start = 0; start < normalized.length; ) {
      const end = QWEN2.pieceEnd(normalized, start);
      this.pieces.add(normalized, start, end);
      start = end;
    }
  }
}

function checkOptions(options: BpeTrainerOptions, specialTokens: readonly string[]): void {
  const { vocabSize } = options;
  const smallest = 256 + specialTokens.length;
  if (!Number.isInteger(vocabSize) || vocabSize < smallest || vocabSize > MAX_VOCAB_SIZE) {
    throw new UsageError(`Cannot train a tokenizer with a vocabulary of ${vocabSize} tokens`, {
      code: 'bad-vocab-size',
      hint:
        `use a whole number from ${formatCount(smallest)} (256 bytes and ${specialTokens.length} control tokens) ` +
        `to ${formatCount(MAX_VOCAB_SIZE)}`,
    });
  }
  for (const [name, smallestValue] of [
    ['minFrequency', 1],
    ['maxTokenLength', 1],
  ] as const) {
    const value = options[name];
    if (value !== undefined && !(value >= smallestValue)) {
      throw new UsageError(`Cannot train a tokenizer with ${name} ${value}`, {
        code: 'bad-trainer-option',
        hint: 'use a number of at least 1',
      });
    }
  }
  const seen = new Set<string>();
  for (const token of specialTokens) {
    if (token === '' || seen.has(token)) {
      throw new UsageError(
        `Cannot use ${JSON.stringify(token)} as a control token: it is ${token === '' ? 'empty' : 'listed twice'}`,
        {
          code: 'bad-special-token',
          hint: 'list every control token once',
        },
      );
    }
    seen.add(token);
  }
}
