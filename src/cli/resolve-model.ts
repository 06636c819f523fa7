import { existsSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { UnsupportedError, UsageError } from '../core/errors.ts';

// Two folders up from here is the package, both in `src/cli` and in `dist/cli`.
const SHIPPED_MODEL = new URL('../../models/mini.gguf', import.meta.url);

/** What MODEL stands for -> a path. Nothing, or `mini`, is the model that ships with the project. Throws `UsageError`. */
export function resolveModel(given: string | undefined): string {
  if (given?.startsWith('hf:')) {
    throw new UnsupportedError(`Cannot open ${given}: models can't be fetched from the hub yet`, {
      code: 'no-hub',
      hint: 'download the .gguf file or the folder, and give its path',
    });
  }
  if (given !== undefined && given !== 'mini') return given;
  const path = fileURLToPath(SHIPPED_MODEL);
  if (existsSync(path)) return path;
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
