/** Tokenizer and chat template of a model on disk, whichever its format. */
import type { StoredModel } from '../format/stored-model.ts';
import { type ChatTemplate, chatTemplateFromGguf, chatTemplateFromHf } from './chat-template.ts';
import { withFallback } from './fallback-templates.ts';
import { createTokenizer, type Tokenizer, type TokenizerOptions, type TokenizerSource } from './tokenizer.ts';
import { readGgufTokenizer } from './tokenizer-gguf.ts';
import { readJsonTokenizer } from './tokenizer-json.ts';
import { withTurnMarkers } from './turn-markers.ts';

/** Undefined for a model without one. Throws as `readGgufTokenizer` and `readJsonTokenizer`. */
export function readTokenizerSource(
  model: StoredModel,
  options: TokenizerOptions = {},
): TokenizerSource | undefined {
  if (model.format === 'gguf') return readGgufTokenizer(model.metadata, options);
  const { tokenizerJson } = model.files;
  return tokenizerJson && readJsonTokenizer({ ...model.files, tokenizerJson }, options);
}

export interface ModelText {
  /** Undefined for a model without one. */
  readonly tokenizer: Tokenizer | undefined;
  /** The model's own, or the fallback for its vocabulary. */
  readonly chatTemplate: ChatTemplate;
}

/** Tokenizer and template, each read with the other: every marker that the template writes is a control token. */
export function readModelText(model: StoredModel, options: TokenizerOptions = {}): ModelText {
  const source = readTokenizerSource(model, options);
  const chatTemplate = withFallback(readChatTemplate(model), source?.vocabulary);
  return {
    tokenizer: source && createTokenizer(withTurnMarkers(source, chatTemplate, options)),
    chatTemplate,
  };
}

/** The model's own template, or dots.llm1's. */
export function readChatTemplate(model: StoredModel): ChatTemplate {
  return model.format === 'gguf' ? chatTemplateFromGguf(model.metadata) : chatTemplateFromHf(model.files);
}
