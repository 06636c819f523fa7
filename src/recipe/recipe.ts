/** A recipe as a document: the types of a model's tensors, and how they were found. The same text is in a file that it made. */
import { FormatError, UsageError } from '../core/errors.ts';
import { formatCount } from '../core/units.ts';
import { storageTypeByName } from '../dtype/index.ts';
import type { NamedShape } from '../quantize/stock-mixes.ts';
import { isQuantised } from '../quantize/stock-mixes.ts';
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
  const { types } = json;
  if (!isObject(types) || Object.values(types).some((type) => typeof type !== 'string'))
    throw damaged('"types" is not an object of strings');
  return json as unknown as Recipe;
}

/** The types of a recipe for a model's tensors. Throws `UsageError` where its tensors are not the model's. */
export function typesOfRecipe({ types }: Recipe, tensors: readonly NamedShape[], origin: string): Types {
  const quantised = new Map(tensors.filter(isQuantised).map((tensor) => [tensor.name, tensor]));
  const unknown = Object.keys(types).filter((name) => !quantised.has(name));
  const missing = [...quantised.keys()].filter((name) => types[name] === undefined);
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

function isObject(value: unknown): value is Record<string, unknown> {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}
