import { existsSync } from 'node:fs';
import { UsageError } from '../core/errors.ts';
import { resolvePath, shippedModelPath } from '../engine/model-source.ts';

/** What MODEL stands for -> a path. Nothing, or `mini`, is the model that ships with the project. Throws `UsageError`. */
export function resolveModel(given: string | undefined): string {
  const path = resolvePath(given ?? 'mini');
  if (path !== shippedModelPath() || existsSync(path)) return path;
  throw new UsageError(
    given === undefined
      ? 'No model is given, and this version ships none'
      : 'The model "mini" is not part of this version',
    {
      code: 'no-shipped-model',
      hint: 'give the path of a .gguf file or of a Hugging Face folder; a model called mini has to be written ./mini',
    },
  );
}

/**
 * Throws `UsageError` for a MODEL that does not exist. `option` is what a text is given with: it is often given in place of the
 * model.
 */
export function checkModelPath(given: string | undefined, option: string): void {
  if (given === undefined || existsSync(resolveModel(given))) return;
  throw new UsageError(`Cannot open ${given}: there is no such file or folder`, {
    code: 'file-not-found',
    hint: `the first word is MODEL: check the spelling, or use mini with ${option} ${JSON.stringify(given)}`,
  });
}
