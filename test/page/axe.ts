import { readFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import type { Visit } from './browser.ts';

interface Violation {
  readonly id: string;
  readonly nodes: readonly { readonly html: string; readonly failureSummary: string }[];
}

/** On top of what axe checks by default. */
const RULES = Object.fromEntries(
  ['target-size', 'label-content-name-mismatch', 'table-duplicate-name'].map((id) => [id, { enabled: true }]),
);

/** What axe-core finds wrong with the page as it is now: each rule with the first element and what to do. */
export async function axeFindings(v: Visit): Promise<readonly string[]> {
  if (!(await v.page.evaluate(`'axe' in window`)))
    await v.page.evaluate(
      readFileSync(createRequire(import.meta.url).resolve('axe-core/axe.min.js'), 'utf8'),
    );
  const violations: Violation[] = await v.page.evaluate(
    `axe.run(document, ${JSON.stringify({ rules: RULES, resultTypes: ['violations'] })}).then(({ violations }) => violations)`,
  );
  return violations.map(({ id, nodes }) => {
    const [{ html, failureSummary }] = nodes;
    return `${id} (${nodes.length} times): ${html.slice(0, 200)}: ${failureSummary.replace(/\s+/g, ' ')}`;
  });
}
