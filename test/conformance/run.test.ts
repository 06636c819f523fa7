import { readdirSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { describe, expect, it } from 'vitest';
import { referenceBackend } from '../../src/backend/reference/reference-backend.ts';
import { ShapeError } from '../../src/core/errors.ts';
import { ops } from '../../src/graph/ops/index.ts';
import { trace } from '../../src/graph/tensor.ts';
import { candidates, reasonToSkip, skipped } from './backends.ts';
import { expectClose } from './compare.ts';
import { caseFileName, loadSuites } from './load-suites.ts';
import { caseNode, runCase } from './run-case.ts';

// Every op on every backend. The reference is compared with the definition in the case's file, others with the reference.
const suites = await loadSuites();

describe('conformance', () => {
  it('every file in cases/ belongs to an op', () => {
    const folder = fileURLToPath(new URL('cases', import.meta.url));
    expect(readdirSync(folder).sort()).toEqual(Object.keys(ops).map(caseFileName).sort());
  });

  it('the skip list names no op that the backend has a kernel for', () => {
    const stale = candidates().flatMap(({ name, backend }) =>
      Object.keys(skipped[name]).filter((op) => !(op in ops) || backend?.supports(op)),
    );
    expect(stale).toEqual([]);
  });
});

describe.each([...suites])('%s()', (op, suite) => {
  const cases = suite.cases.map((opCase) => [opCase.name, opCase] as const);

  it.each(cases)('is what its definition says: %s', async (_, opCase) => {
    expect(caseNode(opCase).op).toBe(op);
    expectClose(await runCase(referenceBackend, opCase), opCase.expected, opCase.tolerance ?? 1e-6);
  });

  it.each(Object.entries(suite.refuses))('refuses %s', (_, build) => {
    const attempt = (): unknown => trace((graph) => ({ out: build(graph) }));
    expect(attempt).toThrow(ShapeError);
    expect(attempt).toThrow(new RegExp(`^${op}\\(`));
  });

  it('has shapes that it refuses', () => {
    expect(Object.keys(suite.refuses).length).toBeGreaterThan(0);
  });

  for (const candidate of candidates()) {
    const { name, backend } = candidate;
    const reason = reasonToSkip(candidate, op);
    if (backend === undefined || reason !== undefined) {
      it.skip(`${name} is not compared: ${reason}`, () => {});
      continue;
    }
    it.each(cases)(`is on ${name} what it is on the reference: %s`, async (_, opCase) => {
      const expected = await runCase(referenceBackend, opCase);
      expectClose(await runCase(backend, opCase), expected.values, opCase.backendTolerance ?? 1e-5);
    });
  }
});
