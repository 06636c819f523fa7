import { existsSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { ops } from '../../src/graph/ops/index.ts';
import type { OpSuite } from './op-case.ts';

/** `rmsNorm` -> `rms-norm.ts`. */
export function caseFileName(op: string): string {
  return `${op.replaceAll(/[A-Z]/g, (letter) => `-${letter.toLowerCase()}`)}.ts`;
}

/** Every op's suite by name; throws where a file is missing, so that an op without cases cannot pass unnoticed. */
export async function loadSuites(): Promise<Map<string, OpSuite>> {
  const suites = new Map<string, OpSuite>();
  for (const op of Object.keys(ops)) {
    const file = new URL(`cases/${caseFileName(op)}`, import.meta.url);
    if (!existsSync(file)) {
      throw new Error(`the op ${op} has no cases: write test/conformance/cases/${caseFileName(op)}`);
    }
    const { suite } = (await import(fileURLToPath(file))) as { suite: OpSuite };
    suites.set(op, suite);
  }
  return suites;
}
