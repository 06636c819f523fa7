/** What a rule is. Rules are data: docs and tests are made from the same declarations that run. */
import type { DocumentFacts, Script } from './document-facts.ts';

/** Groups of rules, in the order in which they run by default. */
export const FAMILIES = [
  'metadata',
  'structure',
  'gopher-repetition',
  'gopher-quality',
  'c4',
  'refinedweb',
  'prompts',
  'fineweb',
] as const;

export type Family = (typeof FAMILIES)[number];

/** The limit for each script; `undefined` where the rule does not apply. */
export interface Limits {
  readonly spaced?: number;
  readonly han?: number;
}

/** Removes a document by one number that it is measured by. */
export interface DocumentRule {
  /** True when read aloud of a document that is removed. */
  readonly name: string;
  readonly family: Family;
  /** What is measured, for the table in the docs. */
  readonly measures: string;
  readonly measure: (facts: DocumentFacts, context: RuleContext) => number;
  /** Which side of the limit is removed; the limit itself stays. */
  readonly removes: 'above' | 'below';
  readonly limits: Limits;
  /** Where the default comes from. */
  readonly source: string;
}

/** Removes a line. */
export interface LineRule {
  readonly name: string;
  readonly family: Family;
  readonly measures: string;
  readonly removes: (line: string, limit: number, script: Script) => boolean;
  readonly limits: Limits;
  readonly source: string;
  /** Only where the configuration turns it on. */
  readonly isOff?: boolean;
}

export interface RuleContext {
  readonly stopWords: Readonly<Record<Script, ReadonlySet<string>>>;
  /** Words that line rules removed from this document, as a share of all. */
  readonly removedShare: number;
}

export const STOP_WORDS: Readonly<Record<Script, readonly string[]>> = {
  /** Rae et al. 2021. */
  spaced: ['the', 'be', 'to', 'of', 'and', 'that', 'have', 'with'],
  /** The most frequent function words of one character. */
  han: ['的', '了', '是', '在', '和', '有', '不', '我', '这', '他', '也', '就', '人', '都', '一'],
};
