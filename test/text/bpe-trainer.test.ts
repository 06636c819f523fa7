import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { UsageError } from '../../src/core/errors.ts';
import { Random } from '../../src/core/random.ts';
import { BpeTrainer, type BpeTrainerOptions, DEFAULT_SPECIAL_TOKENS } from '../../src/text/bpe-trainer.ts';
import { CHAR_OF_BYTE } from '../../src/text/byte-alphabet.ts';
import { QWEN2 } from '../../src/text/pre-tokenizer.ts';
import { trainNaively } from './bpe-trainer-naive.ts';

const TOKEN_OF_BYTE = Array.from(CHAR_OF_BYTE, (code) => String.fromCharCode(code));

async function train(texts: readonly string[], options: Partial<BpeTrainerOptions> = {}) {
  const trainer = new BpeTrainer({ vocabSize: 320, specialTokens: [], ...options });
  for (const text of texts) trainer.addText(text);
  return await trainer.train();
}

function piecesOf(texts: readonly string[]): Uint8Array[] {
  const pieces: Uint8Array[] = [];
  for (const text of texts) {
    for (let start = 0; start < text.length; ) {
      const end = QWEN2.pieceEnd(text, start);
      pieces.push(new TextEncoder().encode(text.slice(start, end)));
      start = end;
    }
  }
  return pieces;
}

/** Runs, repeats, several scripts, marks that compose, digits, spaces, line breaks, contractions. */
const UNITS = [
  'a',
  'b',
  'ab',
  'aa',
  'the',
  ' ',
  '  ',
  '\n',
  '\r\n',
  "'",
  'll',
  '7',
  '.',
  '你',
  '好',
  '你好',
  '，',
  '。',
  'e\u0301',
  '\u0301',
  '😀',
  'क\u093c',
  '\u0958',
  '\u1112\u1161\u11ab',
  'É',
  '\u0085',
  '\ufeff',
];
const someText = fc.array(fc.constantFrom(...UNITS), { maxLength: 40 }).map((parts) => parts.join(''));

describe('BpeTrainer', () => {
  it('train() makes the merges of the trainer that recounts everything', async () => {
    await fc.assert(
      fc.asyncProperty(
        fc.array(someText, { minLength: 1, maxLength: 6 }),
        fc.integer({ min: 1, max: 3 }),
        async (texts, minFrequency) => {
          fc.pre(texts.some((text) => text !== ''));
          const fast = await train(texts, { minFrequency, normalize: false });
          const naive = trainNaively(piecesOf(texts), TOKEN_OF_BYTE, 320, minFrequency);
          expect(fast.merges).toEqual(naive.merges);
          expect(fast.tokens).toEqual(naive.tokens);
        },
      ),
      { numRuns: 100, seed: 4 },
    );
  });

  it('train() agrees with the recounting trainer across a recount of the corpus and on long runs', async () => {
    const random = new Random(7);
    const words = Array.from({ length: 60 }, () =>
      Array.from({ length: 1 + random.below(9) }, () => 'abcd'[random.below(1 + random.below(4))]).join(''),
    );
    const text = Array.from(
      { length: 3000 },
      () => words[Math.floor(words.length * random.uniform() ** 3)],
    ).join(' ');
    const texts = [text, 'a'.repeat(999), ` ${'ab'.repeat(77)}`];
    const fast = await train(texts, { vocabSize: 500 });
    expect(fast.merges).toEqual(trainNaively(piecesOf(texts), TOKEN_OF_BYTE, 500, 2).merges);
    expect(fast.merges.length).toBeGreaterThan(100);
  });

  it('train() gives the same tokenizer.json whatever the order of the documents', async () => {
    await fc.assert(
      fc.asyncProperty(fc.array(someText, { minLength: 2, maxLength: 8 }), async (texts) => {
        fc.pre(texts.some((text) => text !== ''));
        const forward = await train(texts);
        const backward = await train(texts.toReversed());
        expect(backward.tokenizerJson()).toBe(forward.tokenizerJson());
        expect(backward.bytesPerToken).toBe(forward.bytesPerToken);
      }),
      { numRuns: 30, seed: 5 },
    );
  });

  it('addChunk() counts the same pieces wherever a document is cut', async () => {
    const cuts = fc.array(fc.nat(200), { maxLength: 12 });
    await fc.assert(
      fc.asyncProperty(someText, cuts, fc.boolean(), async (text, positions, normalize) => {
        fc.pre(text !== '');
        // Every merge there is: two sets of pieces that differ anywhere end in different merges or byte counts.
        const options = { vocabSize: 1000, specialTokens: [], minFrequency: 1, normalize };
        const whole = new BpeTrainer(options);
        whole.addText(text);
        const parts = new BpeTrainer(options);
        const edges = [0, ...positions.filter((cut) => cut < text.length).sort((a, b) => a - b), text.length];
        for (let i = 1; i < edges.length; i++) parts.addChunk(text.slice(edges[i - 1], edges[i]));
        parts.endText();
        expect(parts.numPieces).toBe(whole.numPieces);
        const [a, b] = [await parts.train(), await whole.train()];
        expect(a.merges).toEqual(b.merges);
        expect(a.numBytes).toBe(b.numBytes);
      }),
      { numRuns: 300, seed: 6 },
    );
  });

  it('addChunk() joins a word, a composed letter and an emoji over a cut, addText() never does', async () => {
    const parts = new BpeTrainer({ vocabSize: 1000, specialTokens: [], minFrequency: 1 });
    for (const chunk of ['e', '\u0301t', 'e\ud83d', '\ude00']) parts.addChunk(chunk);
    parts.endText();
    expect((await parts.train()).numBytes).toBe(new TextEncoder().encode('\u00e9te😀').length);
    const { merges } = await train(['ab', 'cd', 'ab', 'cd']);
    expect(merges).toEqual([
      ['a', 'b'],
      ['c', 'd'],
    ]);
  });

  it('train() composes characters only where the tokenizer.json says NFC', async () => {
    const composed = await train(['e\u0301 e\u0301']);
    expect(composed.numBytes).toBe(5);
    expect(JSON.parse(composed.tokenizerJson()).normalizer).toEqual({ type: 'NFC' });
    const raw = await train(['e\u0301 e\u0301'], { normalize: false });
    expect(raw.numBytes).toBe(7);
    expect(JSON.parse(raw.tokenizerJson()).normalizer).toBeNull();
  });

  it('train() reports the bytes and tokens of its text as the merges leave them', async () => {
    // "the" three times: t h e -> 1 token each; " the" begins with a space of its own.
    const trained = await train(['the the the'], { vocabSize: 258 });
    expect(trained.merges).toEqual([
      ['h', 'e'],
      ['t', 'he'],
    ]);
    expect([trained.numBytes, trained.numTokens]).toEqual([11, 5]);
    expect(trained.bytesPerToken).toBe(11 / 5);
  });

  it('train() keeps the limits on frequency, token length and vocabulary', async () => {
    const text = 'abcabcabc abcabc xy';
    expect((await train([text], { minFrequency: 4 })).merges.length).toBeGreaterThan(0);
    expect((await train([text], { minFrequency: 6 })).merges).toEqual([]);
    const short = await train([text], { maxTokenLength: 2, minFrequency: 1 });
    expect(short.merges.length).toBeGreaterThan(0);
    expect(Math.max(...short.tokens.map((token) => token.length))).toBe(2);
    const none = await train([text], { vocabSize: 256 });
    expect([none.merges.length, none.vocabSize]).toEqual([0, 256]);
  });

  it('tokenizerJson() holds 256 bytes in alphabet order, then merges, then control tokens', async () => {
    const trained = await train(['aa aa'], {
      vocabSize: 256 + 16 + 1,
      specialTokens: DEFAULT_SPECIAL_TOKENS,
    });
    const file = JSON.parse(trained.tokenizerJson());
    expect(file.model.vocab['!']).toBe(0);
    expect(file.model.vocab.Ċ).toBe(198);
    expect(file.model.vocab.Ġ).toBe(220);
    expect(file.model.merges).toEqual(['a a']);
    expect(file.model.vocab.aa).toBe(256);
    expect(file.added_tokens.map((token: { id: number }) => token.id)).toEqual(
      DEFAULT_SPECIAL_TOKENS.map((_, index) => 257 + index),
    );
    expect(file.added_tokens[0]).toMatchObject({
      content: '<|endoftext|>',
      special: true,
      normalized: false,
    });
  });

  it('train() reads a lone surrogate as the tokenizer does, as U+FFFD', async () => {
    const trained = await train(['\ud800\ud800 \ud800'], { minFrequency: 1 });
    expect(trained.numBytes).toBe(10);
    expect(trained.merges.map((merge) => merge.join(''))).toContain('ï¿½');
  });

  it('train() stops with the reason of an aborted signal', async () => {
    const trainer = new BpeTrainer({ vocabSize: 300 });
    trainer.addText('some text');
    const signal = AbortSignal.abort(new Error('enough'));
    await expect(trainer.train({ signal })).rejects.toThrow('enough');
  });

  it('new BpeTrainer() refuses what cannot be trained', async () => {
    expect(() => new BpeTrainer({ vocabSize: 271 })).toThrow(/vocabulary of 271/);
    expect(() => new BpeTrainer({ vocabSize: 300.5 })).toThrow(UsageError);
    expect(() => new BpeTrainer({ vocabSize: 1e9 })).toThrow(UsageError);
    expect(() => new BpeTrainer({ vocabSize: 300, specialTokens: ['<a>', '<a>'] })).toThrow(/listed twice/);
    expect(() => new BpeTrainer({ vocabSize: 300, minFrequency: 0 })).toThrow(/minFrequency 0/);
    await expect(new BpeTrainer({ vocabSize: 300 }).train()).rejects.toThrow(/there is no text/);
  });
});
