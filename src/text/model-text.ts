/** Tokenizer and chat template of a model on disk, whichever its format. */
import type { StoredModel } from '../format/stored-model.ts';
import { type ChatTemplate, chatTemplateFromGguf, chatTemplateFromHf } from './chat-template.ts';
import { withFallback } from './fallback-templates.ts';
import { createTokenizer, type Tokenizer, type TokenizerOptions, type TokenizerSource } from './tokenizer.ts';
import { readGgufTokenizer } from './tokenizer-gguf.ts';
import { readJsonTokenizer } from './tokenizer-json.ts';

/** Undefined for a model without one. Throws as `readGgufTokenizer` and `readJsonTokenizer`. */
export function readTokenizerSource(
  model: StoredModel,
  options: TokenizerOptions = {},
): TokenizerSource | undefined {
  if (model.format === 'gguf') return readGgufTokenizer(model.metadata, options);
  const { tokenizerJson } = model.files;
  return tokenizerJson && readJsonTokenizer({ ...model.files, tokenizerJson }, options);
}

/** As `readTokenizerSource`, made. */
export function readTokenizer(model: StoredModel, options: TokenizerOptions = {}): Tokenizer | undefined {
  const source = readTokenizerSource(model, options);
  return source && createTokenizer(source);
}

/** The model's own, or the fallback for its vocabulary. */
export function readChatTemplate(model: StoredModel, tokenizer?: Tokenizer): ChatTemplate {
  const template =
    model.format === 'gguf' ? chatTemplateFromGguf(model.metadata) : chatTemplateFromHf(model.files);
  return withFallback(template, tokenizer);
}
