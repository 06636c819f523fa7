import type { Tokenizer } from '../../text/tokenizer.ts';

/**
 * The tokens of a vocabulary by their bytes, as a tree in one row: a node is followed by all that begin like it. Control
 * tokens, end tokens and unused ones are not in it: they stand for no bytes of an answer.
 */
export interface TokenTrie {
  /** Last byte of each node. */
  readonly bytes: Uint8Array;
  /** How many bytes lie before it. */
  readonly depths: Uint16Array;
  /** The first node that does not begin like this one. */
  readonly ends: Int32Array;
  /** Tokens that are this node: those from `tokenStarts[node]` up to `tokenStarts[node + 1]` in `tokens`. */
  readonly tokenStarts: Int32Array;
  readonly tokens: Int32Array;
  readonly maxDepth: number;
}

const tries = new WeakMap<Tokenizer, TokenTrie>();

/** Made once for each tokenizer: about half a second for 150,000 tokens. */
export function tokenTrieOf(tokenizer: Tokenizer): TokenTrie {
  let trie = tries.get(tokenizer);
  if (!trie) {
    trie = buildTokenTrie(tokenizer);
    tries.set(tokenizer, trie);
  }
  return trie;
}

function buildTokenTrie(tokenizer: Tokenizer): TokenTrie {
  const entries: { readonly id: number; readonly text: string }[] = [];
  const ends = new Set(tokenizer.special.eos);
  for (let id = 0; id < tokenizer.vocabSize; id++) {
    if (tokenizer.isControl(id) || tokenizer.isUnused(id) || ends.has(id)) continue;
    // One character for each byte, so that strings compare as bytes do.
    const text = String.fromCharCode(...tokenizer.decodeBytes(id));
    if (text !== '') entries.push({ id, text });
  }
  entries.sort((a, b) => (a.text < b.text ? -1 : a.text > b.text ? 1 : a.id - b.id));

  const bytes: number[] = [];
  const depths: number[] = [];
  const tokenStarts: number[] = [];
  const nodeEnds: number[] = [];
  const path: number[] = [];
  let maxDepth = 0;
  let before = '';
  entries.forEach(({ text }, i) => {
    let shared = 0;
    while (
      shared < before.length &&
      shared < text.length &&
      before.charCodeAt(shared) === text.charCodeAt(shared)
    )
      shared++;
    while (path.length > shared) nodeEnds[path.pop() as number] = bytes.length;
    for (let depth = shared; depth < text.length; depth++) {
      path.push(bytes.length);
      bytes.push(text.charCodeAt(depth));
      depths.push(depth);
      tokenStarts.push(i);
    }
    // Equal texts make no new node, so a node's tokens are all up to where the next node's begin; on the way there are none.
    maxDepth = Math.max(maxDepth, text.length);
    before = text;
  });
  while (path.length > 0) nodeEnds[path.pop() as number] = bytes.length;
  return {
    bytes: Uint8Array.from(bytes),
    depths: Uint16Array.from(depths),
    ends: Int32Array.from(nodeEnds),
    tokenStarts: Int32Array.from([...tokenStarts, entries.length]),
    tokens: Int32Array.from(entries, ({ id }) => id),
    maxDepth,
  };
}
