/** The conversation in the terminal: lines in, answers out, and a few commands that begin with a slash. */
import { DotsError } from '../core/errors.ts';
import type { ChatMessage } from '../text/chat-template.ts';
import { type Answer, describeTimings } from './answer.ts';
import { LineReader } from './line-reader.ts';
import { printable } from './printable.ts';
import { EXIT_OK, reportError } from './report-error.ts';
import { Interrupted, type Session } from './session.ts';

export interface Conversation {
  readonly name: string;
  readonly system: string | undefined;
  /** Nothing goes to stdout. */
  readonly isQuiet?: boolean;
  /** Answers a conversation; pieces of the answer are handed on as they come. */
  reply(
    messages: readonly ChatMessage[],
    signal: AbortSignal,
    onPiece: (piece: string) => Promise<void>,
  ): Promise<Answer>;
}

const HELP = `/help          this list
/system TEXT   set the system prompt; without TEXT: remove it
/retry         regenerate the last answer
/reset         start a new conversation
/exit          exit (also Ctrl-D)
"""            start or end a message of several lines
Ctrl-C stops an answer; at the prompt it exits. Write two slashes for a message that starts with one.`;

export function systemMessage(system: string | undefined): ChatMessage[] {
  return system === undefined ? [] : [{ role: 'system', content: system }];
}

/** How a conversation ended. */
export interface Ended {
  readonly messages: readonly ChatMessage[];
  /** The newest answer, if there was one. */
  readonly last: Answer | undefined;
}

/** Runs until the input ends, `/exit`, or Ctrl-C at the prompt. */
export async function chatLoop(session: Session, conversation: Conversation): Promise<Ended> {
  const chat = new ChatLoop(session, conversation);
  try {
    await chat.run();
    return chat.ended;
  } finally {
    chat.close();
  }
}

class ChatLoop {
  private readonly session: Session;
  private readonly conversation: Conversation;
  private readonly lines: LineReader;
  private readonly stopInterrupts: () => void;
  private system: string | undefined;
  private messages: ChatMessage[] = [];
  private last: Answer | undefined;
  /** Set while the model answers. */
  private answering: AbortController | undefined;

  constructor(session: Session, conversation: Conversation) {
    this.session = session;
    this.conversation = conversation;
    this.system = conversation.system;
    this.lines = new LineReader(session, () => this.interrupt());
    this.stopInterrupts = session.overrideInterrupt(() => this.interrupt());
  }

  get ended(): Ended {
    return { messages: [...systemMessage(this.system), ...this.messages], last: this.last };
  }

  close(): void {
    this.stopInterrupts();
    this.lines.close();
  }

  async run(): Promise<void> {
    const { session } = this;
    if (this.lines.isTerminal) {
      session.note(
        `${session.style('bold', printable(this.conversation.name), session.io.stderr)}  /help lists the commands, /exit exits`,
      );
    }
    for (;;) {
      const text = await this.readMessage();
      if (text === undefined) return;
      if (text.trim() === '') continue;
      if (text.startsWith('/') && !text.startsWith('//')) {
        if ((await this.command(text)) === 'leave') return;
      } else {
        this.messages.push({ role: 'user', content: text.startsWith('//') ? text.slice(1) : text });
        await this.answerLast();
      }
    }
  }

  /** One line, or all lines between two of `"""`. */
  private async readMessage(): Promise<string | undefined> {
    const first = await this.lines.read('> ');
    if (first === undefined || !first.trimStart().startsWith('"""')) return first;
    const lines = [first.trimStart().slice(3)];
    for (;;) {
      const line = await this.lines.read('… ');
      if (line === undefined) break;
      const end = line.indexOf('"""');
      lines.push(end < 0 ? line : line.slice(0, end));
      if (end >= 0) break;
    }
    return lines.join('\n').trim();
  }

  private async command(text: string): Promise<'leave' | 'stay'> {
    const [, name, rest] = /^\/(\S*)\s*(.*)$/s.exec(text) as RegExpExecArray;
    const { session } = this;
    switch (name) {
      case 'exit':
      case 'quit':
      case 'bye':
        return 'leave';
      case 'help':
      case '?':
        session.note(HELP);
        break;
      case 'reset':
      case 'clear':
        this.messages = [];
        session.note('started a new conversation');
        break;
      case 'system':
        this.system = rest === '' ? undefined : rest;
        session.note(rest === '' ? 'system prompt removed' : 'system prompt set');
        break;
      case 'retry':
        await this.retry();
        break;
      default:
        session.note(`there is no command /${name}; /help lists them`);
    }
    return 'stay';
  }

  private async retry(): Promise<void> {
    if (this.messages.at(-1)?.role === 'assistant') this.messages.pop();
    if (this.messages.length > 0) await this.answerLast();
    else this.session.note('there is no answer to regenerate yet');
  }

  private async answerLast(): Promise<void> {
    const { session, messages } = this;
    const { isQuiet = false } = this.conversation;
    const controller = new AbortController();
    this.answering = controller;
    let text = '';
    try {
      const result = await this.conversation.reply(
        [...systemMessage(this.system), ...messages],
        AbortSignal.any([session.signal, controller.signal]),
        async (piece) => {
          text += piece;
          if (!isQuiet) await session.writeAnswer(piece);
        },
      );
      this.last = result;
      messages.push({ role: 'assistant', content: result.text });
      if (!isQuiet) await session.line();
      if (this.lines.isTerminal)
        session.note(session.style('dim', describeTimings(result), session.io.stderr));
    } catch (error) {
      session.signal.throwIfAborted();
      await this.endEarly(error, controller.signal.aborted, text);
    } finally {
      this.answering = undefined;
    }
  }

  /** A stopped answer counts as far as it got; a failed one is reported and its question dropped. */
  private async endEarly(error: unknown, isStopped: boolean, text: string): Promise<void> {
    const { session, messages } = this;
    if (isStopped) {
      if (text === '') messages.pop();
      else messages.push({ role: 'assistant', content: text });
      if (!this.conversation.isQuiet) await session.line();
      session.note(session.style('dim', '(stopped)', session.io.stderr));
      return;
    }
    messages.pop();
    // In a script the first failure ends the run; a person may say something else instead.
    if (!this.lines.isTerminal || !(error instanceof DotsError)) throw error;
    if (text !== '' && !this.conversation.isQuiet) await session.line();
    if (reportError(error, session) === EXIT_OK) throw error;
  }

  private interrupt(): void {
    if (this.answering && !this.answering.signal.aborted) this.answering.abort(new Interrupted());
    else this.session.interrupt();
  }
}
