import type { ApiClient, ChatChunk, ChatMessage, ChatRequest } from './api.ts';
import { ApiError } from './api-error.ts';
import type { Message, MessageStats, ToolCall } from './conversation.ts';
import type { ExchangeLog } from './exchanges.ts';
import { sameLayout } from './expert-load.ts';
import { splitReasoning, THINK_CLOSE, THINK_OPEN } from './reasoning.ts';
import { type ExpertLayout, NO_EXPERTS, Recorder, type Recording } from './recording.ts';

export interface Progress {
  readonly content: string;
  readonly toolCalls: readonly ToolCall[] | undefined;
  readonly recording: Recording | undefined;
  readonly stats: MessageStats | undefined;
  /** While the prompt is read: how much of it. */
  readonly prompt: { readonly done: number; readonly total: number } | undefined;
  /** For how long nothing has come, once that is long. */
  readonly silentMs: number | undefined;
  /** The server is busy and will be asked again. */
  readonly retryInMs: number | undefined;
}

export type Outcome = Pick<Message, 'content' | 'status'> & Partial<Message>;

export interface GenerationOptions {
  readonly api: ApiClient;
  readonly request: Omit<ChatRequest, 'routing' | 'odds' | 'continues'>;
  /** Record the routing of a model with this layout. */
  readonly layout: ExpertLayout | undefined;
  /** Record the most likely tokens in the place of each. */
  readonly odds: boolean;
  /** What there is of an answer that is to be continued; it is also the last message of the request. */
  readonly before: AnswerSoFar | undefined;
  /** Where to write what was sent and received. */
  readonly log?: ExchangeLog;
  readonly signal: AbortSignal;
  readonly now: () => number;
  readonly onProgress: (progress: Progress) => void;
}

export interface AnswerSoFar {
  readonly content: string;
  readonly stats?: MessageStats;
  readonly recording: Recording | undefined;
}

/** People wonder after this long whether anything still happens. */
const SILENCE_MS = 8000;
const TICK_MS = 1000;
/** How often a busy server is asked again. */
const MAX_RETRIES = 20;
/** For longer waits the person decides. */
const MAX_RETRY_AFTER_MS = 120_000;

/** One answer from the first byte to the last. Never throws: what went wrong is part of the outcome. */
export async function runGeneration(
  options: GenerationOptions,
): Promise<{ outcome: Outcome; recording: Recording | undefined }> {
  const answer = new Answer(options);
  for (let numRetries = 0; ; numRetries++) {
    try {
      await answer.read();
      return answer.ended({ status: 'done' });
    } catch (error) {
      if (options.signal.aborted) return answer.ended({ status: 'stopped' });
      const told = error instanceof ApiError ? error : new ApiError(String(error), 'internal', 0);
      const { retryAfterMs } = told.details;
      const waits =
        retryAfterMs !== undefined && retryAfterMs <= MAX_RETRY_AFTER_MS && numRetries < MAX_RETRIES;
      if (waits && answer.isEmpty && (await answer.wait(retryAfterMs))) continue;
      return answer.ended({ status: 'failed', error: { message: told.message, code: told.code } });
    }
  }
}

/** What has come of an answer so far. */
class Answer {
  private readonly options: GenerationOptions;
  private readonly recorder: Recorder | undefined;
  private content: string;
  private finishReason: string | undefined;
  private stats: MessageStats | undefined;
  private seed: number | undefined;
  private tokensPerSecond: number | undefined;
  private numPieces = 0;
  private startMs = 0;
  private firstMs = 0;
  private prompt: Progress['prompt'];
  private isThinking = false;
  private readonly toolCalls: ToolCall[] = [];

  constructor(options: GenerationOptions) {
    const { layout, odds, before } = options;
    this.options = options;
    this.content = before?.content ?? '';
    // Recordings of different kinds cannot be joined.
    const { recording } = before ?? {};
    const joins = !recording || sameLayout(recording.layout, layout ?? NO_EXPERTS);
    if ((layout || odds) && joins) this.recorder = new Recorder(layout ?? NO_EXPERTS, recording);
  }

  /** Nothing has come of what was requested. */
  get isEmpty(): boolean {
    return this.numPieces === 0;
  }

  private get calls(): readonly ToolCall[] | undefined {
    return this.toolCalls.length > 0 ? this.toolCalls.filter(Boolean) : undefined;
  }

  async read(): Promise<void> {
    const { api, layout, odds, before, log, signal, now, request } = this.options;
    this.startMs = now();
    let heardMs = now();
    const ticks = setInterval(() => {
      const silentMs = now() - heardMs;
      if (silentMs >= SILENCE_MS) this.show({ silentMs });
    }, TICK_MS);
    try {
      const wanted = { routing: layout !== undefined, odds, continues: before !== undefined };
      for await (const chunk of api.chat({ ...request, ...wanted }, signal, log)) {
        heardMs = now();
        this.add(chunk);
        this.show();
      }
    } finally {
      clearInterval(ticks);
    }
  }

  /** False where the person gave up before the time was over. */
  async wait(forMs: number): Promise<boolean> {
    const { signal, now } = this.options;
    const endMs = now() + forMs;
    for (let leftMs = forMs; leftMs > 0 && !signal.aborted; leftMs = endMs - now()) {
      this.show({ retryInMs: leftMs });
      await pause(Math.min(TICK_MS, leftMs), signal);
    }
    this.show();
    return !signal.aborted;
  }

  ended(rest: Pick<Message, 'status'> & Partial<Message>): {
    outcome: Outcome;
    recording: Recording | undefined;
  } {
    const { content, calls: toolCalls, finishReason, stats, seed } = this;
    const recording = this.recorder?.recording;
    return {
      outcome: {
        content,
        ...(finishReason !== undefined && { finishReason }),
        ...(stats && { stats }),
        ...(seed !== undefined && { seed }),
        ...(recording?.odds && { hasOdds: true }),
        ...(toolCalls && { toolCalls }),
        ...rest,
      },
      recording: recording && recording.pieces.length > 0 ? recording : undefined,
    };
  }

  private add(chunk: ChatChunk): void {
    const { now } = this.options;
    const { text, reasoning = '' } = chunk;
    this.recorder?.add(reasoning + text, chunk.routing, chunk.choices);
    if (reasoning !== '' && this.content === '') this.content = THINK_OPEN;
    if (text !== '' && this.isThinking) this.content += THINK_CLOSE;
    this.content += reasoning + text;
    this.isThinking = reasoning !== '' || (this.isThinking && text === '');
    for (const { index, name, arguments: more } of chunk.toolCalls ?? []) {
      const before = this.toolCalls[index] ?? { name: '', arguments: '' };
      this.toolCalls[index] = { name: before.name + name, arguments: before.arguments + more };
    }
    if (text !== '' || reasoning !== '' || chunk.toolCalls) {
      if (this.numPieces++ === 0) this.firstMs = now();
      this.prompt = undefined;
    }
    this.prompt = chunk.promptProgress ?? this.prompt;
    this.seed = chunk.seed ?? this.seed;
    this.finishReason = chunk.finishReason ?? this.finishReason;
    this.tokensPerSecond = chunk.tokensPerSecond ?? this.tokensPerSecond;
    const elapsedMs = now() - this.firstMs;
    const { numPieces, stats } = this;
    // Until the server has said how fast it was, pieces of text stand for tokens.
    const rate =
      this.tokensPerSecond ?? (numPieces > 1 && elapsedMs > 0 ? (1000 * (numPieces - 1)) / elapsedMs : 0);
    const earlier = this.options.before?.stats;
    const promptRate = chunk.promptTokensPerSecond ?? stats?.promptTokensPerSecond;
    this.stats = {
      // The prompt of a continued answer holds what there was of it.
      promptTokens: chunk.usage
        ? Math.max(0, chunk.usage.promptTokens - (earlier?.answerTokens ?? 0))
        : (stats?.promptTokens ?? earlier?.promptTokens ?? 0),
      cachedTokens: chunk.usage?.cachedTokens ?? stats?.cachedTokens ?? 0,
      answerTokens: (earlier?.answerTokens ?? 0) + (chunk.usage?.answerTokens ?? numPieces),
      tokensPerSecond: rate,
      ...(numPieces > 0 && { firstTokenMs: this.firstMs - this.startMs }),
      ...(promptRate !== undefined && { promptTokensPerSecond: promptRate }),
    };
  }

  private show(state: { silentMs?: number; retryInMs?: number } = {}): void {
    const { content, calls: toolCalls, stats, prompt, recorder } = this;
    const { silentMs, retryInMs } = state;
    this.options.onProgress({
      content,
      toolCalls,
      recording: recorder?.recording,
      stats,
      prompt,
      silentMs,
      retryInMs,
    });
  }
}

/** Ends early when the signal aborts. */
function pause(ms: number, signal: AbortSignal): Promise<void> {
  return new Promise((resolve) => {
    const end = (): void => {
      clearTimeout(timer);
      signal.removeEventListener('abort', end);
      resolve();
    };
    const timer = setTimeout(end, ms);
    signal.addEventListener('abort', end);
  });
}

/**
 * What the model reads: the system prompt and the branch down to the question. Answers that failed empty are left out, and so is
 * the reasoning of earlier answers, which templates drop.
 */
export function requestMessages(system: string, path: readonly Message[]): readonly ChatMessage[] {
  const turns: ChatMessage[] = [];
  for (const [i, { role, content: text }] of path.entries()) {
    const content = role === 'user' || i === path.length - 1 ? text : splitReasoning(text).answer;
    if (role === 'assistant' && content === '') continue;
    const last = turns.at(-1);
    // A question that was not answered and the next one are one turn: templates expect the roles to alternate.
    if (last?.role === role) turns[turns.length - 1] = { role, content: `${last.content}\n\n${content}` };
    else turns.push({ role, content });
  }
  return system.trim() === '' ? turns : [{ role: 'system', content: system }, ...turns];
}
