import { describe, expect, it } from 'vitest';
import { referenceBackend } from '../../src/backend/reference/reference-backend.ts';
import { factsOf } from '../../src/graph/ops/index.ts';
import { candidates, reasonToSkip } from './backends.ts';
import { loadSuites } from './load-suites.ts';
import type { OpCase } from './op-case.ts';
import { runCase } from './run-case.ts';

// What an op's facts promise to the compiler, on every backend. Bits are compared: a token's numbers may not depend on
// where an op writes or on who else is in the step.
const suites = [...(await loadSuites())];
const inPlace = suites.filter(([op]) => factsOf(op).inPlace !== undefined);
const rowwise = suites.filter(([op]) => factsOf(op).rowwise);
const backends = [{ name: 'reference', backend: referenceBackend }, ...candidates()];

/** Special cases come first in a suite, random ones last; a few of both are enough here. */
const someOf = (cases: readonly OpCase[]): (readonly [string, OpCase])[] =>
  cases.filter((_, i) => i < 3 || i >= cases.length - 3).map((opCase) => [opCase.name, opCase] as const);

describe.each(backends.map((one) => [one.name, one] as const))('facts, on %s', (name, candidate) => {
  const { backend } = candidate;
  const present = ([op]: readonly [string, unknown]): boolean =>
    name === 'reference' || reasonToSkip(candidate, op) === undefined;
  if (backend === undefined) {
    it.skip(`not checked: ${candidate.why}`, () => {});
    return;
  }

  describe.each(inPlace.filter(present))('%s() in place', (_, { cases }) => {
    it.each(someOf(cases))('gives the same when it may not overwrite its operand: %s', async (_, opCase) => {
      const alone = await runCase(backend, opCase);
      expect(alone).toEqual(await runCase(backend, opCase, { keepOperands: true }));
    });
  });

  describe.each(rowwise.filter(present))('%s() row by row', (_, { cases }) => {
    it.each(someOf(cases))('gives a row the same alone as among others: %s', async (_, opCase) => {
      const steps = new Array<number>(opCase.bindings.T).fill(1);
      expect(await runCase(backend, opCase)).toEqual(await runCase(backend, opCase, { steps }));
    });
  });
});
