/** Safety (report §4.1): documents of unsafe or person-heavy domains go, personal data is masked or drops the document. */
import type { ObjectReader } from '../../format/object-reader.ts';
import { findPersonalData, PERSONAL_KINDS, type PersonalKind } from './personal-data.ts';
import { hostOf } from './rule-config.ts';
import type { RuleReason } from './run-rules.ts';

const ACTIONS = ['mask', 'drop', 'keep'] as const;
export type PersonalAction = (typeof ACTIONS)[number];

export interface SafetyConfig {
  readonly actions: Readonly<Record<PersonalKind, PersonalAction>>;
  /** More data than this for each 1000 characters drops the document: lists of members, court files. */
  readonly maxPerThousand: number;
  /** Files with one domain a line. */
  readonly unsafeDomains?: string;
  readonly personDomains?: string;
}

/** Identity and account numbers drop a document by default, addresses and telephone numbers are masked. */
export function readSafetyConfig(fields: ObjectReader): SafetyConfig {
  const actions = fields.object('personalData', (kinds) =>
    Object.fromEntries(
      PERSONAL_KINDS.map((kind) => [kind, kinds.choice(kind, ACTIONS, DEFAULT_ACTIONS[kind])]),
    ),
  ) as Record<PersonalKind, PersonalAction>;
  return {
    actions,
    maxPerThousand: fields.number('maxPerThousand', { fallback: 5 }),
    ...optional('unsafeDomains', fields.optionalString('unsafeDomains')),
    ...optional('personDomains', fields.optionalString('personDomains')),
  };
}

function optional<K extends string>(key: K, value: string | undefined): { [P in K]?: string } {
  return (value === undefined ? {} : { [key]: value }) as { [P in K]?: string };
}

export const DEFAULT_ACTIONS: Readonly<Record<PersonalKind, PersonalAction>> = {
  'mail-address': 'mask',
  'phone-number': 'mask',
  'chinese-identity-number': 'drop',
  'social-security-number': 'drop',
  'payment-card': 'drop',
  'bank-account': 'mask',
};

/** What takes the place of a datum. */
export const MASKS: Readonly<Record<PersonalKind, string>> = {
  'mail-address': '[mail address]',
  'phone-number': '[phone number]',
  'chinese-identity-number': '[identity number]',
  'social-security-number': '[identity number]',
  'payment-card': '[card number]',
  'bank-account': '[account number]',
};

/** Domains by their labels: `example.com` covers `a.example.com`, and never `notexample.com`. */
export class DomainList {
  private readonly domains: ReadonlySet<string>;

  /** One a line, case ignored; `#` starts a comment, a leading `*.`, `www.` or `.` is ignored. */
  constructor(text: string) {
    this.domains = new Set(
      text
        .split('\n')
        .map((line) =>
          line
            .replace(/#.*/, '')
            .trim()
            .toLowerCase()
            .replace(/^(?:\*\.|www\.|\.)/, ''),
        )
        .filter((domain) => domain !== ''),
    );
  }

  has(host: string): boolean {
    for (let name = host; name !== ''; ) {
      if (this.domains.has(name)) return true;
      const dot = name.indexOf('.');
      if (dot < 0) return false;
      name = name.slice(dot + 1);
    }
    return false;
  }
}

export interface SafetyLists {
  readonly unsafe?: DomainList;
  readonly persons?: DomainList;
}

export interface SafetyVerdict {
  /** Why the document goes; undefined where it stays. */
  readonly reason?: RuleReason;
  /** With masks; the very same string where there are none. */
  readonly text: string;
  /** How many data were masked, by kind. */
  readonly masked: ReadonlyMap<PersonalKind, number>;
}

export function checkSafety(
  document: { readonly url?: string; readonly text: string },
  config: SafetyConfig,
  lists: SafetyLists = {},
): SafetyVerdict {
  const { text } = document;
  const masked = new Map<PersonalKind, number>();
  const removed = (rule: string, value: number, limit: number): SafetyVerdict => ({
    reason: { rule, value, limit },
    text,
    masked,
  });
  const host = hostOf(document.url);
  if (lists.unsafe?.has(host)) return removed('domain-is-unsafe', 1, 0);
  if (lists.persons?.has(host)) return removed('domain-is-full-of-persons', 1, 0);
  const found = findPersonalData(text).filter(({ kind }) => config.actions[kind] !== 'keep');
  const dropping = found.filter(({ kind }) => config.actions[kind] === 'drop');
  if (dropping.length > 0) return removed(`holds-a-${dropping[0].kind}`, dropping.length, 0);
  const perThousand = (1000 * found.length) / Math.max(1000, text.length);
  if (perThousand > config.maxPerThousand)
    return removed('too-much-personal-data', perThousand, config.maxPerThousand);
  let result = '';
  let at = 0;
  for (const { kind, start, end } of found) {
    result += text.slice(at, start) + MASKS[kind];
    at = end;
    masked.set(kind, (masked.get(kind) ?? 0) + 1);
  }
  return { text: found.length === 0 ? text : result + text.slice(at), masked };
}
