import { stat } from 'node:fs/promises';
import { UsageError } from '../core/errors.ts';
import { formatCount } from '../core/units.ts';
import { tokenizeCorpus } from '../data/tokenize-corpus.ts';
import { openModelFiles } from '../engine/model-files.ts';
import { openFileSource } from '../format/file-source.ts';
import type { Tokenizer } from '../text/tokenizer.ts';
import { lockOutput } from './lock-output.ts';
import { requireTokenizer } from './open-model.ts';
import type { CommonFlags } from './options.ts';
import { resolveModel } from './resolve-model.ts';
import type { Session } from './session.ts';
import { loadTokenizerFile } from './train-tokenizer.ts';

export interface DataTokenizeFlags extends CommonFlags {
  readonly tokenizer: string;
  readonly out: string;
  readonly field?: string;
  readonly source?: string;
  readonly language?: string;
  readonly maxTokens?: number;
}

/** `dots data tokenize`. */
export async function dataTokenize(
  session: Session,
  files: readonly string[],
  flags: DataTokenizeFlags,
): Promise<void> {
  const { field, language, maxTokens } = flags;
  const source = flags.source === undefined ? undefined : sourcePattern(flags.source);
  const tokenizer = await loadTokenizer(session, flags.tokenizer, flags);
  const progress = session.progress('tokenizing', 'bytes', flags);
  try {
    const result = await lockOutput(flags.out, () =>
      tokenizeCorpus({
        files,
        tokenizer,
        out: flags.out,
        signal: session.signal,
        ...(field !== undefined && { field }),
        ...(language !== undefined && { language }),
        ...(maxTokens !== undefined && { maxTokens }),
        ...(source !== undefined && { source }),
        onProgress: (done, total) => progress.update(done, total),
      }),
    );
    progress.clear();
    if (flags.json) await session.json(result);
    else {
      await session.line(
        `wrote ${flags.out}: ${formatCount(result.documents)} documents, ${formatCount(result.tokens)} tokens, ` +
          `${result.bytesPerToken.toFixed(2)} bytes per token`,
      );
    }
  } finally {
    progress.clear();
  }
}

/** A `tokenizer.json`, or the tokenizer of a model. */
async function loadTokenizer(session: Session, path: string, flags: CommonFlags): Promise<Tokenizer> {
  if (await isJsonFile(path)) return (await loadTokenizerFile(path)).tokenizer;
  const files = await openModelFiles(await resolveModel(session, path, flags));
  try {
    return requireTokenizer(files, 'give a tokenizer.json, or a model that has one');
  } finally {
    await files.close();
  }
}

/** Whether it begins as a JSON object does. What cannot be read is named by whoever opens it as a model. */
async function isJsonFile(path: string): Promise<boolean> {
  const info = await stat(path).catch(() => undefined);
  if (!info?.isFile()) return false;
  const file = await openFileSource(path);
  try {
    const start = await file.read(0, Math.min(64, file.size));
    return /^\s*\{/.test(new TextDecoder().decode(start));
  } finally {
    await file.close();
  }
}

function sourcePattern(text: string): RegExp {
  try {
    return new RegExp(text);
  } catch (cause) {
    throw new UsageError(`--source ${text} is not a regular expression`, {
      code: 'bad-pattern',
      hint: 'write it as in JavaScript, for example "wiki|fairy"',
      cause,
    });
  }
}
