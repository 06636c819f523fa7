/** Language of a text by fastText's model `lid.176` (Joulin et al., 2016; CC BY-SA 3.0), which the optional package carries. */
import { UnsupportedError } from '../../core/errors.ts';

export interface Language {
  /** ISO 639-1 where there is one, else 639-3. */
  readonly code: string;
  readonly probability: number;
}

/** Loads the model. Throws `UnsupportedError` (`fasttext-missing`) where the package is not installed. */
export async function loadLanguageModel(): Promise<(text: string) => Promise<Language>> {
  let library: typeof import('fasttext.wasm.js');
  try {
    library = await import('fasttext.wasm.js');
  } catch (cause) {
    throw new UnsupportedError('Cannot identify languages: the package fasttext.wasm.js is not installed', {
      code: 'fasttext-missing',
      hint: 'npm install fasttext.wasm.js@1, or leave out the step lid',
      cause,
    });
  }
  const model = await library.getLIDModel();
  await model.load();
  return async (text) => {
    const { alpha2, alpha3, possibility } = await model.identify(sample(text));
    return { code: alpha2 ?? alpha3, probability: possibility };
  };
}

const MAX_CHARS = 10_000;

/** The model reads one line. Of long texts beginning, middle and end decide: more text no longer changes the answer. */
export function sample(text: string): string {
  const part = MAX_CHARS / 2;
  const middle = (text.length - part) >> 1;
  const parts =
    text.length <= MAX_CHARS
      ? [text]
      : [text.slice(0, part / 2), text.slice(middle, middle + part), text.slice(-part / 2)];
  return parts.join(' ').replaceAll(/\s+/g, ' ').trim();
}
