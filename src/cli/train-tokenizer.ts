import { basename, dirname, resolve } from 'node:path';
import { tokenizerFiles } from '../convert/tokenizer-files.ts';
import { UsageError } from '../core/errors.ts';
import type { ModelFiles } from '../engine/model-files.ts';
import { readAll } from '../format/byte-source.ts';
import { openFileFolder } from '../format/file-source.ts';
import type { HfFiles, JsonObject } from '../format/hf-folder.ts';
import { decodeText, parseJson } from '../format/json.ts';
import { type ChatTemplate, chatTemplateFromHf } from '../text/chat-template.ts';
import { withFallback } from '../text/fallback-templates.ts';
import { readTokenizerSource } from '../text/model-text.ts';
import type { Tokenizer } from '../text/tokenizer.ts';
import { tokenizerFromJson } from '../text/tokenizer-json.ts';
import type { TokenizerFiles } from '../train/checkpoint.ts';
import type { RunConfig } from '../train/run-config.ts';

export interface RunTokenizer {
  readonly tokenizer: Tokenizer;
  readonly template: ChatTemplate;
  /** What checkpoints get. */
  readonly files: TokenizerFiles;
}

/** The `tokenizer.json` that a run names, with the other tokenizer files of its folder; else that of `initFrom`; else none. */
export async function loadRunTokenizer(
  run: RunConfig,
  base: string,
  start: ModelFiles | undefined,
): Promise<RunTokenizer | undefined> {
  const files = run.tokenizer === undefined ? filesOf(start) : await readFiles(resolve(base, run.tokenizer));
  const { tokenizerJson } = files ?? {};
  if (!files || !tokenizerJson) return undefined;
  // Without the configuration: rows of the embedding that have no token are none of the data's.
  const { config: _, ...small } = files as HfFiles;
  const tokenizer = tokenizerFromJson({ ...small, tokenizerJson });
  return {
    tokenizer,
    template: withFallback(chatTemplateFromHf(files), tokenizer),
    files: { ...small, eosTokenIds: tokenizer.special.eos },
  };
}

/** As a Hugging Face folder has them, whatever the format of the model. */
function filesOf(start: ModelFiles | undefined): Omit<HfFiles, 'config'> | undefined {
  if (start?.format !== 'gguf') return start?.files;
  const source = readTokenizerSource(start);
  const { isFallback, source: template } = start.chatTemplate;
  return source && tokenizerFiles(source, start.config.contextLength, isFallback ? undefined : template);
}

async function readFiles(path: string): Promise<Omit<HfFiles, 'config'>> {
  const folder = await openFileFolder(dirname(path));
  const read = async <T>(
    name: string,
    parse: (bytes: Uint8Array, name: string) => T,
  ): Promise<T | undefined> => {
    const source = await folder.open(name);
    if (!source) return undefined;
    try {
      return parse(await readAll(source), source.name);
    } finally {
      await source.close();
    }
  };
  const json = (bytes: Uint8Array, name: string): JsonObject => parseJson(bytes, name) as JsonObject;
  const tokenizerJson = await read(basename(path), json);
  if (!tokenizerJson) {
    throw new UsageError(`Cannot open the tokenizer ${path}: there is no such file`, {
      code: 'file-not-found',
      hint: 'train one with "dots tokenizer train", or omit "tokenizer" if all data are shards',
    });
  }
  const tokenizerConfig = await read('tokenizer_config.json', json);
  const generationConfig = await read('generation_config.json', json);
  const chatTemplate = await read('chat_template.jinja', decodeText);
  return {
    tokenizerJson,
    ...(tokenizerConfig && { tokenizerConfig }),
    ...(generationConfig && { generationConfig }),
    ...(chatTemplate !== undefined && { chatTemplate }),
  };
}
