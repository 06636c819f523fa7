import { createHash } from 'node:crypto';
import { UsageError } from '../core/errors.ts';
import type { Engine } from '../engine/open.ts';
import {
  type DivergenceSummary,
  divergenceAt,
  type PositionDivergence,
  softmaxOf,
  summarise,
} from '../eval/divergence.ts';
import { fileBytes, type LogitsHeader, LogitsReader, LogitsWriter } from '../eval/logits-file.ts';
import type { ScoreTextOptions } from '../eval/perplexity.ts';
import { createFileSink, openFileSource } from '../format/file-source.ts';
import { checkOutput } from './check-output.ts';
import { requireTokenizer } from './open-model.ts';
import type { Document } from './read-documents.ts';

export interface PredictionFlags {
  readonly ctx: number;
  /** Where to keep what the model predicts. */
  readonly saveLogits?: string;
  /** What another model predicted. */
  readonly klBase?: string;
  readonly force?: boolean;
}

export interface Predictions {
  readonly onLogits: ScoreTextOptions['onLogits'];
  /** With a base: how far the model is from it. */
  finish(): Promise<(DivergenceSummary & { readonly model: string }) | undefined>;
  discard(): Promise<void>;
}

/** Keeps predictions in a file, or compares them with those of one. Throws `UsageError` for those of another text. */
export async function openPredictions(
  engine: Engine,
  documents: readonly Document[],
  flags: PredictionFlags,
): Promise<Predictions> {
  const { saveLogits, klBase } = flags;
  if (saveLogits !== undefined && klBase !== undefined) {
    throw new UsageError('Cannot take --save-logits and --kl-base together', {
      code: 'two-bases',
      hint: 'save the predictions of the original, then measure the quantised model with --kl-base',
    });
  }
  if (saveLogits !== undefined)
    return await save(saveLogits, engine, headerOf(engine, documents, flags), flags);
  if (klBase !== undefined) return await compareWith(klBase, headerOf(engine, documents, flags));
  return { onLogits: undefined, finish: async () => undefined, discard: async () => {} };
}

async function save(
  path: string,
  engine: Engine,
  header: LogitsHeader,
  { force = false }: PredictionFlags,
): Promise<Predictions> {
  await checkOutput('overwrite', engine.files.origin, path, force);
  const sink = await createFileSink(path, fileBytes(header));
  const writer = await LogitsWriter.begin(sink, header);
  return {
    onLogits: (logits_V) => writer.write(logits_V),
    finish: async () => {
      await sink.finish();
      return undefined;
    },
    discard: () => sink.discard(),
  };
}

async function compareWith(path: string, header: LogitsHeader): Promise<Predictions> {
  const source = await openFileSource(path);
  const found: PositionDivergence[] = [];
  try {
    const reader = await LogitsReader.open(source);
    reader.check(header);
    return {
      onLogits: async (logits_V, target) => {
        found.push(divergenceAt(softmaxOf(await reader.read()), softmaxOf(logits_V), target));
      },
      finish: async () => {
        await source.close();
        const { model } = reader.header;
        return { ...summarise([{ tokens: [], models: [found] }], 0), model };
      },
      discard: () => source.close(),
    };
  } catch (error) {
    await source.close();
    throw error;
  }
}

function headerOf(engine: Engine, documents: readonly Document[], { ctx }: PredictionFlags): LogitsHeader {
  const tokenizer = requireTokenizer(engine.files, 'perplexity of a text needs one');
  const digest = createHash('sha256');
  let rows = 0;
  for (const { text } of documents) {
    const tokens = tokenizer.encodePrompt(text);
    digest.update(`${tokens.join()}\n`);
    rows += Math.max(0, tokens.length - 1);
  }
  const { vocabSize, files } = engine;
  return { model: files.origin, vocabSize, contextTokens: ctx, rows, text: digest.digest('hex') };
}
