import { closeAll } from '../core/closing.ts';
import { UsageError } from '../core/errors.ts';
import { formatCount } from '../core/units.ts';
import type { Engine } from '../engine/open.ts';
import {
  COMPARISON_HEAD,
  type ComparedModel,
  comparisonPage,
  comparisonRow,
} from '../eval/comparison-page.ts';
import {
  type DocumentDivergence,
  divergenceOf,
  type Interval,
  pairedDifference,
  summarise,
  type WorstToken,
  worstTokens,
} from '../eval/divergence.ts';
import { type WeightError, weightErrors } from '../eval/weight-errors.ts';
import { type ByteSink, writeAll } from '../format/byte-sink.ts';
import { createFileSink } from '../format/file-source.ts';
import { weightSpecs } from '../model/weights.ts';
import type { Tokenizer } from '../text/tokenizer.ts';
import { lockOutput } from './lock-output.ts';
import { openModel, requireTokenizer } from './open-model.ts';
import type { ModelFlags } from './options.ts';
import { type Document, type DocumentFlags, readDocuments } from './read-documents.ts';
import type { Session } from './session.ts';
import { table } from './table.ts';

export interface CompareFlags extends ModelFlags, DocumentFlags {
  readonly ctx: number;
  readonly worst: number;
  readonly html?: string;
}

interface Size {
  readonly bytes: number;
  readonly bitsPerWeight: number;
  /** Bytes of weights that one token reads. */
  readonly bytesPerToken: number;
}

/** `dots compare`: how far quantised models are from the one they were made from. */
export async function compare(
  session: Session,
  base: string,
  others: readonly string[],
  flags: CompareFlags,
): Promise<void> {
  const names = [base, ...others];
  const documents = await readDocuments(session, flags);
  const engines: Engine[] = [];
  try {
    for (const name of names) engines.push(await openModel(session, name, flags));
    checkAlike(names, engines);
    await lockOutput(flags.html, async () => {
      // Opened first: a page that cannot be written ends the command before an hour of work.
      const page = flags.html === undefined ? undefined : await createFileSink(flags.html, 0);
      try {
        await compareOpen(session, names, engines, documents, flags, page);
      } finally {
        // Does nothing after `finish`.
        await page?.discard();
      }
    });
  } finally {
    await closeAll(engines);
  }
}

async function compareOpen(
  session: Session,
  names: readonly string[],
  engines: readonly Engine[],
  documents: readonly Document[],
  flags: CompareFlags,
  page: ByteSink | undefined,
): Promise<void> {
  const tokenizer = requireTokenizer(engines[0].files, 'models are compared on text');
  const scored = await scoreAll(
    session,
    engines,
    documents.map(({ text }) => tokenizer.encodePrompt(text)).filter(({ length }) => length > 1),
    flags,
  );
  const report: ComparedModel[] = [];
  for (const [i, name] of names.entries()) {
    report.push({
      name,
      ...sizeOf(engines[i]),
      ...summarise(scored, i),
      worst: (i === 0 ? [] : worstTokens(scored, i, flags.worst)).map((token) => ({
        kl: token.kl,
        ...shown(scored, token, tokenizer),
      })),
      worstTensors: i === 0 ? [] : (await errorsOf(engines[0], engines[i])).slice(0, flags.worst),
    });
  }
  const others = names.slice(1);
  const pairs = others.flatMap((name, i) =>
    others.slice(i + 1).map((other, j) => ({
      a: name,
      b: other,
      difference: pairedDifference(scored, i + 1, i + 2 + j),
    })),
  );
  if (page) await writeAll(page, [new TextEncoder().encode(comparisonPage(report, pairs))]);
  if (flags.json) {
    await session.json({ models: report, pairs });
    return;
  }
  await printTable(session, report);
  for (const { a, b, difference } of pairs)
    await session.line(`mean KL of ${a} less that of ${b}: ${withInterval(difference)}`);
  for (const { name, worst, worstTensors } of report) {
    if (worst.length > 0) await session.line(`\npositions of ${name} with the largest KL:`);
    for (const { kl, before, next } of worst)
      await session.line(`  ${kl.toFixed(3)}  ${JSON.stringify(before)} → ${JSON.stringify(next)}`);
    if (worstTensors.length > 0) await session.line(`tensors of ${name} with the largest error:`);
    for (const { name: tensor, type, error } of worstTensors)
      await session.line(`  ${(100 * error).toFixed(2)} %  ${tensor} (${type})`);
  }
  if (flags.html !== undefined) await session.line(`\nwrote ${flags.html}`);
}

/** Rows of a folder may have another order and experts are tensors of their own there, so only files are compared. */
async function errorsOf(base: Engine, other: Engine): Promise<readonly WeightError[]> {
  if (base.files.format !== 'gguf' || other.files.format !== 'gguf') return [];
  return await weightErrors(base.files.tensors, other.files.tensors);
}

/** Token ids must mean the same to all of them. */
function checkAlike(names: readonly string[], engines: readonly Engine[]): void {
  const [{ vocabSize, tokenizer }] = engines;
  for (const [i, engine] of engines.entries()) {
    const isSame =
      engine.vocabSize === vocabSize &&
      (engine.tokenizer === undefined || engine.tokenizer.vocabSize === tokenizer?.vocabSize);
    if (isSame) continue;
    throw new UsageError(
      `Cannot compare ${names[i]} with ${names[0]}: they have ${formatCount(engine.vocabSize)} and ${formatCount(vocabSize)} tokens`,
      { code: 'other-model', hint: 'compare files of one model' },
    );
  }
}

async function scoreAll(
  session: Session,
  engines: readonly Engine[],
  texts: readonly (readonly number[])[],
  flags: CompareFlags,
): Promise<readonly DocumentDivergence[]> {
  const total = texts.reduce((sum, { length }) => sum + length - 1, 0);
  if (total === 0) {
    throw new UsageError(`Cannot compare on ${flags.file.join(', ')}: no document has two tokens`, {
      code: 'nothing-to-score',
      hint: 'the first token of a document has nothing before it; give a longer text',
    });
  }
  const progress = session.progress('comparing', 'tokens', flags);
  const found: DocumentDivergence[] = [];
  let done = 0;
  try {
    for (const tokens of texts)
      found.push(
        await divergenceOf(engines, tokens, {
          contextTokens: flags.ctx,
          signal: session.signal,
          onProgress: (more) => {
            done += more;
            progress.update(done, total);
          },
        }),
      );
  } finally {
    progress.clear();
  }
  return found;
}

function sizeOf({ files, config }: Engine): Size {
  const sizes = new Map(
    [...files.tensors].map(([name, { sizeBytes, shape }]) => [name, { sizeBytes, shape }]),
  );
  const bytes = [...sizes.values()].reduce((sum, { sizeBytes }) => sum + sizeBytes, 0);
  const weights = [...sizes.values()].reduce((sum, { shape }) => sum + shape.reduce((a, b) => a * b, 1), 0);
  // Of the embedding a token reads one row, of a stack of experts those that it goes to.
  const perToken = weightSpecs(config).reduce((sum, { name, gguf, shape, numChosen }) => {
    const found = sizes.get(gguf)?.sizeBytes ?? 0;
    if (name === 'tokenEmbedding' && !config.tiedEmbeddings) return sum + found / shape[0];
    return sum + (numChosen === undefined ? found : (found / shape[0]) * numChosen);
  }, 0);
  return { bytes, bitsPerWeight: (8 * bytes) / weights, bytesPerToken: Math.round(perToken) };
}

async function printTable(session: Session, report: readonly ComparedModel[]): Promise<void> {
  const rows = report.map((model, i) => comparisonRow(model, i === 0));
  for (const line of table([COMPARISON_HEAD, ...rows], 'lrrrrrrrrrr')) await session.line(line);
  await session.line(`${formatCount(report[0].tokens)} tokens; KL in nats`);
}

function withInterval({ value, low, high }: Interval): string {
  return `${value.toPrecision(3)} (95 %: ${low.toPrecision(3)} to ${high.toPrecision(3)})`;
}

const TOKENS_BEFORE = 12;

function shown(
  documents: readonly DocumentDivergence[],
  { document, position }: WorstToken,
  tokenizer: Tokenizer,
): { before: string; next: string } {
  const { tokens } = documents[document];
  return {
    before: tokenizer.decode(tokens.slice(Math.max(0, position - TOKENS_BEFORE), position)),
    next: tokenizer.decode([tokens[position]]),
  };
}
