import { ResourceError } from '../../core/errors.ts';

/** What one page may cost. */
export interface PageLimits {
  /** Characters of HTML. */
  readonly maxChars: number;
  readonly maxDepth: number;
  readonly maxNodes: number;
  /** Processor time: of the thread where Node can measure that (24), else of the process. */
  readonly maxMs: number;
}

export const PAGE_LIMITS: PageLimits = {
  maxChars: 16 * 1024 * 1024,
  maxDepth: 1000,
  maxNodes: 1_000_000,
  maxMs: 1000,
};

const STEPS_PER_LOOK = 1024;

// Not the time of day: on a busy machine the same page would fail now and then.
function processorMs(): number {
  const { threadCpuUsage } = process as { threadCpuUsage?: () => NodeJS.CpuUsage };
  const { user, system } = threadCpuUsage ? threadCpuUsage.call(process) : process.cpuUsage();
  return (user + system) / 1000;
}

/** Counts the work on one page; throws `ResourceError` when it exceeds its limits. */
export class PageBudget {
  readonly limits: PageLimits;
  private readonly endMs: number;
  private steps = 0;

  constructor(limits: Partial<PageLimits> = {}) {
    this.limits = { ...PAGE_LIMITS, ...limits };
    this.endMs = processorMs() + this.limits.maxMs;
  }

  checkSize(numChars: number): void {
    if (numChars <= this.limits.maxChars) return;
    throw new ResourceError(
      `Cannot extract the page: it has ${numChars} characters, more than the limit of ${this.limits.maxChars}`,
      { code: 'page-too-large', hint: 'such pages are usually data, not text; leave it out' },
    );
  }

  checkDepth(depth: number): void {
    if (depth <= this.limits.maxDepth) return;
    throw new ResourceError(
      `Cannot extract the page: its elements are nested more than ${this.limits.maxDepth} deep`,
      { code: 'page-too-deep', hint: 'no browser shows such a page as it is meant; leave it out' },
    );
  }

  checkNodes(numNodes: number): void {
    if (numNodes <= this.limits.maxNodes) return;
    throw new ResourceError(`Cannot extract the page: it has more than ${this.limits.maxNodes} elements`, {
      code: 'page-too-many-elements',
      hint: 'such pages are usually data, not text; leave it out',
    });
  }

  /** Call it for each piece of work of bounded size. */
  step(): void {
    if (++this.steps % STEPS_PER_LOOK === 0) this.checkTime();
  }

  checkTime(): void {
    if (processorMs() <= this.endMs) return;
    throw new ResourceError(`Cannot extract the page within ${this.limits.maxMs} ms`, {
      code: 'page-too-slow',
      hint: 'the page is unusually large or malformed; leave it out, or raise the limit',
    });
  }
}
