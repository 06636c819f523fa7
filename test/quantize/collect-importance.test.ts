import { fileURLToPath } from 'node:url';
import { describe, expect, it } from 'vitest';
import { referenceBackend } from '../../src/backend/reference/reference-backend.ts';
import { compile } from '../../src/compile/compile.ts';
import { cut } from '../../src/compile/cut.ts';
import { f32 } from '../../src/dtype/index.ts';
import { openModelFiles } from '../../src/engine/model-files.ts';
import { chooseBackend } from '../../src/engine/open.ts';
import { bindWeights } from '../../src/model/bind-weights.ts';
import { batchesOf, collectImportance } from '../../src/quantize/collect-importance.ts';
import { layerSegments } from '../../src/quantize/layer-segments.ts';

const TINY = fileURLToPath(new URL('../fixtures/tiny-llamacpp.gguf', import.meta.url));
const CHUNKS = [
  [5, 3, 200, 17, 9, 44],
  [1, 2, 3],
  [250, 7],
];

async function tiny() {
  const files = await openModelFiles(TINY);
  const { weights } = bindWeights(files.config, files.tensors, files.format, files.origin);
  return { files, model: { config: files.config, weights } };
}

describe('collecting importance', () => {
  it('gives Σ x² of what each matrix multiplies, each expert by the tokens that went to it', async () => {
    const { files, model } = await tiny();
    const found = await collectImportance(model, referenceBackend, batchesOf(CHUNKS));
    // The definition, from a run of the whole model on one chunk after the other that gives the inputs themselves.
    const expected = new Map<string, { sums: Float64Array; counts: Float64Array }>();
    const nodes = layerSegments(model.config).map(({ graph }) => graph);
    for (const tokens of CHUNKS) {
      let h: Float32Array | undefined;
      for (const graph of nodes) {
        const products = graph.nodes.filter(({ op }) => op === 'linear' || op === 'groupedLinear');
        const outputs = Object.fromEntries([
          ...Object.entries(graph.outputs),
          ...products.flatMap(({ inputs: [x, weight, experts] }) => [
            [`x ${weight.name}`, x],
            ...(experts ? [[`experts ${weight.name}`, experts]] : []),
          ]),
        ]);
        const given = graph.nodes.find(({ op, name }) => op === 'input' && name === 'h');
        const program = compile(cut(given ? { h: given } : {}, outputs), {
          name: 'x',
          supports: () => false,
        });
        const executable = await referenceBackend.load(program, model.weights, {
          stateBindings: {},
          stateType: f32,
        });
        const all = {
          tokens: Int32Array.from(tokens),
          positions: Int32Array.from(tokens.keys()),
          sequences: new Int32Array(tokens.length),
          ...(h && { h }),
        };
        const names = new Set(program.values.flatMap((value) => (value.kind === 'input' ? value.name : [])));
        const run = await executable.run(
          Object.fromEntries(Object.entries(all).filter(([name]) => names.has(name))),
          { T: tokens.length },
        );
        h = run.h;
        for (const {
          inputs: [x, weight, experts],
        } of products) {
          const columns = x.shape[1] as number;
          const x_TI = run[`x ${weight.name}`];
          const chosen = experts && new Int32Array(run[`experts ${weight.name}`].buffer);
          const numMatrices = experts ? (weight.shape[0] as number) : 1;
          const entry = expected.get(weight.name as string) ?? {
            sums: new Float64Array(numMatrices * columns),
            counts: new Float64Array(numMatrices),
          };
          expected.set(weight.name as string, entry);
          const perToken = chosen ? chosen.length / tokens.length : 1;
          for (let row = 0; row < (chosen?.length ?? tokens.length); row++) {
            const matrix = chosen?.[row] ?? 0;
            const at = x_TI.length === tokens.length * columns ? Math.floor(row / perToken) : row;
            entry.counts[matrix]++;
            for (let j = 0; j < columns; j++) entry.sums[matrix * columns + j] += x_TI[at * columns + j] ** 2;
          }
        }
        await executable.close();
      }
    }
    expect(found.size).toBeGreaterThan(10);
    expect(found.has('output.weight')).toBe(true);
    expect([...found.keys()].some((name) => name.includes('gate_inp') || name.includes('norm'))).toBe(false);
    const names = new Map(
      (await import('../../src/model/weights.ts'))
        .weightSpecs(model.config)
        .map(({ gguf, name }) => [gguf, name]),
    );
    for (const [gguf, { sums, counts }] of found) {
      const entry = expected.get(names.get(gguf) as string);
      expect([...counts]).toEqual([...(entry?.counts ?? [])]);
      for (const [i, sum] of sums.entries())
        expect(Math.abs(sum - (entry?.sums[i] ?? Number.NaN))).toBeLessThanOrEqual(1e-5 * (1 + sum));
    }
    await files.close();
  });

  it('the native backend gives the same, with any number of threads', async () => {
    const { files, model } = await tiny();
    const expected = await collectImportance(model, referenceBackend, batchesOf(CHUNKS));
    const runs = [];
    for (const threads of [1, 3])
      runs.push(
        await collectImportance(
          model,
          await chooseBackend({ backend: 'native', threads }),
          batchesOf(CHUNKS),
        ),
      );
    expect(runs[1]).toEqual(runs[0]);
    for (const [name, { sums, counts }] of runs[0]) {
      const entry = expected.get(name);
      expect(counts).toEqual(entry?.counts);
      for (const [i, sum] of sums.entries())
        expect(Math.abs(sum - (entry?.sums[i] ?? Number.NaN))).toBeLessThanOrEqual(0.03 * (1e-3 + sum));
    }
    await files.close();
  });
});
