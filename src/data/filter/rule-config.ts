/** Which rules run with which limits: the fields of the step `rules` in a pipeline file, checked. */
import type { ObjectReader } from '../../format/object-reader.ts';
import type { Script } from './document-facts.ts';
import { type DocumentRule, FAMILIES, type Family, type LineRule, STOP_WORDS } from './rule.ts';
import { DOCUMENT_RULES, LINE_RULES } from './rules.ts';

type AnyRule = DocumentRule | LineRule;
/** Limits by the rule's name. */
type LimitTable = Readonly<Record<string, number>>;

interface Overrides {
  readonly off: readonly string[];
  readonly on: readonly string[];
  /** For both scripts. */
  readonly limits: LimitTable;
}

interface DomainConfig extends Overrides {
  readonly domain: string;
  readonly isExcluded: boolean;
  /** Lines to delete, as they are without spaces around them. */
  readonly lines: readonly string[];
}

/** Plain JSON apart from its sets, so that it can be hashed and sent to other processes. */
export interface RuleFields extends Overrides {
  readonly families: readonly Family[];
  readonly hanLimits: LimitTable;
  readonly stopWords: readonly string[];
  readonly hanStopWords: readonly string[];
  readonly domains: readonly DomainConfig[];
}

export interface RuleConfig {
  readonly families: readonly Family[];
  readonly stopWords: Readonly<Record<Script, ReadonlySet<string>>>;
  readonly settings: RuleSettings;
  readonly domains: ReadonlyMap<string, RuleSettings>;
}

export interface RuleSettings {
  readonly isExcluded: boolean;
  readonly lines: ReadonlySet<string>;
  /** Undefined where the rule does not run. */
  limitOf(rule: AnyRule, script: Script): number | undefined;
}

const RULES: readonly AnyRule[] = [...DOCUMENT_RULES, ...LINE_RULES];
const NAMES = RULES.map(({ name }) => name);

/** Every problem is collected by the reader: unknown rules and families, limits that are not numbers. */
export function readRuleFields(fields: ObjectReader): RuleFields {
  const families = (fields.strings('families') ?? FAMILIES).map((family) =>
    known(fields, 'families', family, FAMILIES),
  );
  const overrides = readOverrides(fields);
  const hanLimits = readLimits(fields, 'hanLimits');
  const stopWords = fields.strings('stopWords') ?? STOP_WORDS.spaced;
  const hanStopWords = fields.strings('hanStopWords') ?? STOP_WORDS.han;
  const domains = fields.objects('domains', (entry) => ({
    domain: normaliseHost(entry.string('domain', 'example.com')),
    isExcluded: entry.boolean('exclude', false),
    lines: (entry.strings('lines') ?? []).map((line) => line.trim()),
    ...readOverrides(entry),
  }));
  return { families: families as Family[], ...overrides, hanLimits, stopWords, hanStopWords, domains };
}

function readOverrides(fields: ObjectReader): Overrides {
  return {
    off: (fields.strings('off') ?? []).map((name) => known(fields, 'off', name, NAMES)),
    on: (fields.strings('on') ?? []).map((name) => known(fields, 'on', name, NAMES)),
    limits: readLimits(fields, 'limits'),
  };
}

function readLimits(fields: ObjectReader, name: string): LimitTable {
  return fields.object(name, (limits) =>
    Object.fromEntries(
      NAMES.flatMap((rule) => {
        const limit = limits.optionalNumber(rule);
        return limit === undefined ? [] : [[rule, limit]];
      }),
    ),
  );
}

function known(fields: ObjectReader, field: string, name: string, names: readonly string[]): string {
  if (!names.includes(name))
    fields.complain(`"${field}" names "${name}", which is none of: ${names.join(', ')}`);
  return name;
}

/** The defaults, with changes. */
export function ruleConfig(fields: Partial<RuleFields> = {}): RuleConfig {
  const { families = FAMILIES, stopWords = STOP_WORDS.spaced, hanStopWords = STOP_WORDS.han } = fields;
  const { off = [], on = [], limits = {}, hanLimits = {}, domains = [] } = fields;
  const base = { off, on, limits };
  return {
    families,
    stopWords: { spaced: new Set(stopWords), han: new Set(hanStopWords) },
    settings: settingsFrom([base], hanLimits),
    domains: new Map(
      domains.map((domain) => [domain.domain, settingsFrom([base, domain], hanLimits, domain)]),
    ),
  };
}

function settingsFrom(
  layers: readonly Overrides[],
  hanLimits: LimitTable,
  domain?: DomainConfig,
): RuleSettings {
  const limits = new Map<string, Record<Script, number | undefined>>();
  for (const rule of RULES) {
    let isOff = 'isOff' in rule && rule.isOff === true;
    let spaced = rule.limits.spaced;
    let han = rule.limits.han;
    for (const [i, layer] of layers.entries()) {
      if (layer.on.includes(rule.name)) isOff = false;
      if (layer.off.includes(rule.name)) isOff = true;
      const limit = layer.limits[rule.name];
      if (limit !== undefined) {
        spaced = spaced === undefined ? undefined : limit;
        han = han === undefined ? undefined : limit;
      }
      // What is said for Chinese wins over what is said for both, a domain over everything.
      if (i === 0 && han !== undefined) han = hanLimits[rule.name] ?? han;
    }
    limits.set(rule.name, isOff ? { spaced: undefined, han: undefined } : { spaced, han });
  }
  return {
    isExcluded: domain?.isExcluded ?? false,
    lines: new Set(domain?.lines),
    limitOf: (rule, script) => limits.get(rule.name)?.[script],
  };
}

/** Of the most special domain that the host belongs to: `blog.example.com` before `example.com`. */
export function settingsOf(config: RuleConfig, host: string): RuleSettings {
  if (config.domains.size === 0 || host === '') return config.settings;
  for (let name = host; name !== ''; name = name.slice(name.indexOf('.') + 1)) {
    const found = config.domains.get(name);
    if (found) return found;
    if (!name.includes('.')) break;
  }
  return config.settings;
}

/** Host of a URL in lower case, without `www.`, user and port; empty where there is none. */
export function hostOf(url: string | undefined): string {
  const found = /^(?:[a-z][a-z0-9+.-]*:)?\/\/(?:[^/?#@]*@)?([^/?#:]+)/i.exec(url?.slice(0, 4096) ?? '');
  return found ? normaliseHost(found[1]) : '';
}

function normaliseHost(host: string): string {
  return host
    .toLowerCase()
    .replace(/^www\./, '')
    .replace(/\.$/, '');
}
