import { readFileSync } from 'node:fs';
import { expect, it } from 'vitest';
import { rulesTable } from '../../../src/data/filter/rule-table.ts';

it('docs/data-rules.md shows the rules as they are declared', () => {
  const page = readFileSync(new URL('../../../docs/data-rules.md', import.meta.url), 'utf8');
  expect(page.split('<!-- rules -->')[1].split('<!-- /rules -->')[0].trim()).toBe(rulesTable());
});
