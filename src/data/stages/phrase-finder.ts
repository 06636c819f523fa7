/** Finds any of many phrases in a text in one pass. Source: Aho and Corasick, "Efficient string matching", 1975. */
interface Node {
  readonly next: Map<string, Node>;
  /** The longest proper suffix that is also the start of a phrase. */
  fallback: Node | undefined;
  phrase: string | undefined;
}

export class PhraseFinder {
  private readonly root: Node = { next: new Map(), fallback: undefined, phrase: undefined };

  constructor(phrases: Iterable<string>) {
    for (const phrase of phrases) this.add(phrase);
    const queue = [...this.root.next.values()];
    for (const child of queue) child.fallback = this.root;
    for (let at = 0; at < queue.length; at++) {
      for (const [character, child] of queue[at].next) {
        child.fallback = this.step(queue[at].fallback, character);
        child.phrase ??= child.fallback.phrase;
        queue.push(child);
      }
    }
  }

  /** A phrase that ends first, if there is one. */
  find(text: string): string | undefined {
    let node = this.root;
    for (const character of text) {
      node = this.step(node, character);
      if (node.phrase !== undefined) return node.phrase;
    }
    return undefined;
  }

  private add(phrase: string): void {
    let node = this.root;
    for (const character of phrase) {
      const child = node.next.get(character) ?? { next: new Map(), fallback: undefined, phrase: undefined };
      node.next.set(character, child);
      node = child;
    }
    node.phrase = phrase;
  }

  private step(from: Node | undefined, character: string): Node {
    for (let node = from; node; node = node.fallback) {
      const child = node.next.get(character);
      if (child) return child;
    }
    return this.root;
  }
}
