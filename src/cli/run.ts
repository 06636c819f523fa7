import { UsageError } from '../core/errors.ts';
import type { Engine } from '../engine/open.ts';
import { answer, describeTimings } from './answer.ts';
import { openModel, requireTokenizer } from './open-model.ts';
import { generateOptions, type ModelFlags, type SamplingFlags } from './options.ts';
import { readText } from './read-text.ts';
import { checkModelPath } from './resolve-model.ts';
import type { Session } from './session.ts';

export interface RunFlags extends ModelFlags, SamplingFlags {
  readonly prompt?: string;
  readonly promptFile?: string;
  readonly promptTokens?: number[];
  readonly control?: boolean;
}

/** `dots run`: raw completion, streamed to stdout. */
export async function run(session: Session, model: string | undefined, flags: RunFlags): Promise<void> {
  const options = generateOptions(flags);
  checkModelPath(model, 'dots run --prompt');
  const prompt = await readPrompt(session, flags);
  await using engine = await openModel(session, model, flags);
  const ids = typeof prompt === 'string' ? encodePrompt(engine, prompt, flags.control) : prompt;

  if (flags.json) {
    await session.json(await answer(session, engine, ids, options, flags));
    return;
  }
  let last = '\n';
  const result = await answer(session, engine, ids, options, flags, async (piece) => {
    if (piece !== '') last = piece;
    await session.writeAnswer(piece);
  });
  // The last line ends, as other programs expect of text; --json has the answer to the letter.
  if (!last.endsWith('\n')) await session.line();
  session.note(session.style('dim', describeTimings(result), session.io.stderr));
}

/** Text, or ids if ids were given. Throws `UsageError` unless there is exactly one source of them. */
async function readPrompt(session: Session, flags: RunFlags): Promise<string | number[]> {
  const given = [
    flags.prompt !== undefined && '--prompt',
    flags.promptFile !== undefined && '--prompt-file',
    flags.promptTokens !== undefined && '--prompt-tokens',
  ].filter((name) => name !== false);
  if (given.length > 1) {
    throw new UsageError(`There are ${given.length} prompts: ${given.join(' and ')}`, {
      code: 'several-prompts',
      hint: 'give one of them',
    });
  }
  if (flags.promptTokens) return flags.promptTokens;
  if (flags.prompt !== undefined) return flags.prompt;
  if (flags.promptFile === undefined && session.io.stdin.isTTY) {
    throw new UsageError('There is no prompt', {
      code: 'no-prompt',
      hint: 'give --prompt TEXT or --prompt-file FILE, pipe text in, or chat with the model: dots chat',
    });
  }
  const text = await readText(session, flags.promptFile ?? '-');
  // Editors and echo end a file with a newline that nobody meant; the model would take it for the end of a paragraph.
  return text.replace(/\r?\n$/, '');
}

function encodePrompt(engine: Engine, text: string, control = false): number[] {
  const tokenizer = requireTokenizer(engine.files, 'give token ids with --prompt-tokens 1,2,3');
  return tokenizer.encodePrompt(text, { control });
}
