// Writes src/backend/program/native-ops.ts from native/ops.def; with --check it only says whether they agree.

import { readFileSync, writeFileSync } from 'node:fs';

const definition = readFileSync(new URL('../native/ops.def', import.meta.url), 'utf8');
const target = new URL('../src/backend/program/native-ops.ts', import.meta.url);

const rows = definition.matchAll(/^DOTS_OP\((\w+), .*"(.*)"\)$/gm);
const lines = Array.from(rows, ([, name, attributes]) => `  ${name}: '${attributes}',\n`);
const text = `// Generated from native/ops.def by scripts/native-ops.mjs.

/** Ops of the native backend in the order of their numbers, each with its attributes; \`name=value\` may be absent. */
export const NATIVE_OPS: Readonly<Record<string, string>> = {
${lines.join('')}};
`;

if (!process.argv.includes('--check')) writeFileSync(target, text);
else if (readFileSync(target, 'utf8') !== text) {
  console.error('native-ops.ts is not what native/ops.def says: run node scripts/native-ops.mjs');
  process.exitCode = 1;
}
