/** Counters and histograms in Prometheus' text form. */

const SECONDS = [0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30, 60, 300];
const PER_SECOND = [1, 5, 10, 25, 50, 100, 250, 500, 1000, 2500, 5000, 10_000];

export class Counter {
  private readonly values = new Map<string, number>();

  add(amount = 1, labels = ''): void {
    this.values.set(labels, (this.values.get(labels) ?? 0) + amount);
  }

  lines(name: string, help: string): string[] {
    const values = this.values.size === 0 ? [['', 0] as const] : [...this.values];
    return [
      `# HELP ${name} ${help}`,
      `# TYPE ${name} counter`,
      ...values.map(([labels, value]) => `${name}${labels} ${value}`),
    ];
  }
}

/** One histogram for each set of labels. */
export class Histograms {
  private readonly bounds: readonly number[];
  private readonly byLabels = new Map<string, Histogram>();

  constructor(bounds: readonly number[]) {
    this.bounds = bounds;
  }

  /** `labels`: `route="/v1/models"`. */
  observe(value: number, labels: string): void {
    const known = this.byLabels.get(labels);
    const histogram = known ?? new Histogram(this.bounds);
    if (!known) this.byLabels.set(labels, histogram);
    histogram.observe(value);
  }

  lines(name: string, help: string): string[] {
    const samples = [...this.byLabels].flatMap(([labels, histogram]) => histogram.samples(name, labels));
    return [...heading(name, help), ...samples];
  }
}

export class Histogram {
  private readonly bounds: readonly number[];
  private readonly counts: number[];
  private sum = 0;
  private count = 0;

  constructor(bounds: readonly number[]) {
    this.bounds = bounds;
    this.counts = bounds.map(() => 0);
  }

  observe(value: number): void {
    this.sum += value;
    this.count++;
    for (let i = this.bounds.length - 1; i >= 0 && value <= this.bounds[i]; i--) this.counts[i]++;
  }

  lines(name: string, help: string): string[] {
    return [...heading(name, help), ...this.samples(name)];
  }

  samples(name: string, labels = ''): string[] {
    const before = labels === '' ? '' : `${labels},`;
    const all = labels === '' ? '' : `{${labels}}`;
    return [
      ...this.bounds.map((bound, i) => `${name}_bucket{${before}le="${bound}"} ${this.counts[i]}`),
      `${name}_bucket{${before}le="+Inf"} ${this.count}`,
      `${name}_sum${all} ${this.sum}`,
      `${name}_count${all} ${this.count}`,
    ];
  }
}

function heading(name: string, help: string): string[] {
  return [`# HELP ${name} ${help}`, `# TYPE ${name} histogram`];
}

/** A value that is read at each request for metrics. */
export interface Gauge {
  readonly name: string;
  readonly help: string;
  /** Default: gauge. */
  readonly type?: 'gauge' | 'counter';
  /** By labels; `''` for none. */
  readonly read: () => Readonly<Record<string, number>>;
}

export class Metrics {
  readonly requests = new Counter();
  readonly promptTokens = new Counter();
  readonly promptTokensCached = new Counter();
  readonly generationTokens = new Counter();
  readonly requestsCancelled = new Counter();
  readonly timeToFirstToken = new Histogram(SECONDS);
  readonly interTokenLatency = new Histogram(SECONDS);
  readonly requestSeconds = new Histograms(SECONDS);
  readonly queueSeconds = new Histogram(SECONDS);
  readonly prefillTokensPerSecond = new Histogram(PER_SECOND);
  private readonly gauges: readonly Gauge[];

  constructor(gauges: readonly Gauge[]) {
    this.gauges = gauges;
  }

  text(): string {
    const lines = [
      this.requests.lines('dots_requests_total', 'Requests by route and status.'),
      this.promptTokens.lines('dots_prompt_tokens_total', 'Prompt tokens.'),
      this.promptTokensCached.lines(
        'dots_prompt_tokens_cached_total',
        'Prompt tokens found in the prefix cache.',
      ),
      this.generationTokens.lines('dots_generation_tokens_total', 'Answer tokens.'),
      this.requestsCancelled.lines(
        'dots_requests_cancelled_total',
        'Requests whose client disconnected or was disconnected.',
      ),
      ...this.gauges.map(({ name, help, type = 'gauge', read }) => [
        `# HELP ${name} ${help}`,
        `# TYPE ${name} ${type}`,
        ...Object.entries(read()).map(([labels, value]) => `${name}${labels} ${value}`),
      ]),
      this.timeToFirstToken.lines('dots_time_to_first_token_seconds', 'Time to first token.'),
      this.interTokenLatency.lines(
        'dots_inter_token_latency_seconds',
        'Time between two tokens of an answer.',
      ),
      this.requestSeconds.lines('dots_request_seconds', 'Duration of a request, by route.'),
      this.queueSeconds.lines('dots_queue_seconds', 'Time in the queue.'),
      this.prefillTokensPerSecond.lines('dots_prefill_tokens_per_second', 'Prefill speed.'),
    ];
    return `${lines.flat().join('\n')}\n`;
  }
}
