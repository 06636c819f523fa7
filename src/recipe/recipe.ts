/** A recipe as a document: the types of a model's tensors, and how they were found. The same text is in a file that it made. */
import { FormatError, UsageError } from '../core/errors.ts';
import { formatCount } from '../core/units.ts';
import { storageTypeByName } from '../dtype/index.ts';
import { isQuantised, type NamedShape } from '../quantize/stock-mixes.ts';
import { TENSOR_TYPES } from '../quantize/type-plan.ts';
import type { Types } from './search-recipe.ts';

/** Holds no path and no time: the same inputs give the same text. */
export interface Recipe {
  readonly format: 1;
  /** Version of dots.ts that searched. */
  readonly version: string;
  readonly objective: 'kl' | 'weight-error';
  readonly budget: { readonly bytes?: number; readonly readBytes?: number };
  /** SHA-256 of the files of the model, of the calibration text, and of the importance matrix. */
  readonly model: string;
  readonly calibration: string;
  readonly importance: string;
  /** Nats for each token. */
  readonly kl?: {
    /** Absent where a named mix was taken. */
    readonly gradients?: number;
    readonly predicted?: number;
    readonly measured: number;
    /** On text that the search did not see. */
    readonly guard: number;
    readonly mix?: { readonly name: string; readonly kl: number };
  };
  /** Storage types by the names of tensors. */
  readonly types: Readonly<Record<string, string>>;
}

export function recipeText(recipe: Recipe): string {
  return JSON.stringify(recipe);
}

/** Throws `FormatError` (`damaged-recipe`) for a text that is none. */
export function parseRecipe(text: string, origin: string): Recipe {
  const damaged = (what: string): FormatError =>
    new FormatError(`Cannot read ${origin} as a recipe: ${what}`, {
      code: 'damaged-recipe',
      hint: 'give a GGUF file that `dots quantize --budget` wrote, or the text of its key dots.recipe',
    });
  let json: unknown;
  try {
    json = JSON.parse(text);
  } catch {
    throw damaged('it is not JSON');
  }
  if (!isObject(json)) throw damaged('it is not a JSON object');
  if (json.format !== 1) throw damaged(`its format is ${JSON.stringify(json.format)}, not 1`);
  for (const key of ['version', 'objective', 'model', 'calibration', 'importance'])
    if (typeof json[key] !== 'string') throw damaged(`"${key}" is not a string`);
  const { types, budget, kl } = json;
  if (!isObject(types) || Object.values(types).some((type) => typeof type !== 'string'))
    throw damaged('"types" is not an object of strings');
  for (const [name, type] of Object.entries(types))
    if (!isWritable(type as string))
      throw damaged(`${name} is to be stored as ${JSON.stringify(type)}, which is not a type of weights`);
  if (!isNumbers(budget, [], ['bytes', 'readBytes'])) throw damaged('"budget" is not an object of numbers');
  if (kl !== undefined) {
    if (!isNumbers(kl, ['measured', 'guard'], ['gradients', 'predicted', 'mix']))
      throw damaged('"kl" has not the numbers of a measurement');
    const { mix } = kl;
    if (mix !== undefined && !(isObject(mix) && typeof mix.name === 'string' && typeof mix.kl === 'number'))
      throw damaged('"kl.mix" is not a mix and its divergence');
  }
  return json as unknown as Recipe;
}

/** The types of a recipe for a model's tensors. Throws `UsageError` where its tensors are not the model's. */
export function typesOfRecipe({ types }: Recipe, tensors: readonly NamedShape[], origin: string): Types {
  const quantised = new Map(tensors.filter(isQuantised).map((tensor) => [tensor.name, tensor]));
  const unknown = Object.keys(types).filter((name) => !quantised.has(name));
  const missing = [...quantised.keys()].filter((name) => !Object.hasOwn(types, name));
  const [first, ...others] = [...unknown, ...missing];
  if (first !== undefined) {
    const more = others.length > 0 ? ` (and ${formatCount(others.length)} more)` : '';
    throw new UsageError(
      unknown.length > 0
        ? `Cannot use the recipe ${origin}: it names ${first}${more}, which the model does not have`
        : `Cannot use the recipe ${origin}: it has no type for ${first}${more}`,
      { code: 'other-model', hint: 'a recipe is for models of one architecture and size' },
    );
  }
  return new Map(
    [...quantised.values()].map(({ name, shape }) => {
      const type = storageTypeByName(types[name]);
      const columns = shape[shape.length - 1];
      if (columns % type.blockElements === 0) return [name, type];
      throw new UsageError(
        `Cannot use the recipe ${origin}: ${type.name} does not divide rows of ${formatCount(columns)} in ${name}`,
        { code: 'other-model', hint: 'a recipe is for models of one architecture and size' },
      );
    }),
  );
}

/** Types that the search chooses from, or that someone may fix a tensor to. */
function isWritable(name: string): boolean {
  return TENSOR_TYPES.includes(name);
}

/** An object with certain numbers; `mix`, which is an object, is examined by itself. */
function isNumbers(
  value: unknown,
  needed: readonly string[],
  allowed: readonly string[],
): value is Record<string, unknown> {
  if (!isObject(value)) return false;
  const isNumber = (key: string): boolean => key === 'mix' || typeof value[key] === 'number';
  return (
    needed.every(isNumber) &&
    Object.keys(value).every((key) => [...needed, ...allowed].includes(key) && isNumber(key))
  );
}

function isObject(value: unknown): value is Record<string, unknown> {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}
