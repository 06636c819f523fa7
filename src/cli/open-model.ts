import { UnsupportedError } from '../core/errors.ts';
import type { Engine, OpenOptions } from '../engine/open.ts';
import type { Tokenizer } from '../text/tokenizer.ts';
import { type ModelFlags, openOptions } from './options.ts';
import { resolveModel } from './resolve-model.ts';
import type { Session } from './session.ts';

/** Open what MODEL names, with a bar while weights are read and with warnings on stderr. The caller closes it. */
export async function openModel(
  session: Session,
  model: string | undefined,
  flags: ModelFlags,
  more: OpenOptions = {},
): Promise<Engine> {
  const path = await resolveModel(session, model, flags, more.signal);
  const { openEngine } = await import('../engine/open.ts');
  const progress = session.progress('loading', 'bytes', flags);
  try {
    return await openEngine(path, {
      ...openOptions(flags, session),
      ...more,
      onProgress: (doneBytes, totalBytes) => progress.update(doneBytes, totalBytes),
      onWarning: (message) => session.warn(message),
    });
  } finally {
    progress.clear();
  }
}

/** Throws `UnsupportedError` for a model without one; `instead` says what works without. */
export function requireTokenizer(
  files: { readonly tokenizer: Tokenizer | undefined; readonly origin: string },
  instead: string,
): Tokenizer {
  if (files.tokenizer) return files.tokenizer;
  throw new UnsupportedError(`${files.origin} has no tokenizer`, { code: 'no-tokenizer', hint: instead });
}
