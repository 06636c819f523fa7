/**
 * Which tokens may come next. What a rule allows by itself is found once for each set of its positions, by one walk over
 * all tokens; only tokens that continue after the end of the rule depend on what is around it.
 */
import type { Automaton } from './automaton.ts';
import { type Configuration, DEAD, type Frame, Places, type PositionSet } from './places.ts';
import type { TokenTrie } from './token-trie.ts';

interface RuleMask {
  /** Tokens whose bytes stay within the rule or end with it. */
  readonly allowed: Uint32Array;
  /** Nodes of the trie that end the rule and are not the end of all tokens. */
  readonly exits: Int32Array;
}

/** Masks that are kept by one constraint: some 800 for 150,000 tokens. */
const MAX_KEPT_BYTES = 16 * 2 ** 20;

export class TokenMasks {
  readonly places: Places;
  private readonly trie: TokenTrie;
  private readonly classOfNode: Uint8Array;
  private readonly numWords: number;
  private readonly masks = new Map<PositionSet, RuleMask>();
  private readonly path: Configuration[];
  private readonly out: Uint32Array;

  /** `vocabSize`: bits of a mask. */
  constructor(automaton: Automaton, trie: TokenTrie, vocabSize: number) {
    this.places = new Places(automaton);
    this.trie = trie;
    this.classOfNode = trie.bytes.map((value) => automaton.classOf[value]);
    this.numWords = Math.ceil(vocabSize / 32);
    this.path = new Array(trie.maxDepth + 1).fill(DEAD);
    this.out = new Uint32Array(this.numWords);
  }

  /** A bit for each token; overwritten by the next call. */
  maskOf(configuration: Configuration): Uint32Array {
    const { out } = this;
    out.fill(0);
    for (const { frame, set } of configuration.groups) {
      const { allowed, exits } = this.ruleMask(set, frame !== undefined);
      for (let i = 0; i < out.length; i++) out[i] |= allowed[i];
      if (frame) this.addBeyond(frame, exits, out);
    }
    return out;
  }

  /** Tokens that end the rule half-way and continue as what is around it allows. */
  private addBeyond(frame: Frame, exits: Int32Array, out: Uint32Array): void {
    const { ends } = this.trie;
    const resumed = this.places.resume(frame);
    for (const node of exits) this.walk(node + 1, ends[node], resumed, out);
  }

  /** `isCalled`: there is something around the rule. Nothing calls the outermost one, so it never has exits. */
  private ruleMask(set: PositionSet, isCalled: boolean): RuleMask {
    const canonical = this.places.canonical(set, this.trie.maxDepth);
    let mask = this.masks.get(canonical);
    if (mask) {
      // The order of the map is that of use.
      this.masks.delete(canonical);
    } else {
      const allowed = new Uint32Array(this.numWords);
      const exits: number[] = [];
      this.walk(
        0,
        this.trie.bytes.length,
        this.places.alone(canonical),
        allowed,
        isCalled ? exits : undefined,
      );
      mask = { allowed, exits: Int32Array.from(exits) };
      if (this.masks.size * this.numWords * 4 > MAX_KEPT_BYTES) {
        this.masks.delete(this.masks.keys().next().value as PositionSet);
      }
    }
    this.masks.set(canonical, mask);
    return mask;
  }

  /** Sets the bits of all tokens among the nodes from `first` to `end` whose bytes can follow `from`. */
  private walk(first: number, end: number, from: Configuration, out: Uint32Array, exits?: number[]): void {
    if (first === end) return;
    const { depths, ends, tokenStarts, tokens } = this.trie;
    const { classOfNode, path, places } = this;
    path[depths[first]] = from;
    for (let node = first; node < end; ) {
      const depth = depths[node];
      const before = path[depth];
      const byteClass = classOfNode[node];
      const to = before.next[byteClass] ?? places.step(before, byteClass);
      if (to === DEAD) {
        node = ends[node];
        continue;
      }
      path[depth + 1] = to;
      for (let i = tokenStarts[node]; i < tokenStarts[node + 1]; i++)
        out[tokens[i] >> 5] |= 1 << (tokens[i] & 31);
      if (exits && to.isComplete && ends[node] > node + 1) exits.push(node);
      node++;
    }
  }
}
