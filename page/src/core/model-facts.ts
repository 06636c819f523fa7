/** What `/props` says of the model and of this server's memory, as far as it does. */
export interface ModelFacts {
  readonly parameters: number | undefined;
  readonly activeParameters: number | undefined;
  readonly numLayers: number | undefined;
  readonly numExperts: number | undefined;
  readonly numChosen: number | undefined;
  readonly numSharedExperts: number | undefined;
  readonly vocabSize: number | undefined;
  readonly contextLength: number | undefined;
  readonly trainedContextLength: number | undefined;
  /** Storage types of the weights, the largest share first. */
  readonly types: readonly { readonly name: string; readonly bytes: number }[];
  readonly kvType: string | undefined;
  readonly memory: { readonly weights: number; readonly kv: number; readonly kvCapacity: number } | undefined;
  readonly backend: string | undefined;
}

export function readFacts(props: unknown): ModelFacts {
  const found = objectOr(props);
  const parameters = objectOr(found.parameters);
  const memory = objectOr(found.memory);
  const [weights, kv, kvCapacity] = [memory.weights, memory.kv, memory.kv_capacity].map(numberOr);
  const cached = numberOr(memory.prefix_cache) ?? 0;
  return {
    parameters: numberOr(parameters.total),
    activeParameters: numberOr(parameters.active),
    numLayers: numberOr(found.num_layers),
    numExperts: numberOr(found.num_experts),
    numChosen: numberOr(found.num_experts_per_token),
    numSharedExperts: numberOr(found.num_shared_experts),
    vocabSize: numberOr(found.vocab_size),
    contextLength: numberOr(found.n_ctx),
    trainedContextLength: numberOr(found.n_ctx_train),
    types: Object.entries(objectOr(found.weight_bytes))
      .flatMap(([name, bytes]) => (typeof bytes === 'number' ? [{ name, bytes }] : []))
      .sort((a, b) => b.bytes - a.bytes),
    kvType: textOr(found.kv_type),
    memory:
      weights !== undefined && kv !== undefined && kvCapacity !== undefined
        ? { weights, kv: kv + cached, kvCapacity }
        : undefined,
    backend: textOr(found.backend),
  };
}

function objectOr(value: unknown): Readonly<Record<string, unknown>> {
  return typeof value === 'object' && value !== null ? (value as Record<string, unknown>) : {};
}

function numberOr(value: unknown): number | undefined {
  return typeof value === 'number' && Number.isFinite(value) ? value : undefined;
}

function textOr(value: unknown): string | undefined {
  return typeof value === 'string' && value !== '' ? value : undefined;
}
