import type { Backend } from '../../src/backend/backend.ts';
import type { Store } from '../../src/backend/store.ts';
import { compile } from '../../src/compile/compile.ts';
import { storageTypeByName } from '../../src/dtype/index.ts';
import { type Dim, evaluateDim, evaluateShape } from '../../src/graph/dim.ts';
import { embedding } from '../../src/graph/ops/embedding.ts';
import { reshape } from '../../src/graph/ops/reshape.ts';
import type { StoredWeight } from '../../src/graph/stored-weight.ts';
import { type Graph, type GraphBuilder, type Tensor, trace } from '../../src/graph/tensor.ts';
import type { OpCase, Operand } from './op-case.ts';

export interface CaseResult {
  readonly type: 'f32' | 'i32';
  readonly values: Float32Array | Int32Array;
}

export interface RunOptions {
  /** The operands stay outputs of the program, so that no op may write into them. */
  readonly keepOperands?: boolean;
  /** How many tokens each run gets; default: all in one. */
  readonly steps?: readonly number[];
}

/**
 * One op as a program of its own. Programs take only integers from outside, so computed floats enter as rows of a
 * table that `embedding` looks up: the op under test then reads, and may overwrite, working memory as in a real program.
 */
export async function runCase(
  backend: Backend,
  opCase: OpCase,
  options: RunOptions = {},
): Promise<CaseResult> {
  const { steps = opCase.steps ?? [opCase.bindings.T ?? 0], keepOperands = false } = options;
  const graph = caseGraph(opCase, keepOperands);
  const program = compile(graph, { name: opCase.name, supports: () => false });
  const store = caseStore(backend, opCase);
  const executable = await backend.load(program, caseWeights(opCase), {
    // Only what is fixed for the life of the executable: the number of pages.
    stateBindings: opCase.bindings.P === undefined ? {} : { P: opCase.bindings.P },
    stateType: storageTypeByName(opCase.stateType ?? 'f32'),
    ...(store && { store }),
  });
  const results: (Float32Array | Int32Array)[] = [];
  let start = 0;
  for (const count of steps) {
    const inputs = caseInputs(opCase, start, count);
    const { out } = await executable.run(inputs, { ...opCase.bindings, T: count });
    results.push(graph.outputs.out.type === 'i32' ? new Int32Array(out.buffer) : out);
    start += count;
  }
  for (const name of store?.names ?? []) results.push((store as Store).array(name).slice());
  await executable.close();
  store?.close();
  const all = results.flatMap((result) => Array.from(result));
  const { type } = graph.outputs.out;
  return { type, values: type === 'i32' ? Int32Array.from(all) : Float32Array.from(all) };
}

/** A store of the operands that are in one; none where there is none. */
function caseStore(backend: Backend, { operands }: OpCase): Store | undefined {
  const inStore = operands.flatMap((operand, i) =>
    operand.kind === 'stored' ? [{ ...operand, name: `operand${i}` }] : [],
  );
  if (inStore.length === 0) return undefined;
  const store = backend.createStore(inStore);
  for (const { name, data } of inStore) store.array(name).set(data);
  return store;
}

/** The op that a case is about, as a node. */
export function caseNode(opCase: OpCase): Tensor {
  return caseGraph(opCase, false).outputs.out;
}

function caseGraph(opCase: OpCase, keepOperands: boolean): Graph {
  return trace((graph) => {
    const tensors = opCase.operands.map((operand, i) => enter(graph, operand, `operand${i}`));
    const kept = tensors.flatMap((tensor, i) =>
      keepOperands && opCase.operands[i].kind === 'rows' ? [[`kept${i}`, tensor]] : [],
    );
    return { out: opCase.build(tensors), ...Object.fromEntries(kept) };
  });
}

function enter(graph: GraphBuilder, operand: Operand, name: string): Tensor {
  if (operand.kind === 'weight') return graph.weight(name, operand.shape);
  if (operand.kind === 'state' || operand.kind === 'stored') return graph.state(name, operand.shape);
  if (operand.kind === 'floats') return graph.input(name, operand.shape, 'f32');
  if (operand.kind === 'integers') return graph.input(name, operand.shape);
  const [axis, ...rest] = operand.shape;
  const width = rest.reduce<number>((product, dim) => product * (dim as number), 1);
  const looked = embedding(
    graph.weight(name, [operand.data.length / width, width]),
    graph.input(`${name}.rows`, [axis]),
  );
  return rest.length === 1 ? looked : reshape(looked, operand.shape);
}

function caseWeights({ operands }: OpCase): Map<string, StoredWeight> {
  const weights = new Map<string, StoredWeight>();
  operands.forEach((operand, i) => {
    if (operand.kind !== 'weight' && operand.kind !== 'rows') return;
    const name = `operand${i}`;
    const bytes = operand.kind === 'weight' ? operand.bytes : new Uint8Array(operand.data.buffer);
    const type = operand.kind === 'weight' ? operand.type : storageTypeByName('f32');
    const rest = operand.shape.slice(1).reduce<number>((product, dim) => product * (dim as number), 1);
    const shape = operand.kind === 'weight' ? operand.shape : [operand.data.length / rest, rest];
    weights.set(name, {
      name,
      type,
      shape,
      parts: [{ sizeBytes: bytes.length, read: async () => bytes }],
    });
  });
  return weights;
}

/** The rows that belong to tokens [start, start + count); what has no token axis is given whole every time. */
function caseInputs(
  { operands, bindings }: OpCase,
  start: number,
  count: number,
): Record<string, Int32Array | Float32Array> {
  const inputs: Record<string, Int32Array | Float32Array> = {};
  const range = (dim: Dim): { first: number; length: number } => {
    const isPerToken = typeof dim === 'object' && dim.symbol === 'T';
    if (isPerToken) return { first: start * dim.times, length: count * dim.times };
    return { first: 0, length: evaluateDim(dim, bindings) };
  };
  operands.forEach((operand, i) => {
    if (operand.kind === 'rows') {
      const { first, length } = range(operand.shape[0]);
      inputs[`operand${i}.rows`] = Int32Array.from({ length }, (_, row) => first + row);
    } else if (operand.kind === 'integers' || operand.kind === 'floats') {
      const { first, length } = range(operand.shape[0]);
      const width = evaluateShape(operand.shape.slice(1), bindings).reduce((a, b) => a * b, 1);
      inputs[`operand${i}`] = operand.data.slice(first * width, (first + length) * width);
    }
  });
  return inputs;
}
