import { openStoredModel, type StoredModel } from '../format/stored-model.ts';
import type { ModelConfig } from '../model/architecture.ts';
import { readConfig } from '../model/read-config.ts';
import type { ChatTemplate } from '../text/chat-template.ts';
import { readModelText } from '../text/model-text.ts';
import type { Tokenizer, TokenizerOptions } from '../text/tokenizer.ts';

/** A model on disk with what its files say: configuration, tokenizer, chat template. No weights are read. */
export type ModelFiles = StoredModel & {
  readonly config: ModelConfig;
  /** Undefined for files without one: everything that takes token ids still works. */
  readonly tokenizer: Tokenizer | undefined;
  readonly chatTemplate: ChatTemplate;
};

/**
 * Open a `.gguf` file (any shard of a set) or a Hugging Face folder. Throws `FormatError` or `UnsupportedError` naming the
 * file.
 */
export async function openModelFiles(path: string, options: TokenizerOptions = {}): Promise<ModelFiles> {
  const model = await openStoredModel(path);
  try {
    return { ...model, config: readConfig(model), ...readModelText(model, options) };
  } catch (error) {
    await model.close();
    throw error;
  }
}
