import { UsageError } from '../core/errors.ts';
import type { Engine } from '../engine/open.ts';
import { addLoss, bitsPerByte, NO_LOSS, perplexity, scoreText, type TextLoss } from '../eval/perplexity.ts';
import { openModel, requireTokenizer } from './open-model.ts';
import type { ModelFlags } from './options.ts';
import { type Document, type DocumentFlags, readDocuments } from './read-documents.ts';
import type { Session } from './session.ts';
import { table } from './table.ts';

export interface PerplexityFlags extends ModelFlags, DocumentFlags {
  readonly ctx: number;
}

/** `dots perplexity`: how well a model predicts text; `eval/perplexity.ts` has the definition. */
export async function perplexityCommand(
  session: Session,
  model: string | undefined,
  flags: PerplexityFlags,
): Promise<void> {
  const documents = await readDocuments(session, flags);
  await using engine = await openModel(session, model, flags);
  const { all, byLanguage } = await scoreAll(session, engine, documents, flags);
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
}

async function scoreAll(
  session: Session,
  engine: Engine,
  documents: readonly Document[],
  flags: PerplexityFlags,
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

function figures(loss: TextLoss): { tokens: number; bytes: number; perplexity: number; bitsPerByte: number } {
  const { tokens, bytes } = loss;
  return { tokens, bytes, perplexity: perplexity(loss), bitsPerByte: bitsPerByte(loss) };
}
