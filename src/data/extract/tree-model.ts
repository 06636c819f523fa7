/** Boosted decision trees: their file, and the sum of their leaves for a row of features. */
import { FormatError } from '../../core/errors.ts';

/** Trees of one output, flattened. Children are indices of nodes, or `~leaf`. */
export interface TreeModel {
  readonly name: string;
  readonly features: readonly string[];
  /** Index of the first node of each tree; a tree of one leaf has no node, and is stored as ~leaf. */
  readonly roots: Int32Array;
  readonly feature: Uint16Array;
  readonly threshold: Float32Array;
  readonly left: Int32Array;
  readonly right: Int32Array;
  readonly leaf: Float32Array;
}

interface Section {
  readonly name: string;
  readonly features: string;
  readonly trees: number;
  readonly nodes: number;
  readonly leaves: number;
}

const MAGIC = 'dtree1\n\n';
const BYTES_PER_NODE = 4 + 4 + 4 + 4;

/**
 * The models of a file: `dtree1`, the length of a JSON header, the header, then the arrays of each model in the order of
 * `TreeModel`, little-endian, features as 32-bit numbers. Throws `FormatError` (`bad-tree-model`).
 */
export function readTreeModels(bytes: Uint8Array, file: string): ReadonlyMap<string, TreeModel> {
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  const bad = (found: string): FormatError =>
    new FormatError(`Cannot read the models in ${file}: ${found}`, {
      code: 'bad-tree-model',
      hint: 'the file is damaged or of another version; install the package again',
    });
  if (bytes.length < 12 || new TextDecoder('latin1').decode(bytes.subarray(0, 8)) !== MAGIC) {
    throw bad('it does not begin with "dtree1"');
  }
  const headerBytes = view.getUint32(8, true);
  if (12 + headerBytes > bytes.length) throw bad('it ends inside its header');
  const header = JSON.parse(new TextDecoder().decode(bytes.subarray(12, 12 + headerBytes))) as {
    featureSets: Readonly<Record<string, readonly string[]>>;
    models: readonly Section[];
  };
  const models = new Map<string, TreeModel>();
  let at = 12 + headerBytes;
  for (const { name, features, trees, nodes, leaves } of header.models) {
    if (at + 4 * trees + BYTES_PER_NODE * nodes + 4 * leaves > bytes.length)
      throw bad(`it ends inside "${name}"`);
    const ints = (count: number): Int32Array<ArrayBuffer> => {
      const out = Int32Array.from({ length: count }, (_, i) => view.getInt32(at + 4 * i, true));
      at += 4 * count;
      return out;
    };
    const floats = (count: number): Float32Array<ArrayBuffer> => new Float32Array(ints(count).buffer);
    const model: TreeModel = {
      name,
      features: header.featureSets[features] ?? [],
      roots: ints(trees),
      feature: Uint16Array.from(ints(nodes)),
      threshold: floats(nodes),
      left: ints(nodes),
      right: ints(nodes),
      leaf: floats(leaves),
    };
    for (const side of [model.roots, model.left, model.right]) {
      for (const child of side) {
        if (child >= nodes || ~child >= leaves) throw bad(`a tree of "${name}" has a child outside of it`);
      }
    }
    // Children come after their parents, so that every walk ends.
    for (let i = 0; i < nodes; i++) {
      const isForward = (child: number): boolean => child < 0 || child > i;
      if (
        !isForward(model.left[i]) ||
        !isForward(model.right[i]) ||
        model.feature[i] >= model.features.length
      ) {
        throw bad(`a tree of "${name}" is malformed`);
      }
    }
    models.set(name, model);
  }
  return models;
}

/** Sum of the leaves that a row of features, from `offset`, reaches. */
export function sumTrees(model: TreeModel, values: Float32Array, offset: number): number {
  const { roots, feature, threshold, left, right, leaf } = model;
  let sum = 0;
  for (let t = 0; t < roots.length; t++) {
    let node = roots[t];
    while (node >= 0) node = values[offset + feature[node]] <= threshold[node] ? left[node] : right[node];
    sum += leaf[~node];
  }
  return sum;
}
