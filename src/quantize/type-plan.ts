/** Which storage type each tensor gets: a named mix, and what the user has said about single tensors. */
import type { GgufTypes, TargetName } from '../convert/write-gguf.ts';
import { UsageError } from '../core/errors.ts';
import { formatCount } from '../core/units.ts';
import { type Fallbacks, fallbackType } from '../dtype/fallback-types.ts';
import { f32, type StorageType, storageTypeByName, storageTypes } from '../dtype/index.ts';
import { isQuantised, type MixModel, STOCK_MIXES, stockTypes } from './stock-mixes.ts';

export interface TypeRule {
  /** Matches anywhere in the name of a tensor. */
  readonly pattern: RegExp;
  readonly type: string;
}

export interface TypePlanOptions {
  /** A named mix, or a type for every matrix: f32, f16 or bf16, or any with `isPure`. */
  readonly mix: string;
  /** Every matrix has the mix's type, without its exceptions. */
  readonly isPure?: boolean;
  /** The first that matches decides. */
  readonly rules?: readonly TypeRule[];
  readonly outputType?: string;
  readonly embeddingType?: string;
  readonly hasImportance: boolean;
  readonly fallbacks: Fallbacks;
}

export interface PlannedTensor extends TargetName {
  readonly type: StorageType;
  /** What the mix has for it, where the type's blocks do not divide its rows. */
  readonly insteadOf?: string;
}

const FLOATS = ['f32', 'f16', 'bf16'];

/** Types that the weights of a tensor can be stored in, best first. */
export const TENSOR_TYPES: readonly string[] = storageTypes
  .filter(({ id, name, blockElements }) => id >= 0 && (blockElements > 1 || FLOATS.includes(name)))
  .map(({ name }) => name);

/** What `--type` may be. */
export const MIX_NAMES: readonly string[] = [...STOCK_MIXES, ...FLOATS];

/** `Q4_K_M` -> `q4_k_m`. Throws `UsageError` for a name that is none, with those that are near. */
export function mixByName(given: string): string {
  const name = given.toLowerCase();
  if (MIX_NAMES.includes(name)) return name;
  const alike = MIX_NAMES.filter(
    (mix) => mix.startsWith(name.slice(0, 3)) || mix.startsWith(name.slice(0, 2)),
  );
  throw new UsageError(`There is no type ${given}`, {
    code: 'unknown-type',
    hint: `choose one of ${(alike.length > 0 ? alike : MIX_NAMES).join(', ')}`,
  });
}

/** A type for one tensor. Throws `UsageError` for a name that is none. */
export function tensorTypeByName(given: string): string {
  const name = given.toLowerCase();
  if (TENSOR_TYPES.includes(name)) return name;
  const mix = STOCK_MIXES.includes(name) ? ` (${given} is a mix of types, for --type)` : '';
  throw new UsageError(`There is no storage type ${given}${mix}`, {
    code: 'unknown-type',
    hint: `choose one of ${TENSOR_TYPES.join(', ')}`,
  });
}

/**
 * A type for every tensor of a model, in their order. Throws `UsageError` for a rule that matches nothing, or whose type does
 * not divide the rows of a tensor that it names.
 */
export function planTypes(
  tensors: readonly TargetName[],
  model: MixModel,
  options: TypePlanOptions,
): readonly PlannedTensor[] {
  const { mix, rules = [], outputType, embeddingType, isPure = false, fallbacks } = options;
  const isFloat = FLOATS.includes(mix);
  const stock = isFloat || isPure ? undefined : stockTypes(mix, tensors, model, options);
  const unused = new Set(rules);
  const planned = tensors.map(({ name, shape }): PlannedTensor => {
    if (!isQuantised({ name, shape })) return { name, shape, type: f32 };
    const rule = rules.find(({ pattern }) => pattern.test(name));
    if (rule) unused.delete(rule);
    const said =
      name === 'output.weight' && outputType !== undefined
        ? outputType
        : name === 'token_embd.weight' && embeddingType !== undefined
          ? embeddingType
          : rule?.type;
    if (said !== undefined) return { name, shape, type: dividing(said, { name, shape }) };
    const columns = shape[shape.length - 1];
    const { type, insteadOf } = stock?.get(name) ?? fallbackType(mix, columns, fallbacks);
    return {
      name,
      shape,
      type: storageTypeByName(type),
      ...(insteadOf !== undefined && { insteadOf }),
    };
  });
  for (const { pattern } of unused) {
    throw new UsageError(`No tensor that can be quantised has a name like ${pattern.source}`, {
      code: 'unused-rule',
      hint: 'see the names with `dots info MODEL --tensors`; norms, routers and vectors stay f32',
    });
  }
  return planned;
}

function dividing(typeName: string, { name, shape }: TargetName): StorageType {
  const type = storageTypeByName(typeName);
  const columns = shape[shape.length - 1];
  if (columns % type.blockElements === 0) return type;
  throw new UsageError(
    `Cannot store ${name} as ${typeName}: its rows have ${formatCount(columns)} values, and blocks hold ${type.blockElements}`,
    { code: 'partial-block', hint: 'choose a type with smaller blocks, such as q8_0, q5_0 or iq4_nl' },
  );
}

/** Tensors that cannot be quantised this low without an importance matrix, as llama.cpp decides. */
export function needImportance(planned: readonly PlannedTensor[], mix: string): readonly string[] {
  const tooLow = /^(?:iq1_[sm]|iq2_(?:xxs|xs|s)|iq3_xxs)$/;
  return planned
    .filter(({ name }) => name !== 'output.weight' && name !== 'token_embd.weight')
    .filter(({ type }) => tooLow.test(type.name) || (type.name === 'q2_k' && mix === 'q2_k_s'))
    .map(({ name }) => name);
}

/** A plan as what `writeGgufModel` asks. */
export function typesOfPlan(planned: readonly PlannedTensor[], mix: string | undefined): GgufTypes {
  const types = new Map(planned.map(({ name, type }) => [name, type]));
  return { of: ({ name }) => types.get(name) as StorageType, ...(mix !== undefined && { fileType: mix }) };
}
