import { ConfigFields, MAX_LAYERS } from './config-fields.ts';

/** The part of a GGUF file that a configuration is read from. */
export interface GgufFacts {
  readonly metadata: ReadonlyMap<string, { readonly value: unknown }>;
  readonly tensors: ReadonlyMap<string, { readonly shape: readonly number[] }>;
}

/** Reads the keys of one architecture: `llama.block_count` is `number('block_count')`. */
export class GgufFields extends ConfigFields {
  private readonly file: GgufFacts;
  private readonly prefix: string;

  constructor(file: GgufFacts, prefix: string) {
    super();
    this.file = file;
    this.prefix = prefix;
  }

  number(key: string, fallback?: number): number {
    const value = uniform(this.value(key)) ?? fallback;
    if (typeof value === 'number' && Number.isFinite(value)) return value;
    this.problems.push(
      value === undefined
        ? `"${this.prefix}.${key}" is missing`
        : `"${this.prefix}.${key}" is not one number`,
    );
    return Number.NaN;
  }

  /** A number that was a decimal before it was stored in 32 bits: 1e-5, not 9.999999747378752e-6. */
  decimal(key: string, fallback?: number): number {
    return roundedToDecimal(this.number(key, fallback));
  }

  numLayers(): number {
    const count = this.number('block_count');
    if (!(count > MAX_LAYERS)) return count;
    this.problems.push(`"${this.prefix}.block_count" is ${count}, expected at most ${MAX_LAYERS}`);
    return Number.NaN;
  }

  boolean(key: string, fallback: boolean): boolean {
    const value = this.value(key);
    if (value === undefined || typeof value === 'boolean') return value ?? fallback;
    this.problems.push(`"${this.prefix}.${key}" is ${String(value)}, expected a boolean`);
    return fallback;
  }

  /** The value, whatever its type; undefined if absent. */
  value(key: string): unknown {
    return this.file.metadata.get(`${this.prefix}.${key}`)?.value;
  }

  hasTensor(name: string): boolean {
    return this.file.tensors.has(name);
  }

  /** Rows of the embedding table; files need not say it in their metadata. */
  vocabSize(): number {
    return this.file.tensors.get('token_embd.weight')?.shape[0] ?? this.number('vocab_size');
  }

  headSize(): number {
    return this.number(
      'attention.key_length',
      this.number('embedding_length') / this.number('attention.head_count'),
    );
  }

  /** Heads whose values are as wide as their keys, and rotated in full. */
  refuseUnevenHeads(): void {
    const headSize = this.number(
      'attention.key_length',
      this.number('embedding_length', 0) / this.number('attention.head_count', 1),
    );
    const valueSize = this.number('attention.value_length', headSize);
    this.refuseIf(valueSize !== headSize, `values ${valueSize} wide next to keys ${headSize} wide`);
    const rotated = this.number('rope.dimension_count', headSize);
    this.refuseIf(rotated !== headSize, `rotation of ${rotated} of ${headSize} dimensions`);
  }

  /** Biases would only be tensors without a place. */
  refuseBiases(): void {
    const names = ['attn_q', 'attn_k', 'attn_v', 'attn_output', 'ffn_gate', 'ffn_up', 'ffn_down'];
    const found = names.filter((name) => this.hasTensor(`blk.0.${name}.bias`));
    this.refuseIf(found.length > 0, `biases in ${found.join(', ')}`);
  }

  refuseRopeScaling(): void {
    const scaling = this.value('rope.scaling.type');
    const factors = ['rope.scaling.factor', 'rope.scale_linear'].map((key) => this.number(key, 1));
    // Linear scaling by 1 changes nothing, and a factor of 0 stands for none.
    const isLinear = scaling === 'linear' || scaling === undefined;
    const isPlain =
      scaling === 'none' || (isLinear && factors.every((factor) => factor === 0 || factor === 1));
    this.refuseIf(!isPlain, `rope scaling of type ${JSON.stringify(scaling ?? 'linear')}`);
    const magnitude = this.number('rope.scaling.attn_factor', 1);
    this.refuseIf(magnitude !== 1, `rotation that multiplies by ${magnitude}`);
  }
}

/** GGUF stores 32-bit floats. The shortest decimal that rounds to the same float was meant. */
function roundedToDecimal(value: number): number {
  const decimal = Number(value.toPrecision(7));
  return Math.fround(decimal) === Math.fround(value) ? decimal : value;
}

/** Head counts and widths may be given layer by layer; all architectures here have the same everywhere. */
function uniform(value: unknown): unknown {
  if (!Array.isArray(value) && !ArrayBuffer.isView(value))
    return typeof value === 'bigint' ? Number(value) : value;
  const items = Array.from(value as unknown as ArrayLike<unknown>);
  return items.length > 0 && items.every((item) => item === items[0]) ? items[0] : items;
}
