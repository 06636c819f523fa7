import { Random } from '../../../src/core/random.ts';
import type { Constraint } from '../../../src/engine/constraint/constraint.ts';
import type { Tokenizer } from '../../../src/text/tokenizer.ts';
import { fixtureTokenizer } from '../../text/fixture.ts';

/** The vocabulary of the tokenizer tests, whose tokens split and join characters, with an end. */
export function constraintTokenizer(): Tokenizer {
  const end = fixtureTokenizer().idOf('<|endofresponse|>') as number;
  return fixtureTokenizer({ special: { eos: [end] } });
}

export function isAllowed(mask: Uint32Array, token: number): boolean {
  return ((mask[token >> 5] >>> (token & 31)) & 1) === 1;
}

/** Any allowed token but an end; -1 if there is none. */
function anyAllowed(mask: Uint32Array, tokenizer: Tokenizer, random: Random): number {
  const ends = tokenizer.special.eos;
  const isGood = (token: number) => isAllowed(mask, token) && !ends.includes(token);
  for (let i = 0; i < 40; i++) {
    const token = random.below(tokenizer.vocabSize);
    if (isGood(token)) return token;
  }
  const allowed: number[] = [];
  for (let word = 0; word < mask.length; word++) {
    for (let bit = 0; mask[word] !== 0 && bit < 32; bit++) {
      if (isGood(word * 32 + bit)) allowed.push(word * 32 + bit);
    }
  }
  return allowed.length === 0 ? -1 : allowed[random.below(allowed.length)];
}

/**
 * The answer of a model that knows nothing: any token that is allowed, but now and then, and always after `length`
 * tokens, one that brings the answer nearer to its end. Undefined if it has no end after ten times as many.
 */
export function randomAnswer(
  constraint: Constraint,
  tokenizer: Tokenizer,
  seed: number,
  length = 60,
): string | undefined {
  const random = new Random(seed);
  const closing = [...'"}],:0aé@.'].map((text) => tokenizer.encode(text)[0]);
  const state = constraint.start();
  const tokens: number[] = [];
  for (let step = 0; step < 10 * length; step++) {
    if (state.isFinished) return tokenizer.decode(tokens);
    const mask = state.mask();
    const canEnd = tokenizer.special.eos.some((token) => isAllowed(mask, token));
    if (canEnd !== state.isComplete)
      throw new Error('end tokens are allowed exactly when the answer is complete');
    const wantsEnd = step >= length || random.below(3) === 0;
    if (wantsEnd && canEnd) return tokenizer.decode(tokens);
    const nearer = wantsEnd ? closing.filter((token) => isAllowed(mask, token)) : [];
    const token =
      nearer.length > 0
        ? nearer[random.below(1 + random.below(nearer.length))]
        : anyAllowed(mask, tokenizer, random);
    if (token < 0) throw new Error(`dead end after ${JSON.stringify(tokenizer.decode(tokens))}`);
    state.accept(token);
    tokens.push(token);
  }
  return undefined;
}

/** Whether the constraint lets a text through, byte by byte, to its end. */
export function acceptsText(
  constraint: Constraint,
  tokenizer: Tokenizer,
  bytes: Uint8Array | string,
): boolean {
  const state = constraint.start();
  const byteTokens = byteTokensOf(tokenizer);
  for (const byte of typeof bytes === 'string' ? new TextEncoder().encode(bytes) : bytes) {
    const token = byteTokens[byte];
    if (!isAllowed(state.mask(), token)) return false;
    state.accept(token);
  }
  return state.isComplete;
}

const byteTokens = new WeakMap<Tokenizer, Int32Array>();

export function byteTokensOf(tokenizer: Tokenizer): Int32Array {
  let found = byteTokens.get(tokenizer);
  if (!found) {
    found = new Int32Array(256);
    for (let id = tokenizer.vocabSize - 1; id >= 0; id--) {
      const bytes = tokenizer.decodeBytes(id);
      if (bytes.length === 1 && !tokenizer.isControl(id)) found[bytes[0]] = id;
    }
    byteTokens.set(tokenizer, found);
  }
  return found;
}
