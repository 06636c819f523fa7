import { plainEncoder } from '../convert/encode-runs.ts';
import type { RowEncoder } from '../dtype/row-encoder.ts';
import { type CommonFlags, chosenThreads } from './options.ts';
import type { Session } from './session.ts';

/** The native one, unless it is not built or the other one was chosen: that one has few types. */
export async function chooseEncoder(session: Session, flags: CommonFlags): Promise<RowEncoder> {
  if (flags.backend === 'reference') return plainEncoder();
  const { openNativeEncoder } = await import('../backend/native/row-encoder.ts');
  const threads = chosenThreads(flags, session);
  const found = openNativeEncoder(threads === undefined ? {} : { threads });
  if (!found.encoder) session.warn(`the encoders in TypeScript run, slowly and for few types: ${found.why}`);
  return found.encoder ?? plainEncoder();
}
