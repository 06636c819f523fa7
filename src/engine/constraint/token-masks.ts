/**
 * Which tokens may come next. What a rule allows by itself is found once for each set of its positions, by one walk over
 * all tokens; only tokens that continue after the end of the rule depend on what is around it.
 */
import type { Automaton } from './automaton.ts';
import { type Configuration, DEAD, type Frame, Places, type PositionSet, type Work } from './places.ts';
import type { TokenTrie } from './token-trie.ts';

interface RuleMask {
  /** Tokens whose bytes stay within the rule or end with it. */
  readonly allowed: Uint32Array;
  /** Nodes of the trie that end the rule and are not the end of all tokens. */
  readonly exits: Int32Array;
}

/** A walk over tokens: what has been found, and how far it is. */
interface Walk {
  readonly out: Uint32Array;
  readonly exits?: number[];
  /** Where an answer is after each byte of the way to the present node. */
  readonly path: Configuration[];
  readonly work: Work;
}

/** Nodes of the trie between two pauses, well below a millisecond. */
const STEP_NODES = 8192;

/** Masks that are kept by one constraint: some 800 for 150,000 tokens. */
const MAX_KEPT_BYTES = 16 * 2 ** 20;

export class TokenMasks {
  readonly places: Places;
  private readonly trie: TokenTrie;
  private readonly classOfNode: Uint8Array;
  private readonly numWords: number;
  private readonly masks = new Map<PositionSet, RuleMask>();

  /** `vocabSize`: bits of a mask. */
  constructor(automaton: Automaton, trie: TokenTrie, vocabSize: number) {
    this.places = new Places(automaton);
    this.trie = trie;
    this.classOfNode = trie.bytes.map((value) => automaton.classOf[value]);
    this.numWords = Math.ceil(vocabSize / 32);
  }

  /** About the memory that this takes. */
  get sizeBytes(): number {
    return this.places.sizeBytes + this.classOfNode.length + this.masks.size * this.numWords * 4;
  }

  /** A bit for each token. Pauses about every millisecond. */
  *maskOf(configuration: Configuration, work: Work): Generator<void, Uint32Array> {
    const out = new Uint32Array(this.numWords);
    const path: Configuration[] = new Array(this.trie.maxDepth + 1).fill(DEAD);
    for (const { frame, set } of configuration.groups) {
      const { allowed, exits } = yield* this.ruleMask(set, frame !== undefined, path, work);
      for (let i = 0; i < out.length; i++) out[i] |= allowed[i];
      if (frame) yield* this.addBeyond(frame, exits, { out, path, work });
    }
    return out;
  }

  /** Tokens that end the rule half-way and continue as what is around it allows. */
  private *addBeyond(frame: Frame, exits: Int32Array, walk: Walk): Generator<void> {
    const { ends } = this.trie;
    const resumed = yield* this.places.resume(frame, walk.work);
    for (const node of exits) yield* this.walk(node + 1, ends[node], resumed, walk);
  }

  /** `isCalled`: there is something around the rule. Nothing calls the outermost one, so it never has exits. */
  private *ruleMask(
    set: PositionSet,
    isCalled: boolean,
    path: Configuration[],
    work: Work,
  ): Generator<void, RuleMask> {
    const canonical = this.places.canonical(set, this.trie.maxDepth);
    let mask = this.masks.get(canonical);
    if (mask) {
      // The order of the map is that of use.
      this.masks.delete(canonical);
    } else {
      const out = new Uint32Array(this.numWords);
      const exits: number[] = [];
      yield* this.walk(0, this.trie.bytes.length, this.places.alone(canonical), {
        out,
        path,
        work,
        ...(isCalled && { exits }),
      });
      mask = { allowed: out, exits: Int32Array.from(exits) };
      if (this.masks.size * this.numWords * 4 > MAX_KEPT_BYTES) {
        this.masks.delete(this.masks.keys().next().value as PositionSet);
      }
    }
    this.masks.set(canonical, mask);
    return mask;
  }

  /** Sets the bits of all tokens among the nodes from `first` to `end` whose bytes can follow `from`. */
  private *walk(first: number, end: number, from: Configuration, to: Walk): Generator<void> {
    if (first === end) return;
    const { depths } = this.trie;
    const { path, work } = to;
    path[depths[first]] = from;
    for (let node = first; node < end; ) {
      const stop = this.walkKnown(node, end, to);
      // Either nobody has been there yet, or there was enough to do for now.
      if (stop < Math.min(end, node + STEP_NODES))
        yield* this.places.step(path[depths[stop]], this.classOfNode[stop], work);
      else if (stop < end) yield;
      node = stop;
    }
  }

  /** Walks on where steps are known, for a while; gives the node where it stopped. */
  private walkKnown(first: number, end: number, { path, out, exits }: Walk): number {
    const { depths, ends, tokenStarts, tokens } = this.trie;
    const { classOfNode } = this;
    const last = Math.min(end, first + STEP_NODES);
    let node = first;
    while (node < last) {
      const depth = depths[node];
      const to = path[depth].next[classOfNode[node]];
      if (!to) return node;
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
    return node;
  }
}
