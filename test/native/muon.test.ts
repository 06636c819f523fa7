import { expect, it } from 'vitest';
import { compile } from '../../src/compile/compile.ts';
import { Random } from '../../src/core/random.ts';
import { f32 } from '../../src/dtype/index.ts';
import { muon } from '../../src/graph/ops/muon.ts';
import { trace } from '../../src/graph/tensor.ts';
import { candidates, reasonToSkip } from '../conformance/backends.ts';

// Two of these are more than native/ops/muon.cc works on at a time.
const SIZE = 1300;

for (const candidate of candidates()) {
  const reason = reasonToSkip(candidate, 'muon');
  const why = reason ? ` (skipped: ${reason})` : '';
  it.skipIf(reason)(
    `a stack too large to be worked on at once moves as its matrices do, on ${candidate.name}${why}`,
    async () => {
      const backend = candidate.backend as NonNullable<typeof candidate.backend>;
      const move = async (shape: number[], gradient: Float32Array): Promise<Float32Array> => {
        const names = ['parameter', 'gradient', 'mean'];
        const store = backend.createStore(names.map((name) => ({ name, shape })));
        store.array('gradient').set(gradient);
        const graph = trace((g) => {
          const [parameter, sum, mean] = names.map((name) => g.state(name, shape));
          const rates = g.input('rates', [4], 'f32');
          return { done: muon(parameter, sum, mean, rates, { momentum: 0.9, decay: 0.1 }) };
        });
        const program = compile(graph, { name: 'muon', supports: backend.supports });
        const loaded = await backend.load(program, new Map(), { stateBindings: {}, stateType: f32, store });
        await loaded.run({ rates: Float32Array.of(0.01, 1, 1, 1) }, {});
        await loaded.close();
        return store.array('parameter').slice();
      };
      const random = new Random(5);
      const gradients = Float32Array.from({ length: 2 * SIZE * SIZE }, () => random.normal());
      const half = SIZE * SIZE;
      const together = await move([2, SIZE, SIZE], gradients);
      expect(together[0]).not.toBe(0);
      for (const i of [0, 1]) {
        const alone = await move([SIZE, SIZE], gradients.subarray(i * half, (i + 1) * half));
        expect(
          Buffer.compare(Buffer.from(together.buffer, i * half * 4, half * 4), Buffer.from(alone.buffer)),
        ).toBe(0);
      }
    },
  );
}
