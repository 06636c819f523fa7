import { UsageError } from '../core/errors.ts';
import { formatCount } from '../core/units.ts';
import { openModelFiles } from '../engine/model-files.ts';
import { chooseBackend } from '../engine/open.ts';
import { bindWeights } from '../model/bind-weights.ts';
import { weightSpecs } from '../model/weights.ts';
import { collectImportance } from '../quantize/collect-importance.ts';
import { openImportance, writeImportance } from '../quantize/importance-files.ts';
import {
  FEW_TOKENS,
  type ImportanceMatrix,
  importanceOf,
  mergeImportance,
} from '../quantize/importance-matrix.ts';
import type { Tokenizer } from '../text/tokenizer.ts';
import { checkOutput } from './check-output.ts';
import { lockOutput } from './lock-output.ts';
import { requireTokenizer } from './open-model.ts';
import { type CommonFlags, openOptions } from './options.ts';
import { type Document, type DocumentFlags, readDocuments } from './read-documents.ts';
import { resolveModel } from './resolve-model.ts';
import type { Session } from './session.ts';

export interface ImatrixFlags extends CommonFlags, Partial<DocumentFlags> {
  readonly ctx: number;
  readonly chunks?: number;
  readonly merge?: readonly string[];
  readonly force?: boolean;
}

/** `dots imatrix`: how large the inputs of each weight matrix are over some text. */
export async function imatrix(
  session: Session,
  model: string,
  out: string,
  flags: ImatrixFlags,
): Promise<void> {
  const { file = [], merge = [], field = 'text' } = flags;
  if (file.length + merge.length === 0) {
    throw new UsageError('Cannot make an importance matrix without text', {
      code: 'no-text',
      hint: 'give text with --file, or matrices to add with --merge',
    });
  }
  await checkOutput('overwrite', model, out, flags.force ?? false);
  const files = await openModelFiles(await resolveModel(session, model, flags));
  try {
    const matrices: ImportanceMatrix[] = [];
    for (const name of merge) matrices.push(await openImportance(name));
    if (file.length > 0) {
      const documents = await readDocuments(session, { file, field });
      const tokenizer = requireTokenizer(files, 'an importance matrix is made from text');
      const chunks = chunksOf(tokenizer, documents, flags);
      const { weights } = bindWeights(files.config, files.tensors, files.format, files.origin);
      const backend = await chooseBackend(openOptions(flags, session));
      const progress = session.progress('collecting', 'tokens', flags);
      try {
        const entries = await collectImportance({ config: files.config, weights }, backend, chunks, {
          signal: session.signal,
          onProgress: (segment, done, total) => progress.update(done, total, segment),
        });
        const chunkTokens = flags.ctx;
        matrices.push({ origin: out, datasets: file, numChunks: chunks.length, chunkTokens, entries });
      } finally {
        progress.clear();
      }
    }
    const merged = mergeImportance(matrices);
    const unseen = findUnseen(merged, weightSpecs(files.config));
    await lockOutput(out, () => writeImportance(out, merged));
    if (unseen.size > 0) session.warn(unseenWarning(unseen));
    const tokens = Math.max(...[...merged.entries.values()].map(({ counts }) => Math.max(...counts)));
    if (flags.json) {
      const experts = Object.fromEntries(unseen);
      await session.json({ chunks: merged.numChunks, tokens, tensors: merged.entries.size, unseen: experts });
    } else {
      await session.line(
        `wrote ${out}: ${formatCount(merged.entries.size)} tensors, ${formatCount(merged.numChunks)} chunks, ` +
          `${formatCount(tokens)} tokens`,
      );
    }
  } finally {
    await files.close();
  }
}

/** Pieces of `ctx` tokens; the last one of a document is shorter. One token has nothing before it and nothing after. */
function chunksOf(
  tokenizer: Tokenizer,
  documents: readonly Document[],
  { ctx, chunks = Number.POSITIVE_INFINITY }: ImatrixFlags,
): readonly (readonly number[])[] {
  const found: number[][] = [];
  for (const { text } of documents) {
    const tokens = tokenizer.encodePrompt(text);
    for (let at = 0; at < tokens.length && found.length < chunks; at += ctx)
      if (tokens.length - at > 1) found.push(tokens.slice(at, at + ctx));
  }
  if (found.length > 0) return found;
  throw new UsageError('Cannot make an importance matrix: no document has two tokens', {
    code: 'no-text',
    hint: 'give a longer text',
  });
}

/** Experts of each tensor that saw few tokens. Throws for a matrix of another model. */
function findUnseen(
  matrix: ImportanceMatrix,
  specs: ReturnType<typeof weightSpecs>,
): ReadonlyMap<string, readonly number[]> {
  return new Map(
    specs.flatMap(({ gguf, shape }) => {
      const unseen = importanceOf(matrix, { name: gguf, shape })?.unseen ?? [];
      return unseen.length === 0 ? [] : [[gguf, unseen] as const];
    }),
  );
}

function unseenWarning(unseen: ReadonlyMap<string, readonly number[]>): string {
  const count = [...unseen.values()].reduce((sum, { length }) => sum + length, 0);
  const shown = [...unseen].slice(0, 3).map(([name, experts]) => {
    const more = experts.length > 8 ? ', …' : '';
    return `${name}: ${experts.slice(0, 8).join(', ')}${more}`;
  });
  return (
    `${formatCount(count)} experts of ${formatCount(unseen.size)} tensors saw fewer than ${FEW_TOKENS} tokens and are given the ` +
    `mean of all for the rest (${shown.join('; ')}${unseen.size > 3 ? '; …' : ''}): more text, or more kinds of text, helps`
  );
}
