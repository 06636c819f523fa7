/** Applies rules to documents: the first reason wins. */
import { withoutCitations } from './c4-rules.ts';
import { type DocumentFacts, FactsMaker, type RuleDocument, type Script } from './document-facts.ts';
import type { DocumentRule, Family, LineRule, RuleContext } from './rule.ts';
import { hostOf, type RuleConfig, type RuleSettings, settingsOf } from './rule-config.ts';
import { DOCUMENT_RULES, LINE_RULES } from './rules.ts';

export interface RuleReason {
  readonly rule: string;
  readonly value: number;
  readonly limit: number;
}

export interface RemovedLines {
  readonly rule: string;
  readonly value: number;
  /** One of them. */
  readonly detail: string;
}

export interface RuleVerdict {
  /** Why the document goes; undefined where it stays. */
  readonly reason?: RuleReason;
  /** What is left of it; the very same string where no line went. */
  readonly text: string;
  readonly removedLines: readonly RemovedLines[];
  /** The rule whose limit the document came closest to, of those within a tenth of it. */
  readonly close?: RuleReason;
}

/** A limit passed by at most this share of itself is close. */
const CLOSE = 0.1;

export class RuleFilter {
  private readonly config: RuleConfig;
  private readonly maker = new FactsMaker();

  constructor(config: RuleConfig) {
    this.config = config;
  }

  filter(document: RuleDocument): RuleVerdict {
    const settings = settingsOf(this.config, hostOf(document.url));
    const removedLines: RemovedLines[] = [];
    let current = document;
    if (settings.isExcluded) {
      return {
        reason: { rule: 'domain-is-excluded', value: 1, limit: 0 },
        text: document.text,
        removedLines,
      };
    }
    if (settings.lines.size > 0) {
      const edited = removeLines(
        current.text,
        'line-is-listed',
        (line) => settings.lines.has(line.trim()),
        removedLines,
      );
      if (edited !== current.text) current = { ...current, text: edited };
    }
    let facts = this.maker.factsOf(current);
    const { script } = facts;
    let close: (RuleReason & { readonly distance: number }) | undefined;
    for (const family of this.config.families) {
      const edit = this.editLines(current.text, family, script, settings, removedLines);
      let removedShare = 0;
      if (edit) {
        // Counted here and not before: a document that was removed needs no words.
        const before = facts.numTokens;
        removedShare = family === 'refinedweb' && before > 0 ? edit.numTokens / before : 0;
        current = {
          ...current,
          text: edit.text,
          language: current.language ?? (script === 'han' ? 'zh' : 'und'),
        };
        facts = this.maker.factsOf(current, before - edit.numTokens);
      }
      const context: RuleContext = { stopWords: this.config.stopWords, removedShare };
      for (const rule of DOCUMENT_RULES) {
        if (rule.family !== family) continue;
        const limit = settings.limitOf(rule, script);
        if (limit === undefined) continue;
        const value = rule.measure(facts, context);
        if (rule.removes === 'above' ? value > limit : value < limit)
          return { reason: { rule: rule.name, value, limit }, text: current.text, removedLines };
        const distance = limit === 0 ? 1 : Math.abs(value - limit) / Math.abs(limit);
        if (distance <= CLOSE && distance < (close?.distance ?? 1))
          close = { rule: rule.name, value, limit, distance };
      }
    }
    return {
      text: current.text,
      removedLines,
      ...(close && { close: { rule: close.rule, value: close.value, limit: close.limit } }),
    };
  }

  private editLines(
    text: string,
    family: Family,
    script: Script,
    settings: RuleSettings,
    removedLines: RemovedLines[],
  ): { readonly text: string; readonly numTokens: number } | undefined {
    const rules = LINE_RULES.flatMap((rule): [LineRule, number][] => {
      const limit = rule.family === family ? settings.limitOf(rule, script) : undefined;
      return limit === undefined ? [] : [[rule, limit]];
    });
    if (rules.length === 0) return undefined;
    const { table } = this.maker;
    const count = (part: string): number =>
      script === 'han' ? table.countCharacterWords(part) : table.countWords(part);
    let numTokens = 0;
    const isC4 = family === 'c4';
    const counts = new Map<string, { value: number; detail: string }>();
    const kept: string[] = [];
    let isEdited = false;
    for (const line of text.split('\n')) {
      const trimmed = line.trim();
      if (trimmed === '') {
        // Paragraphs stay apart.
        kept.push(line);
        continue;
      }
      let bare: string | undefined;
      const rule = rules.find(([{ name, removes }, limit]) => {
        if (!isC4) return removes(trimmed, limit, script);
        if (name === 'line-has-an-overlong-word' || name === 'line-has-too-few-words')
          return removes(trimmed, limit, script);
        bare ??= withoutCitations(trimmed);
        return removes(bare, limit, script);
      });
      if (rule) {
        isEdited = true;
        numTokens += count(line);
        const seen = counts.get(rule[0].name);
        if (seen) seen.value++;
        else counts.set(rule[0].name, { value: 1, detail: trimmed.slice(0, 200) });
        continue;
      }
      const result = isC4 && trimmed.includes('[') ? withoutCitations(line) : line;
      if (result !== line) {
        isEdited = true;
        numTokens += count(line) - count(result);
      }
      kept.push(result);
    }
    for (const [rule, found] of counts) removedLines.push({ rule, ...found });
    return isEdited ? { text: kept.join('\n'), numTokens } : undefined;
  }
}

function removeLines(
  text: string,
  rule: string,
  isRemoved: (line: string) => boolean,
  removedLines: RemovedLines[],
): string {
  const lines = text.split('\n');
  const kept = lines.filter((line) => !isRemoved(line));
  if (kept.length === lines.length) return text;
  const detail = lines.find(isRemoved)?.trim().slice(0, 200) ?? '';
  removedLines.push({ rule, value: lines.length - kept.length, detail });
  return kept.join('\n');
}

/** One rule alone, for tests and comparisons: keep, or the rule and what it measured. */
export function checkRule(
  rule: DocumentRule,
  facts: DocumentFacts,
  context: RuleContext,
  limit = rule.limits[facts.script],
): RuleReason | undefined {
  if (limit === undefined) return undefined;
  const value = rule.measure(facts, context);
  return (rule.removes === 'above' ? value > limit : value < limit)
    ? { rule: rule.name, value, limit }
    : undefined;
}
