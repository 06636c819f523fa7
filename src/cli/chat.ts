import { UsageError } from '../core/errors.ts';
import type { Engine } from '../engine/open.ts';
import type { ChatMessage } from '../text/chat-template.ts';
import { renderChat } from '../text/render-chat.ts';
import type { Tokenizer } from '../text/tokenizer.ts';
import { type Answer, answer, describeTimings } from './answer.ts';
import { chatLoop, systemMessage } from './chat-loop.ts';
import { openModel, requireTokenizer } from './open-model.ts';
import { generateOptions, type ModelFlags, type SamplingFlags } from './options.ts';
import { checkModelPath } from './resolve-model.ts';
import type { Session } from './session.ts';

export interface ChatFlags extends ModelFlags, SamplingFlags {
  readonly system?: string;
  readonly message?: string;
}

/** `dots chat`: one question with `--message`, else a conversation until the input ends. */
export async function chat(session: Session, model: string | undefined, flags: ChatFlags): Promise<void> {
  const options = generateOptions(flags);
  checkModelPath(model, 'dots chat --message');
  if (flags.json && flags.message === undefined && session.io.stdin.isTTY) {
    throw new UsageError('Nothing would be shown of a conversation until its end', {
      code: 'no-message',
      hint: 'give --message TEXT with --json, or pipe messages in, one per line',
    });
  }
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
  const { name } = engine.files;
  if (flags.message === undefined) {
    const { messages, last } = await chatLoop(session, {
      name,
      system: flags.system,
      isQuiet: flags.json === true,
      reply,
    });
    if (flags.json) await session.json({ ...requireAnswer(last), messages });
    return;
  }
  const messages = [...systemMessage(flags.system), { role: 'user', content: flags.message }];
  if (flags.json) {
    const result = await reply(messages, session.signal);
    await session.json({ ...result, messages: [...messages, { role: 'assistant', content: result.text }] });
    return;
  }
  const result = await reply(messages, session.signal, (piece) => session.writeAnswer(piece));
  if (!result.text.endsWith('\n')) await session.line();
  session.note(session.style('dim', describeTimings(result), session.io.stderr));
}

function requireAnswer(last: Answer | undefined): Answer {
  if (last) return last;
  throw new UsageError('There is no message to answer', {
    code: 'no-message',
    hint: 'give --message TEXT, or pipe messages in, one per line',
  });
}

function renderMessages(engine: Engine, tokenizer: Tokenizer, messages: readonly ChatMessage[]): number[] {
  return [...renderChat(engine.files.chatTemplate, messages, tokenizer)];
}
