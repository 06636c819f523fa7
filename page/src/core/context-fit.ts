import type { ChatMessage } from './api.ts';
import type { Message } from './conversation.ts';
import { requestMessages } from './generation.ts';

export interface FitOptions {
  readonly system: string;
  /** From the first question to the one that is asked now. */
  readonly path: readonly Message[];
  /** The first message that was sent last time; undefined for all. */
  readonly firstSent: string | undefined;
  readonly contextLength: number;
  /** The limit of the answer that was set. */
  readonly maxTokens: number | null;
  readonly countTokens: (messages: readonly ChatMessage[]) => Promise<number>;
}

/** Tokens that are kept free for an answer without a limit. */
const ANSWER_TOKENS = 1024;
/**
 * Once turns have to be left out, the rest takes at most this share of the room: the next turns then continue the same prompt,
 * which the server has in its cache.
 */
const SHARE_KEPT = 0.75;

/** Where the messages begin that fit into the context with room for an answer: always at a question, at the latest at the last. */
export async function firstThatFits(options: FitOptions): Promise<string | undefined> {
  const { system, path, firstSent, contextLength, maxTokens, countTokens } = options;
  const room = contextLength - answerRoom(contextLength, maxTokens);
  const count = (first: string | undefined): Promise<number> =>
    countTokens(requestMessages(system, sentPart(path, first)));
  if ((await count(firstSent)) <= room) return firstSent;
  const start = path.findIndex(({ id }) => id === firstSent);
  const questions = path.slice(start + 1).filter(({ role }) => role === 'user');
  // The fewer turns, the fewer tokens.
  let low = 0;
  let high = questions.length - 1;
  while (low < high) {
    const middle = (low + high) >> 1;
    if ((await count(questions[middle].id)) <= SHARE_KEPT * room) high = middle;
    else low = middle + 1;
  }
  return questions[low]?.id ?? firstSent;
}

/** A path from a message on; all of it for undefined or a message that it has not. */
export function sentPart(path: readonly Message[], firstSent: string | undefined): readonly Message[] {
  return path.slice(
    Math.max(
      0,
      path.findIndex(({ id }) => id === firstSent),
    ),
  );
}

/** Whether an answer ended because there was no room for more of it. */
export function isContextFull({ stats, finishReason }: Message, contextLength: number | undefined): boolean {
  if (!stats || contextLength === undefined || finishReason !== 'length') return false;
  return stats.promptTokens + stats.answerTokens >= contextLength;
}

function answerRoom(contextLength: number, maxTokens: number | null): number {
  return maxTokens === null
    ? Math.min(ANSWER_TOKENS, Math.floor(contextLength / 4))
    : Math.min(maxTokens, Math.floor(contextLength / 2));
}
