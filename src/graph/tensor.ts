import type { Shape } from './dim.ts';

/** Element types that flow between ops. What a weight is stored as (q4_k, bf16, …) is the program's business, not the graph's. */
export type ElementType = 'f32' | 'i32';

export type AttributeValue = number | string | boolean | readonly number[];
export type Attributes = Readonly<Record<string, AttributeValue>>;

/** What a tensor is before any op made it. */
export type SourceKind = 'input' | 'weight' | 'state';

/**
 * A node of the graph and, at the same time, the value it produces. Ops take tensors and give one tensor;
 * nothing is computed until a backend runs the compiled program.
 */
export interface Tensor {
  readonly id: number;
  /** An op's name, or `input`, `weight`, `state`. */
  readonly op: string;
  readonly inputs: readonly Tensor[];
  readonly attributes: Attributes;
  readonly shape: Shape;
  readonly type: ElementType;
  /** Set for sources only. */
  readonly name?: string;
  readonly graph: GraphBuilder;
}

/** A finished graph: nodes in an order in which every tensor comes after its inputs. */
export interface Graph {
  readonly nodes: readonly Tensor[];
  readonly outputs: Readonly<Record<string, Tensor>>;
}

/** Collects nodes while a model function runs. Asking twice for a source of one name gives the same tensor. */
export class GraphBuilder {
  readonly nodes: Tensor[] = [];
  private readonly sources = new Map<string, Tensor>();

  /** Data that changes with every run: `tokens`, `positions`. */
  input(name: string, shape: Shape, type: ElementType = 'i32'): Tensor {
    return this.source('input', name, shape, type);
  }

  /** A parameter of the model. */
  weight(name: string, shape: Shape): Tensor {
    return this.source('weight', name, shape, 'f32');
  }

  /** Memory that outlives a run and that ops write to: the key/value cache. */
  state(name: string, shape: Shape): Tensor {
    return this.source('state', name, shape, 'f32');
  }

  /** Used by `defineOp`; models call ops. */
  add(
    op: string,
    inputs: readonly Tensor[],
    attributes: Attributes,
    shape: Shape,
    type: ElementType,
  ): Tensor {
    const node: Tensor = { id: this.nodes.length, op, inputs, attributes, shape, type, graph: this };
    this.nodes.push(node);
    return node;
  }

  /** Take over a node of another graph, reading other inputs. */
  adopt(node: Tensor, inputs: readonly Tensor[]): Tensor {
    if (node.name !== undefined) return this.source(node.op as SourceKind, node.name, node.shape, node.type);
    return this.add(node.op, inputs, node.attributes, node.shape, node.type);
  }

  private source(kind: SourceKind, name: string, shape: Shape, type: ElementType): Tensor {
    const key = `${kind} ${name}`;
    const known = this.sources.get(key);
    if (known) return known;
    const node: Tensor = {
      id: this.nodes.length,
      op: kind,
      inputs: [],
      attributes: {},
      shape,
      type,
      name,
      graph: this,
    };
    this.nodes.push(node);
    this.sources.set(key, node);
    return node;
  }
}

/** Run a model function on symbolic tensors and keep what it did. */
export function trace(build: (graph: GraphBuilder) => Record<string, Tensor>): Graph {
  const builder = new GraphBuilder();
  const outputs = build(builder);
  return { nodes: builder.nodes, outputs };
}

/** A finished graph again, to add nodes to: the builder, and the outputs in it. */
export function reopen(graph: Graph): {
  readonly builder: GraphBuilder;
  readonly outputs: Readonly<Record<string, Tensor>>;
} {
  const builder = new GraphBuilder();
  const adopted = new Map<Tensor, Tensor>();
  for (const node of graph.nodes) {
    const inputs = node.inputs.map((input) => adopted.get(input) as Tensor);
    adopted.set(node, builder.adopt(node, inputs));
  }
  const outputs = Object.entries(graph.outputs).map(([name, node]) => [name, adopted.get(node) as Tensor]);
  return { builder, outputs: Object.fromEntries(outputs) };
}
