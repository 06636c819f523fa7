import type { Grammar, Rule } from './grammar.ts';

/** A rule that may have to be entered again before any byte was read: following it would never end. */
export function leftRecursiveRule(rules: Iterable<Rule>): Rule | undefined {
  const all = [...rules];
  const empty = emptyRules(all);
  const state = new Map<Rule, 'open' | 'done'>();
  const visit = (rule: Rule): Rule | undefined => {
    const known = state.get(rule);
    if (known) return known === 'open' ? rule : undefined;
    state.set(rule, 'open');
    for (const next of firstRules(rule.body, empty)) {
      const found = visit(next);
      if (found) return found;
    }
    state.set(rule, 'done');
    return undefined;
  };
  for (const rule of all) {
    const found = visit(rule);
    if (found) return found;
  }
  return undefined;
}

/** Rules that match the empty text; the smallest set that is closed. */
function emptyRules(rules: readonly Rule[]): Set<Rule> {
  const empty = new Set<Rule>();
  for (let size = -1; size !== empty.size; ) {
    size = empty.size;
    for (const rule of rules) if (matchesEmpty(rule.body, empty)) empty.add(rule);
  }
  return empty;
}

function matchesEmpty(grammar: Grammar, empty: ReadonlySet<Rule>): boolean {
  switch (grammar.kind) {
    case 'byte':
      return false;
    case 'sequence':
      return grammar.items.every((item) => matchesEmpty(item, empty));
    case 'choice':
      return grammar.items.some((item) => matchesEmpty(item, empty));
    case 'repeat':
      return grammar.min === 0 || matchesEmpty(grammar.item, empty);
    case 'rule':
      return empty.has(grammar.rule);
    case 'graph':
      return grammar.ends.has(grammar.start);
  }
}

/** Rules that may be entered before any byte. Graphs come from patterns and have none. */
function firstRules(grammar: Grammar, empty: ReadonlySet<Rule>): Rule[] {
  switch (grammar.kind) {
    case 'byte':
    case 'graph':
      return [];
    case 'sequence': {
      const end = grammar.items.findIndex((item) => !matchesEmpty(item, empty));
      const first = end < 0 ? grammar.items : grammar.items.slice(0, end + 1);
      return first.flatMap((item) => firstRules(item, empty));
    }
    case 'choice':
      return grammar.items.flatMap((item) => firstRules(item, empty));
    case 'repeat':
      return firstRules(grammar.item, empty);
    case 'rule':
      return [grammar.rule];
  }
}
