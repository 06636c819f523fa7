type Json = Readonly<Record<string, unknown>>;

export interface NumberRule {
  /** Value if the field is absent; a field without one is required. */
  readonly fallback?: number;
  readonly min?: number;
  /** Has to be larger than this. */
  readonly above?: number;
  readonly max?: number;
  readonly integer?: boolean;
}

/** What reading a document has found: fields that it may have, and everything that is wrong with it. */
export interface Findings {
  /** What the document is, for problems that it has as a whole: `the run`. */
  readonly subject: string;
  readonly problems: string[];
  /** Every field that was read, as a path: `optimizer.beta1`. */
  readonly known: Set<string>;
}

/** Reads the fields of a JSON object and collects every problem, so that the user sees all of them at once. */
export class ObjectReader {
  private readonly json: Json;
  private readonly path: string;
  private readonly findings: Findings;
  private readonly asked = new Set<string>();

  constructor(json: unknown, path: string, findings: Findings) {
    const isObject = typeof json === 'object' && json !== null && !Array.isArray(json);
    if (!isObject && json !== undefined)
      findings.problems.push(`"${path || findings.subject}" is ${short(json)}, expected an object`);
    this.json = isObject ? (json as Json) : {};
    this.path = path;
    this.findings = findings;
  }

  has(name: string): boolean {
    return this.json[name] !== undefined;
  }

  number(
    name: string,
    { fallback, min = 0, above, max = Number.MAX_VALUE, integer = false }: NumberRule = {},
  ): number {
    const value = this.ask(name) ?? fallback;
    // The fallback follows from another field, which is reported itself.
    if (Number.isNaN(value)) return Number.NaN;
    const kind = integer ? 'a whole number' : 'a number';
    const fits =
      typeof value === 'number' &&
      value >= min &&
      value <= max &&
      (above === undefined || value > above) &&
      (!integer || Number.isSafeInteger(value));
    if (fits) return value;
    const upTo = max === Number.MAX_VALUE ? '' : ` up to ${max}`;
    const range =
      above !== undefined
        ? `above ${above}${upTo}`
        : max === Number.MAX_VALUE
          ? `of at least ${min}`
          : `from ${min} to ${max}`;
    return this.bad(name, value, `${kind} ${range}`, Number.NaN);
  }

  integer(name: string, rule: NumberRule = {}): number {
    return this.number(name, { min: 1, ...rule, integer: true });
  }

  boolean(name: string, fallback: boolean): boolean {
    const value = this.ask(name) ?? fallback;
    return typeof value === 'boolean' ? value : this.bad(name, value, 'true or false', fallback);
  }

  string(name: string, fallback?: string): string {
    const value = this.ask(name) ?? fallback;
    return typeof value === 'string' && value !== '' ? value : this.bad(name, value, 'a text', '');
  }

  /** Undefined where the field is absent. */
  optionalString(name: string): string | undefined {
    return this.ask(name) === undefined ? undefined : this.string(name);
  }

  /** Undefined where the field is absent. */
  optionalNumber(name: string, rule: Omit<NumberRule, 'fallback'> = {}): number | undefined {
    return this.ask(name) === undefined ? undefined : this.number(name, rule);
  }

  choice<T extends string>(name: string, choices: readonly T[], fallback: T): T {
    const value = this.ask(name) ?? fallback;
    const found = choices.find((one) => one === value);
    return found ?? this.bad(name, value, `one of ${choices.join(', ')}`, fallback);
  }

  /** Absent where the field is. */
  strings(name: string): string[] | undefined {
    return this.list(name, 'texts', (value): value is string => typeof value === 'string');
  }

  numbers(name: string): number[] | undefined {
    return this.list(name, 'numbers', (value): value is number => typeof value === 'number' && value >= 0);
  }

  /** A field that is an object of its own; its fields are read in `read`, even where it is absent. */
  object<T>(name: string, read: (reader: ObjectReader) => T): T {
    const inner = new ObjectReader(this.ask(name), this.join(name), this.findings);
    const result = read(inner);
    inner.finish();
    return result;
  }

  /** A list of objects; `read` is called once for nothing where it is empty, so that its fields are known. */
  objects<T>(name: string, read: (reader: ObjectReader) => T, { needed = false } = {}): T[] {
    const value = this.ask(name) ?? [];
    if (!Array.isArray(value)) return this.bad(name, value, 'a list of objects', []);
    if (value.length === 0) {
      read(new ObjectReader({}, this.join(name), { ...this.findings, problems: [] }));
      return needed ? this.bad(name, this.json[name], 'a list with at least one object', []) : [];
    }
    return value.map((item, i) => {
      const inner = new ObjectReader(item, this.join(name), this.findings);
      const before = this.findings.problems.length;
      const result = read(inner);
      inner.finish();
      for (let at = before; at < this.findings.problems.length; at++)
        this.findings.problems[at] += ` (entry ${i + 1} of "${this.join(name)}")`;
      return result;
    });
  }

  /** Report unknown fields. */
  finish(): void {
    for (const name of Object.keys(this.json)) {
      if (this.asked.has(name)) continue;
      const meant = closest(name, [...this.asked]);
      this.findings.problems.push(
        `"${this.join(name)}" is not known${meant ? `; did you mean "${this.join(meant)}"?` : ''}`,
      );
    }
  }

  /** Fields that nobody reads are fine, because a problem was found that matters more. */
  ignoreOthers(): void {
    for (const name of Object.keys(this.json)) this.asked.add(name);
  }

  /** A problem that no single field has. */
  complain(problem: string): void {
    this.findings.problems.push(problem);
  }

  private list<T>(name: string, kind: string, isFit: (value: unknown) => value is T): T[] | undefined {
    const value = this.ask(name);
    if (value === undefined) return undefined;
    if (Array.isArray(value) && value.length > 0 && value.every(isFit)) return value;
    return this.bad(name, value, `a list of ${kind}`, []);
  }

  private ask(name: string): unknown {
    this.asked.add(name);
    this.findings.known.add(this.join(name));
    return this.json[name] ?? undefined;
  }

  private join(name: string): string {
    return this.path === '' ? name : `${this.path}.${name}`;
  }

  private bad<T>(name: string, value: unknown, expected: string, placeholder: T): T {
    const at = `"${this.join(name)}"`;
    this.findings.problems.push(
      value === undefined
        ? `${at} is missing, expected ${expected}`
        : `${at} is ${short(value)}, expected ${expected}`,
    );
    return placeholder;
  }
}

function short(value: unknown): string {
  const text = JSON.stringify(value);
  return text.length > 40 ? `${text.slice(0, 37)}…` : text;
}

/** The name that is fewest edits away, if they are few for its length. */
export function closest(name: string, candidates: readonly string[]): string | undefined {
  const ranked = candidates
    .map((candidate) => ({ candidate, distance: editDistance(name.toLowerCase(), candidate.toLowerCase()) }))
    .sort((a, b) => a.distance - b.distance);
  const [best] = ranked;
  return best && best.distance <= Math.max(2, Math.floor(name.length / 2)) ? best.candidate : undefined;
}

function editDistance(a: string, b: string): number {
  let row = Array.from({ length: b.length + 1 }, (_, j) => j);
  for (let i = 1; i <= a.length; i++) {
    const next = [i];
    for (let j = 1; j <= b.length; j++) {
      next.push(Math.min(row[j] + 1, next[j - 1] + 1, row[j - 1] + (a[i - 1] === b[j - 1] ? 0 : 1)));
    }
    row = next;
  }
  return row[b.length];
}
