import { UsageError } from '../core/errors.ts';
import type { Engine } from '../engine/open.ts';
import type { ChatMessage } from '../text/chat-template.ts';
import { renderChat } from '../text/render-chat.ts';
import type { Tokenizer } from '../text/tokenizer.ts';
import { type Answer, answer, describeTimings } from './answer.ts';
import { chatLoop, systemMessage } from './chat-loop.ts';
import { openModel, requireTokenizer } from './open-model.ts';
import { generateOptions, type ModelFlags, type SamplingFlags } from './options.ts';
import { readStdin } from './read-text.ts';
import type { Session } from './session.ts';

export interface ChatFlags extends ModelFlags, SamplingFlags {
  readonly system?: string;
  readonly message?: string;
}

/** `dots chat`: one question with `--message` or `--json`, else a conversation until the input ends. */
export async function chat(session: Session, model: string | undefined, flags: ChatFlags): Promise<void> {
  const options = generateOptions(flags);
  const message = await readMessage(session, flags);
  await using engine = await openModel(session, model, flags);
  const tokenizer = requireTokenizer(engine.files, 'use dots run --prompt-tokens 1,2,3');
  const reply = (
    messages: readonly ChatMessage[],
    signal: AbortSignal,
    onPiece?: (piece: string) => Promise<void>,
  ): Promise<Answer> => {
    const prompt = renderMessages(engine, tokenizer, messages);
    return answer(session, engine, prompt, { ...options, signal }, flags, onPiece);
  };
  if (message === undefined) {
    await chatLoop(session, { name: engine.files.name, system: flags.system, reply });
    return;
  }
  const messages = [...systemMessage(flags.system), { role: 'user', content: message }];
  if (flags.json) {
    await session.json(await reply(messages, session.signal));
    return;
  }
  const result = await reply(messages, session.signal, (piece) => session.writeAnswer(piece));
  if (session.io.stdout.isTTY && !result.text.endsWith('\n')) await session.line();
  session.note(session.style('dim', describeTimings(result), session.io.stderr));
}

/** One document of JSON holds one answer, so with `--json` all of stdin is one message. */
async function readMessage(session: Session, flags: ChatFlags): Promise<string | undefined> {
  if (flags.message !== undefined || !flags.json) return flags.message;
  if (session.io.stdin.isTTY) {
    throw new UsageError('A conversation does not fit into one JSON document', {
      code: 'no-message',
      hint: 'give --message TEXT with --json, or pipe one message in',
    });
  }
  return (await readStdin(session)).replace(/\r?\n$/, '');
}

function renderMessages(engine: Engine, tokenizer: Tokenizer, messages: readonly ChatMessage[]): number[] {
  return [...renderChat(engine.files.chatTemplate, messages, tokenizer)];
}
