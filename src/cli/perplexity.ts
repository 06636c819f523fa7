import { UsageError } from '../core/errors.ts';
import type { Engine } from '../engine/open.ts';
import type { DivergenceSummary } from '../eval/divergence.ts';
import {
  addLoss,
  bitsPerByte,
  NO_LOSS,
  perplexity,
  type ScoreTextOptions,
  scoreText,
  type TextLoss,
} from '../eval/perplexity.ts';
import { lockOutput } from './lock-output.ts';
import { openModel, requireTokenizer } from './open-model.ts';
import type { ModelFlags } from './options.ts';
import { type Document, type DocumentFlags, readDocuments } from './read-documents.ts';
import { openPredictions } from './saved-predictions.ts';
import type { Session } from './session.ts';
import { table } from './table.ts';

export interface PerplexityFlags extends ModelFlags, DocumentFlags {
  readonly ctx: number;
  readonly saveLogits?: string;
  readonly klBase?: string;
  readonly force?: boolean;
}

/** `dots perplexity`: how well a model predicts text; `eval/perplexity.ts` has the definition. */
export async function perplexityCommand(
  session: Session,
  model: string | undefined,
  flags: PerplexityFlags,
): Promise<void> {
  await lockOutput(flags.saveLogits, () => scoreDocuments(session, model, flags));
}

async function scoreDocuments(
  session: Session,
  model: string | undefined,
  flags: PerplexityFlags,
): Promise<void> {
  const documents = await readDocuments(session, flags);
  await using engine = await openModel(session, model, flags);
  const predictions = await openPredictions(engine, documents, flags);
  const { all, byLanguage } = await scoreAll(session, engine, documents, flags, predictions.onLogits).catch(
    async (error: unknown) => {
      await predictions.discard();
      throw error;
    },
  );
  const kl = await predictions.finish();
  if (all.tokens === 0) {
    throw new UsageError(`Cannot score ${flags.file.join(', ')}: no document has two tokens`, {
      code: 'nothing-to-score',
      hint: 'the first token of a document has nothing before it; give a longer text',
    });
  }
  if (flags.json) {
    const languages = Object.fromEntries([...byLanguage].map(([name, loss]) => [name, figures(loss)]));
    await session.json({
      ...figures(all),
      documents: documents.length,
      ctx: flags.ctx,
      ...(byLanguage.size > 0 && { languages }),
      ...(kl && { kl: klFigures(kl) }),
    });
    return;
  }
  const rows = [...byLanguage, ['all', all] as const].map(([name, loss]) => [
    name,
    String(loss.tokens),
    String(loss.bytes),
    perplexity(loss).toFixed(4),
    bitsPerByte(loss).toFixed(4),
  ]);
  const lines = table([['', 'tokens', 'bytes', 'perplexity', 'bits/byte'], ...rows], 'lrrrr');
  for (const line of lines) await session.line(line);
  if (kl) {
    const { value, low, high, p99, max } = kl.kl;
    const [mean, from, to, high99, most] = [value, low, high, p99, max].map((nats) => nats.toPrecision(3));
    const same = (100 * kl.sameTop.value).toFixed(2);
    await session.line(
      `KL divergence from ${kl.model}: mean ${mean} nats (95 %: ${from} to ${to}), p99 ${high99}, max ${most}; ${same} % same top token`,
    );
  }
}

async function scoreAll(
  session: Session,
  engine: Engine,
  documents: readonly Document[],
  flags: PerplexityFlags,
  onLogits: ScoreTextOptions['onLogits'],
): Promise<{ all: TextLoss; byLanguage: ReadonlyMap<string, TextLoss> }> {
  const tokenizer = requireTokenizer(engine.files, 'perplexity of a text needs one');
  const sizes = documents.map(({ text }) => Buffer.byteLength(text));
  const totalBytes = sizes.reduce((sum, size) => sum + size, 0);
  const progress = session.progress('scoring', 'bytes', flags);
  const byLanguage = new Map<string, TextLoss>();
  let all = NO_LOSS;
  let doneBytes = 0;
  try {
    for (const [i, { text, language }] of documents.entries()) {
      const loss = await scoreText(engine, tokenizer, text, {
        contextTokens: flags.ctx,
        signal: session.signal,
        ...(onLogits && { onLogits }),
        onProgress: (done, total) => progress.update(doneBytes + (sizes[i] * done) / total, totalBytes),
      });
      doneBytes += sizes[i];
      all = addLoss(all, loss);
      if (language !== undefined)
        byLanguage.set(language, addLoss(byLanguage.get(language) ?? NO_LOSS, loss));
    }
  } finally {
    progress.clear();
  }
  return { all, byLanguage };
}

function klFigures({ kl: { value: mean, ...rest }, sameTop }: DivergenceSummary): object {
  return { mean, ...rest, sameTopP: sameTop.value };
}

function figures(loss: TextLoss): { tokens: number; bytes: number; perplexity: number; bitsPerByte: number } {
  const { tokens, bytes } = loss;
  return { tokens, bytes, perplexity: perplexity(loss), bitsPerByte: bitsPerByte(loss) };
}
