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
import { createTokenizer, type Tokenizer } from '../text/tokenizer.ts';
import { readJsonTokenizer } from '../text/tokenizer-json.ts';
import { withTurnMarkers } from '../text/turn-markers.ts';
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
  return files && makeTokenizer(files);
}

/** A `tokenizer.json` with the other tokenizer files of its folder. */
export async function loadTokenizerFile(path: string): Promise<RunTokenizer> {
  return makeTokenizer(await readFiles(path)) as RunTokenizer;
}

function makeTokenizer(files: Omit<HfFiles, 'config'>): RunTokenizer | undefined {
  // Without the configuration: rows of the embedding that have no token are none of the data's.
  const { config: _, tokenizerJson, ...small } = files as HfFiles;
  if (!tokenizerJson) return undefined;
  const source = readJsonTokenizer({ ...small, tokenizerJson });
  const template = withFallback(chatTemplateFromHf(files), source.vocabulary);
  const tokenizer = createTokenizer(withTurnMarkers(source, template));
  return { tokenizer, template, files: { ...small, tokenizerJson, eosTokenIds: tokenizer.special.eos } };
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
      hint: 'give a tokenizer.json; "dots tokenizer train" makes one',
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
