/**
 * Something that llama.cpp cannot do with the GGUF file of a model that we run. Each is known from llama.cpp's answer to
 * such a file, which `test/golden/llama-cpp/record.ts` records.
 */
export interface LlamaCppProblem {
  /** `refuses`: the file does not load. `differs`: it loads, and other logits are computed. */
  readonly effect: 'refuses' | 'differs';
  /** A clause about the model. */
  readonly why: string;
  /** What a model that llama.cpp is to run should have: "with …". */
  readonly remedy: string;
}

/** Those that apply. */
export function applying(
  rules: readonly (LlamaCppProblem & { readonly applies: boolean })[],
): LlamaCppProblem[] {
  return rules.filter(({ applies }) => applies).map(({ effect, why, remedy }) => ({ effect, why, remedy }));
}
