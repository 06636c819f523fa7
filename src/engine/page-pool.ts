import { PAGE_SIZE } from '../graph/ops/cached-attention.ts';

export { PAGE_SIZE };

/** A full page of cached tokens, and what came before it. Two requests with one beginning share the nodes of it. */
interface PageNode {
  readonly parent: PageNode | undefined;
  readonly key: string;
  readonly page: number;
  readonly children: Map<string, PageNode>;
  /** Requests that are using this page now; zero means it is only cached. */
  numUsers: number;
}

/**
 * The pages of the key/value cache: who uses them, and which prefixes they hold. Pages of finished requests are kept
 * as a radix tree over whole pages until the room is needed; the least recently used leaf goes first.
 */
export class PagePool {
  readonly numPages: number;
  private readonly free: number[];
  private readonly root: PageNode = {
    parent: undefined,
    key: '',
    page: -1,
    children: new Map(),
    numUsers: 1,
  };
  /**
   * Cached pages that no request uses, the least recently used first. Requests release their last page first, so that
   * every page comes before the one it continues: the first one never has children.
   */
  private readonly idle = new Set<PageNode>();
  private readonly maxIdle: number;

  /** Of all pages at most `maxIdle` are kept for what no request uses any more. */
  constructor(numPages: number, maxIdle = numPages) {
    this.numPages = numPages;
    this.maxIdle = maxIdle;
    // Popped from the end: low pages first, which keeps small sessions in few memory pages of the machine.
    this.free = Array.from({ length: numPages }, (_, i) => numPages - 1 - i);
  }

  /** Pages that are in use by no request and hold nothing worth keeping. */
  get numFree(): number {
    return this.free.length;
  }

  /** Pages that hold prefixes for requests to come. */
  get numIdle(): number {
    return this.idle.size;
  }

  /** Pages that a request could have now. */
  get numAvailable(): number {
    return this.free.length + this.idle.size;
  }

  /**
   * Start a request: takes the longest cached prefix, but leaves at least one token to compute. Requests share prefixes
   * only with those of equal `salt`.
   */
  open(tokens: readonly number[], salt = ''): PageTable {
    const table = new PageTable(this, this.root, salt);
    const usable = Math.floor((tokens.length - 1) / PAGE_SIZE);
    for (let i = 0; i < usable; i++) {
      const node = table.last.children.get(table.key(tokens, i));
      if (!node) break;
      this.use(node);
      table.adopt(node);
    }
    return table;
  }

  /** A page to write to, taken from the least recently used prefix if none is free; undefined when all are in use. */
  take(): number | undefined {
    if (this.free.length === 0) this.evict();
    return this.free.pop();
  }

  giveBack(page: number): void {
    this.free.push(page);
  }

  /** Cache a page that has just become full. If the same prefix is known already, the known page is used instead. */
  remember(parent: PageNode, key: string, page: number): PageNode {
    const known = parent.children.get(key);
    if (known) {
      this.use(known);
      this.giveBack(page);
      return known;
    }
    const node: PageNode = { parent, key, page, children: new Map(), numUsers: 1 };
    parent.children.set(key, node);
    return node;
  }

  release(node: PageNode): void {
    node.numUsers--;
    if (node.numUsers > 0) return;
    this.idle.add(node);
    if (this.idle.size > this.maxIdle) this.evict();
  }

  private use(node: PageNode): void {
    if (node.numUsers === 0) this.idle.delete(node);
    node.numUsers++;
  }

  private evict(): void {
    const [oldest] = this.idle;
    if (!oldest) return;
    this.idle.delete(oldest);
    oldest.parent?.children.delete(oldest.key);
    this.free.push(oldest.page);
  }
}

/** The pages of one request, in order of position. */
export class PageTable {
  /** Page numbers; page i holds positions i·PAGE_SIZE and up. */
  readonly pages: number[] = [];
  private readonly pool: PagePool;
  private readonly root: PageNode;
  private readonly salt: string;
  private readonly shared: PageNode[] = [];

  constructor(pool: PagePool, root: PageNode, salt: string) {
    this.pool = pool;
    this.root = root;
    this.salt = salt;
  }

  get last(): PageNode {
    return this.shared[this.shared.length - 1] ?? this.root;
  }

  /** Positions whose keys and values need not be recomputed. */
  get numCached(): number {
    return this.shared.length * PAGE_SIZE;
  }

  adopt(node: PageNode): void {
    this.shared.push(node);
    this.pages.push(node.page);
  }

  /** Make room for positions below `numTokens`; false when the pool has no page left (what was taken is kept). */
  reserve(numTokens: number): boolean {
    while (this.pages.length * PAGE_SIZE < numTokens) {
      const page = this.pool.take();
      if (page === undefined) return false;
      this.pages.push(page);
    }
    return true;
  }

  /** Positions below `numComputed` are in the cache now: offer the pages that became full to other requests. */
  commit(tokens: readonly number[], numComputed: number): void {
    while (this.numCached + PAGE_SIZE <= numComputed) {
      const index = this.shared.length;
      const node = this.pool.remember(this.last, this.key(tokens, index), this.pages[index]);
      // Equal prefixes give bit-identical keys and values, so a page may be swapped for another's under way.
      this.shared.push(node);
      this.pages[index] = node.page;
    }
  }

  /** The request is over: full pages stay cached, the others are freed. */
  close(): void {
    for (const page of this.pages.slice(this.shared.length)) this.pool.giveBack(page);
    for (const node of this.shared.toReversed()) this.pool.release(node);
    this.shared.length = 0;
    this.pages.length = 0;
  }

  /** What a page holds, given what comes before it. */
  key(tokens: readonly number[], index: number): string {
    const text = tokens.slice(index * PAGE_SIZE, (index + 1) * PAGE_SIZE).join(',');
    return index === 0 ? `${this.salt}:${text}` : text;
  }
}
