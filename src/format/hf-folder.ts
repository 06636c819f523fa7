/** A Hugging Face model folder: configuration, tokenizer and weights, as raw JSON and stored tensors. */
import { FormatError } from '../core/errors.ts';
import { readAll, type SourceFolder } from './byte-source.ts';
import { openFileFolder } from './file-source.ts';
import { decodeText, parseJson } from './json.ts';
import { type OpenSafetensors, openSafetensorsFolder } from './safetensors-folder.ts';

export type JsonObject = Readonly<Record<string, unknown>>;

/** The small files of a model folder. */
export interface HfFiles {
  /** `config.json` */
  readonly config: JsonObject;
  /** `generation_config.json` */
  readonly generationConfig?: JsonObject;
  /** `tokenizer.json` */
  readonly tokenizerJson?: JsonObject;
  /** `tokenizer_config.json` */
  readonly tokenizerConfig?: JsonObject;
  /** `chat_template.jinja` */
  readonly chatTemplate?: string;
  /** `README.md` */
  readonly modelCard?: string;
}

export interface HfFolder extends HfFiles, OpenSafetensors {
  readonly name: string;
}

/**
 * Open a model folder: all small files that are there, and the headers of its weights. Throws `FormatError` if there is
 * no `config.json`, or a file is damaged.
 */
export async function openHfFolder(folder: string | SourceFolder): Promise<HfFolder> {
  const source = typeof folder === 'string' ? await openFileFolder(folder) : folder;
  const files = await readHfFiles(source);
  return { ...files, ...(await openSafetensorsFolder(source)), name: source.name };
}

/** The small files alone, for commands that need no weights. */
export async function readHfFiles(folder: SourceFolder): Promise<HfFiles> {
  const config = await readJsonFile(folder, 'config.json');
  if (!config) {
    throw new FormatError(`Cannot open ${folder.name} as a model folder: it has no config.json`, {
      code: 'missing-config',
      hint: 'give the folder that holds config.json and the .safetensors files, or a .gguf file',
      expected: 'config.json',
      found: 'no such file',
    });
  }
  const generationConfig = await readJsonFile(folder, 'generation_config.json');
  const tokenizerJson = await readJsonFile(folder, 'tokenizer.json');
  const tokenizerConfig = await readJsonFile(folder, 'tokenizer_config.json');
  const chatTemplate = await readFile(folder, 'chat_template.jinja', decodeText);
  // A comment of whatever encoding: no reason to refuse a model.
  const modelCard = await readFile(folder, 'README.md', (bytes) => new TextDecoder().decode(bytes));
  return {
    config,
    ...(generationConfig && { generationConfig }),
    ...(tokenizerJson && { tokenizerJson }),
    ...(tokenizerConfig && { tokenizerConfig }),
    ...(chatTemplate !== undefined && { chatTemplate }),
    ...(modelCard !== undefined && { modelCard }),
  };
}

/** The JSON object in a file of the folder, or nothing if there is no such file. */
async function readJsonFile(folder: SourceFolder, fileName: string): Promise<JsonObject | undefined> {
  return await readFile(folder, fileName, (bytes, name) => {
    const value = parseJson(bytes, name);
    if (typeof value === 'object' && value !== null && !Array.isArray(value)) return value as JsonObject;
    throw new FormatError(
      `Cannot read ${name}: expected a JSON object, found ${JSON.stringify(value).slice(0, 60)}`,
      {
        code: 'invalid-json',
        hint: 'fetch the file again',
        offset: 0,
        expected: 'a JSON object',
        found: JSON.stringify(value).slice(0, 60),
      },
    );
  });
}

async function readFile<T>(
  folder: SourceFolder,
  fileName: string,
  parse: (bytes: Uint8Array, name: string) => T,
): Promise<T | undefined> {
  const source = await folder.open(fileName);
  if (!source) return undefined;
  try {
    return parse(await readAll(source), source.name);
  } finally {
    await source.close();
  }
}
