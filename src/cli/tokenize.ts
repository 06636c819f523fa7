import { UsageError } from '../core/errors.ts';
import { type ModelFiles, openModelFiles } from '../engine/model-files.ts';
import { describeToken } from './describe-token.ts';
import { requireTokenizer } from './open-model.ts';
import type { CommonFlags } from './options.ts';
import { readText } from './read-text.ts';
import { checkModelPath, resolveModel } from './resolve-model.ts';
import type { Session } from './session.ts';

export interface TokenizeFlags extends CommonFlags {
  readonly text?: string;
  readonly file?: string;
  readonly control?: boolean;
}

/** `dots tokenize`: `id TAB text` lines as `describeToken` has them; as JSON, pieces as the model's file spells them. */
export async function tokenize(
  session: Session,
  model: string | undefined,
  flags: TokenizeFlags,
): Promise<void> {
  checkModelPath(model, 'dots tokenize --text');
  const text = await readInput(session, flags);
  const files = await openFiles(session, model, flags);
  try {
    const tokenizer = requireTokenizer(files, 'give token ids to the other commands');
    const tokens = [...tokenizer.encode(text, { control: flags.control ?? false })];
    if (flags.json) {
      await session.json({ tokens, pieces: tokens.map((id) => tokenizer.pieceOf(id)) });
      return;
    }
    for (const id of tokens) await session.line(`${id}\t${describeToken(tokenizer, id)}`);
  } finally {
    await files.close();
  }
}

/** `dots detokenize`: the text with control tokens, and a newline at its end; `--json` has it to the letter. */
export async function detokenize(
  session: Session,
  model: string | undefined,
  flags: CommonFlags & { readonly tokens: number[] },
): Promise<void> {
  checkModelPath(model, 'dots detokenize --tokens');
  const files = await openFiles(session, model, flags);
  try {
    const text = requireTokenizer(files, 'use a model with a tokenizer').decode(flags.tokens);
    if (flags.json) await session.json({ text });
    else await session.write(text.endsWith('\n') ? text : `${text}\n`);
  } finally {
    await files.close();
  }
}

async function readInput(session: Session, flags: TokenizeFlags): Promise<string> {
  if (flags.text !== undefined && flags.file !== undefined) {
    throw new UsageError('There are 2 texts: --text and --file', {
      code: 'several-texts',
      hint: 'give one of them',
    });
  }
  if (flags.text !== undefined) return flags.text;
  if (flags.file === undefined && session.io.stdin.isTTY) {
    throw new UsageError('There is no text', {
      code: 'no-text',
      hint: 'give --text TEXT or --file FILE, or pipe text in',
    });
  }
  return await readText(session, flags.file ?? '-');
}

async function openFiles(
  session: Session,
  model: string | undefined,
  flags: CommonFlags,
): Promise<ModelFiles> {
  const path = await resolveModel(session, model, flags);
  return await openModelFiles(path, { onWarning: (message) => session.warn(message) });
}
