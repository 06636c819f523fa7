import { FormatError } from '../core/errors.ts';
import { formatCount } from '../core/units.ts';
import type { ByteSource } from '../format/byte-source.ts';
import { openStoredModel, type RemoteModel, type StoredModel } from '../format/stored-model.ts';
import type { ModelConfig } from '../model/architecture.ts';
import { readConfig } from '../model/read-config.ts';
import type { ChatTemplate } from '../text/chat-template.ts';
import { readModelText } from '../text/model-text.ts';
import { readSamplingDefaults, type SamplingDefaults } from '../text/sampling-defaults.ts';
import type { Tokenizer, TokenizerOptions } from '../text/tokenizer.ts';

/** A model on disk with what its files say: configuration, tokenizer, chat template. No weights are read. */
export type ModelFiles = StoredModel & {
  readonly config: ModelConfig;
  /** Undefined for files without one: everything that takes token ids still works. */
  readonly tokenizer: Tokenizer | undefined;
  readonly chatTemplate: ChatTemplate;
  /** What requests get that do not say otherwise. */
  readonly samplingDefaults: SamplingDefaults;
};

/**
 * Open a GGUF file (any shard of a set), its bytes, or a Hugging Face folder. Throws `FormatError` or `UnsupportedError` naming the
 * file.
 */
export async function openModelFiles(
  source: string | ByteSource | RemoteModel,
  options: TokenizerOptions = {},
): Promise<ModelFiles> {
  const model = await openStoredModel(source);
  try {
    const config = readConfig(model);
    const text = readModelText(model, options);
    checkRows(model, config, text.tokenizer, options);
    return { ...model, config, ...text, samplingDefaults: readSamplingDefaults(model, options.onWarning) };
  } catch (error) {
    await model.close();
    throw error;
  }
}

/** Tokens that the embedding has no row for. Fine-tunes add some to a folder that their weights never learnt; GGUF files have none. */
function checkRows(
  { format, origin }: StoredModel,
  { vocabSize }: ModelConfig,
  tokenizer: Tokenizer | undefined,
  { onWarning }: TokenizerOptions,
): void {
  if (!tokenizer || tokenizer.vocabSize <= vocabSize) return;
  const found = `its tokenizer has ${formatCount(tokenizer.vocabSize)} tokens, but the embedding has ${formatCount(vocabSize)} rows`;
  if (format === 'hf') {
    onWarning?.(`${found}: text with one of the others cannot be read`);
    return;
  }
  throw new FormatError(`Cannot open ${origin}: ${found}`, {
    code: 'bad-vocabulary',
    hint: 'tokenizer and weights belong to different models',
  });
}
