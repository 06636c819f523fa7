import { mostLikely } from '../engine/candidates.ts';
import { checkLogits } from '../engine/check-logits.ts';
import type { Engine } from '../engine/open.ts';
import { score } from '../engine/score.ts';
import { createFileSink } from '../format/file-source.ts';
import { describeToken } from './describe-token.ts';
import { lockOutput } from './lock-output.ts';
import { openModel } from './open-model.ts';
import type { ModelFlags } from './options.ts';
import type { Session } from './session.ts';
import { table } from './table.ts';

export interface LogitsFlags extends ModelFlags {
  readonly tokens: number[];
  readonly all?: boolean;
  readonly out?: string;
}

interface Candidate {
  readonly id: number;
  readonly logit: number;
}

const NUM_TOP = 20;
const NUM_SHOWN = 5;

/** `dots logits`: the best candidates of each position on stdout; every logit in the file `--out`. */
export async function logits(session: Session, model: string | undefined, flags: LogitsFlags): Promise<void> {
  await lockOutput(flags.out, () => scoreTokens(session, model, flags));
}

async function scoreTokens(session: Session, model: string | undefined, flags: LogitsFlags): Promise<void> {
  const { tokens } = flags;
  await using engine = await openModel(session, model, flags);
  const first = flags.all ? 0 : tokens.length - 1;
  const numRows = tokens.length - first;
  const top: Candidate[][] = [];
  const progress = session.progress('scoring', 'tokens', flags);
  const sink =
    flags.out === undefined ? undefined : await createFileSink(flags.out, numRows * engine.vocabSize * 4);
  try {
    for await (const { position, logits_V } of score(engine, tokens, first, session.signal)) {
      checkLogits(logits_V, position);
      progress.update(position + 1, tokens.length);
      top.push(
        mostLikely(logits_V, Math.min(NUM_TOP, logits_V.length)).map((id) => ({ id, logit: logits_V[id] })),
      );
      await sink?.write(littleEndian(logits_V));
    }
    await sink?.finish();
  } finally {
    progress.clear();
    // Does nothing after `finish`.
    await sink?.discard();
  }
  if (flags.json) await session.json({ vocab: engine.vocabSize, positions: top.length, top });
  else for (const line of list(engine, tokens, first, top)) await session.line(line);
}

function littleEndian(values: Float32Array): Uint8Array {
  const bytes = new Uint8Array(values.length * 4);
  const view = new DataView(bytes.buffer);
  for (let i = 0; i < values.length; i++) view.setFloat32(4 * i, values[i], true);
  return bytes;
}

function list(
  engine: Engine,
  tokens: readonly number[],
  first: number,
  top: readonly (readonly Candidate[])[],
): string[] {
  const rows = top.flatMap((candidates, row) =>
    candidates
      .slice(0, NUM_SHOWN)
      .map(({ id, logit }, rank) => [
        rank === 0 ? String(first + row) : '',
        rank === 0 ? `${tokens[first + row]}` : '',
        String(id),
        logit.toFixed(4),
        shown(engine, id),
      ]),
  );
  return table([['position', 'token', 'next', 'logit', ''], ...rows], 'rrrrl');
}

function shown({ tokenizer }: Engine, id: number): string {
  if (!tokenizer || id >= tokenizer.vocabSize) return '';
  return describeToken(tokenizer, id);
}
