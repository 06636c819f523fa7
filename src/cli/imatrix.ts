import { createHash } from 'node:crypto';
import { stat } from 'node:fs/promises';
import { resolve } from 'node:path';
import type { Backend } from '../backend/backend.ts';
import { UsageError } from '../core/errors.ts';
import { formatBytes, formatCount } from '../core/units.ts';
import { type ModelFiles, openModelFiles } from '../engine/model-files.ts';
import { chooseBackend } from '../engine/open.ts';
import { bindWeights } from '../model/bind-weights.ts';
import { weightSpecs } from '../model/weights.ts';
import {
  type Batch,
  batchesOf,
  type CollectedModel,
  type CollectionMemory,
  collectImportance,
  collectionMemory,
} from '../quantize/collect-importance.ts';
import { CollectionFolder, type CollectionIdentity } from '../quantize/collection-folder.ts';
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

type TextFlags = Omit<ImatrixFlags, 'file' | 'field'> & DocumentFlags;

export interface ImatrixFlags extends CommonFlags, Partial<DocumentFlags> {
  readonly ctx: number;
  readonly chunks?: number;
  readonly merge?: readonly string[];
  readonly force?: boolean;
  readonly dryRun?: boolean;
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
  if (!flags.dryRun) await checkOutput('overwrite', model, out, flags.force ?? false);
  const files = await openModelFiles(await resolveModel(session, model, flags));
  try {
    const matrices: ImportanceMatrix[] = [];
    for (const name of merge) matrices.push(await openImportance(name));
    const text = file.length > 0 ? await prepare(session, files, { ...flags, file, field }) : undefined;
    if (flags.dryRun) {
      await printPlan(session, matrices, text, flags);
      return;
    }
    const merged = await lockOutput(out, async () => {
      const folder = text && (await openFolder(session, out, text, flags));
      try {
        if (text && folder)
          matrices.push(await collect(session, out, text, folder, { ...flags, file, field }));
        const all = mergeImportance(matrices);
        // Where it is of another model, nothing is written.
        findUnseen(all, weightSpecs(files.config));
        await writeImportance(out, all);
        await folder?.remove();
        return all;
      } finally {
        await folder?.close();
      }
    });
    await report(session, out, merged, weightSpecs(files.config), flags);
  } finally {
    await files.close();
  }
}

/** A text that is ready to go through a model. */
interface PreparedText {
  readonly model: CollectedModel;
  readonly backend: Backend;
  readonly batches: readonly Batch[];
  readonly numChunks: number;
  readonly numTokens: number;
  readonly memory: CollectionMemory;
}

async function prepare(session: Session, files: ModelFiles, flags: TextFlags): Promise<PreparedText> {
  const documents = await readDocuments(session, flags);
  const tokenizer = requireTokenizer(files, 'an importance matrix is made from text');
  const chunks = chunksOf(tokenizer, documents, flags);
  const { weights } = bindWeights(files.config, files.tensors, files.format, files.origin);
  const backend = await chooseBackend(openOptions(flags, session));
  const model = { config: files.config, weights };
  const batches = batchesOf(chunks);
  return {
    model,
    backend,
    batches,
    numChunks: chunks.length,
    numTokens: chunks.reduce((sum, { length }) => sum + length, 0),
    memory: collectionMemory(model, backend, batches),
  };
}

async function openFolder(
  session: Session,
  out: string,
  text: PreparedText,
  { force = false }: ImatrixFlags,
): Promise<CollectionFolder> {
  const path = `${out}.collecting`;
  const { model, backend, batches } = text;
  const width = model.config.hiddenSize;
  const folder = await CollectionFolder.open(
    path,
    await identityOf(text, backend),
    batches.map(({ tokens }) => tokens.length * width),
    force,
  );
  const done = folder.doneSegments;
  if (done > 0)
    session.note(`continuing ${path}: ${formatCount(done)} of ${model.config.numLayers + 1} parts are done`);
  return folder;
}

/** What the numbers follow from, as an error words it. */
async function identityOf(
  { model, batches, numTokens }: PreparedText,
  backend: Backend,
): Promise<CollectionIdentity> {
  const parts = [...model.weights.values()].flatMap((weight) => weight.parts);
  const paths = [...new Set(parts.flatMap(({ file }) => (file ? [file.path] : [])))].sort();
  const described = await Promise.all(
    paths.map(async (path) => {
      const { size, mtime } = await stat(path);
      return `${resolve(path)} (${formatCount(size)} bytes, changed ${mtime.toISOString()})`;
    }),
  );
  const hash = createHash('sha256');
  for (const { tokens, sequences } of batches) hash.update(tokens).update(sequences);
  return {
    model:
      described.join(', ') ||
      `one of ${formatCount(parts.reduce((sum, { sizeBytes }) => sum + sizeBytes, 0))} bytes`,
    text: `${formatCount(numTokens)} tokens (SHA-256 ${hash.digest('hex').slice(0, 16)})`,
    backend: backend.name,
  };
}

async function collect(
  session: Session,
  out: string,
  { model, backend, batches, numChunks, memory }: PreparedText,
  store: CollectionFolder,
  flags: TextFlags,
): Promise<ImportanceMatrix> {
  const progress = session.progress('collecting', 'tokens', flags);
  if (2 * memory.hiddenBytes > 1e8) session.note(describe(memory, `${out}.collecting`));
  try {
    const entries = await collectImportance(model, backend, batches, {
      signal: session.signal,
      store,
      onProgress: (segment, done, total) => progress.update(done, total, segment),
    });
    return { origin: out, datasets: flags.file, numChunks, chunkTokens: flags.ctx, entries };
  } finally {
    progress.clear();
  }
}

function describe({ mostBytes, hiddenBytes }: CollectionMemory, folder: string): string {
  return `at most ${formatBytes(mostBytes)} of memory, ${formatBytes(2 * hiddenBytes)} on the disk in ${folder}`;
}

async function printPlan(
  session: Session,
  matrices: readonly ImportanceMatrix[],
  text: PreparedText | undefined,
  { json }: ImatrixFlags,
): Promise<void> {
  const { numChunks = 0, numTokens = 0, memory = { mostBytes: 0, hiddenBytes: 0 } } = text ?? {};
  if (json) {
    await session.json({
      chunks: numChunks,
      tokens: numTokens,
      merged: matrices.length,
      memoryBytes: memory.mostBytes,
      diskBytes: 2 * memory.hiddenBytes,
    });
    return;
  }
  await session.line(`${formatCount(numChunks)} chunks, ${formatCount(numTokens)} tokens`);
  await session.line(describe(memory, 'OUT.collecting'));
}

async function report(
  session: Session,
  out: string,
  merged: ImportanceMatrix,
  specs: ReturnType<typeof weightSpecs>,
  { json }: ImatrixFlags,
): Promise<void> {
  const unseen = findUnseen(merged, specs);
  if (unseen.size > 0) session.warn(unseenWarning(unseen));
  const tokens = Math.max(...[...merged.entries.values()].map(({ counts }) => Math.max(...counts)));
  if (json) {
    const experts = Object.fromEntries(unseen);
    await session.json({ chunks: merged.numChunks, tokens, tensors: merged.entries.size, unseen: experts });
  } else {
    await session.line(
      `wrote ${out}: ${formatCount(merged.entries.size)} tensors, ${formatCount(merged.numChunks)} chunks, ` +
        `${formatCount(tokens)} tokens`,
    );
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
