import { readFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { InternalError } from '../../core/errors.ts';
import { CONTEXT_FEATURES } from './context-features.ts';
import { LINE_FEATURES } from './line-features.ts';
import { PAGE_FEATURES, PAGE_TYPES, type PageType } from './page-features.ts';
import { readTreeModels, type TreeModel } from './tree-model.ts';

const FILE = fileURLToPath(new URL('../../../models/extraction.bin', import.meta.url));

export interface ExtractionModels {
  readonly line: TreeModel;
  readonly context: TreeModel;
  readonly pageType: (type: PageType) => TreeModel;
}

/** Inputs of the line model: the features of the line, then the probability of each page type. */
export const LINE_MODEL_FEATURES: readonly string[] = [
  ...LINE_FEATURES,
  ...PAGE_TYPES.map((type) => `type:${type}`),
];

/** Inputs of the second line model: all of the first one's, then what that one says about the lines around. */
export const CONTEXT_MODEL_FEATURES: readonly string[] = [...LINE_MODEL_FEATURES, ...CONTEXT_FEATURES];

let loaded: ExtractionModels | undefined;

/** The models that ship with the package, read once. */
export function loadModels(): ExtractionModels {
  if (loaded) return loaded;
  const models = readTreeModels(readFileSync(FILE), FILE);
  const model = (name: string, features: readonly string[]): TreeModel => {
    const found = models.get(name);
    // They are trained on features in this order; other numbers would be nonsense without any error.
    if (found?.features.join() !== features.join()) {
      throw new InternalError(`models/extraction.bin was not trained on the features of "${name}"`, {
        hint: 'run scripts/extraction/train.py, which makes it',
      });
    }
    return found;
  };
  const types = new Map(PAGE_TYPES.map((type) => [type, model(`type:${type}`, PAGE_FEATURES)]));
  loaded = {
    line: model('line', LINE_MODEL_FEATURES),
    context: model('context', CONTEXT_MODEL_FEATURES),
    pageType: (type) => types.get(type) as TreeModel,
  };
  return loaded;
}
