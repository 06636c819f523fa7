import { formatCount } from '../core/units.ts';
import { lockOutput } from './lock-output.ts';
import type { CommonFlags } from './options.ts';
import type { Session } from './session.ts';
import { trainTokenizerCommand } from './tokenizer-train.ts';

export interface TokenizerTrainFlags extends CommonFlags {
  readonly vocabSize: number;
  readonly out: string;
  readonly field?: string;
  readonly minFrequency?: number;
  readonly maxTokenLength?: number;
  readonly specialToken?: string[];
  readonly maxBytesPerFile?: number;
  readonly normalize: boolean;
}

/** `dots tokenizer train`. */
export async function tokenizerTrain(
  session: Session,
  files: readonly string[],
  flags: TokenizerTrainFlags,
): Promise<void> {
  const { vocabSize, out, field, minFrequency, maxTokenLength, specialToken, maxBytesPerFile } = flags;
  const reading = session.progress('reading', 'bytes', flags);
  let merging: ReturnType<Session['progress']> | undefined;
  try {
    const result = await lockOutput(out, () =>
      trainTokenizerCommand({
        files,
        vocabSize,
        out,
        noNormalize: !flags.normalize,
        signal: session.signal,
        ...(field !== undefined && { field }),
        ...(minFrequency !== undefined && { minFrequency }),
        ...(maxTokenLength !== undefined && { maxTokenLength }),
        ...(specialToken !== undefined && { specialTokens: specialToken }),
        ...(maxBytesPerFile !== undefined && { maxBytesPerFile }),
        onProgress: (phase, done, total) => {
          if (phase === 'read') reading.update(done, total);
          else {
            merging ??= session.progress('joining', 'merges', flags);
            merging.update(done, total);
          }
        },
      }),
    );
    if (flags.json) await session.json(result);
    else {
      await session.line(
        `wrote ${out}: ${formatCount(result.vocab)} tokens, ${formatCount(result.merges)} merges, ` +
          `${result.bytesPerToken.toFixed(2)} bytes per token`,
      );
    }
  } finally {
    reading.clear();
    merging?.clear();
  }
}
