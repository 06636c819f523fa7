/** The table of docs/data-rules.md, from the declarations of the rules. */
import { DOCUMENT_RULES, LINE_RULES } from './rules.ts';

export function rulesTable(): string {
  const show = (limit: number | undefined, side: string): string =>
    limit === undefined ? '–' : `${side}${limit.toLocaleString('en')}`;
  const rows = [
    ...DOCUMENT_RULES.map(({ name, family, measures, removes, limits, source }) => {
      const side = removes === 'above' ? '≤ ' : '≥ ';
      return [`\`${name}\``, family, measures, show(limits.spaced, side), show(limits.han, side), source];
    }),
    ...LINE_RULES.map(({ name, family, measures, limits, source, isOff }) => {
      const state = (limit: number | undefined): string =>
        limit === undefined ? '–' : limit === 1 ? (isOff ? 'off' : 'on') : limit.toLocaleString('en');
      return [`\`${name}\``, family, measures, state(limits.spaced), state(limits.han), source];
    }),
  ];
  const head = ['Rule', 'Family', 'Measures', 'Keeps', 'Keeps (Chinese)', 'Source'];
  return [head, head.map(() => '---'), ...rows].map((cells) => `| ${cells.join(' | ')} |`).join('\n');
}
