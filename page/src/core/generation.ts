import { type Api, ApiError, type ChatMessage, type ChatRequest } from './api.ts';
import type { Message, MessageStats } from './conversation.ts';
import { type ExpertLayout, Recorder, type Recording } from './recording.ts';

export interface Progress {
  readonly content: string;
  readonly recording: Recording | undefined;
  readonly stats: MessageStats | undefined;
  /** While the prompt is read: how much of it. */
  readonly prompt: { readonly done: number; readonly total: number } | undefined;
}

export type Outcome = Pick<Message, 'content' | 'status'> & Partial<Message>;

export interface GenerationOptions {
  readonly api: Api;
  readonly request: Omit<ChatRequest, 'routing'>;
  /** Record the routing of a model with this layout. */
  readonly layout: ExpertLayout | undefined;
  readonly signal: AbortSignal;
  readonly now: () => number;
  readonly onProgress: (progress: Progress) => void;
}

/** One answer from the first byte to the last. Never throws: what went wrong is part of the outcome. */
export async function runGeneration(
  options: GenerationOptions,
): Promise<{ outcome: Outcome; recording: Recording | undefined }> {
  const { api, layout, signal, now, onProgress } = options;
  const recorder = layout && new Recorder(layout);
  let content = '';
  let finishReason: string | undefined;
  let stats: MessageStats | undefined;
  let tokensPerSecond: number | undefined;
  let numPieces = 0;
  let firstMs = 0;
  let prompt: Progress['prompt'];
  const ended = (rest: Pick<Message, 'status'> & Partial<Message>) => ({
    outcome: {
      content,
      ...(finishReason !== undefined && { finishReason }),
      ...(stats && { stats }),
      ...rest,
    },
    recording: recorder && recorder.recording.pieces.length > 0 ? recorder.recording : undefined,
  });

  try {
    for await (const chunk of api.chat({ ...options.request, routing: layout !== undefined }, signal)) {
      recorder?.add(chunk.text, chunk.routing);
      if (chunk.text !== '') {
        if (numPieces++ === 0) firstMs = now();
        content += chunk.text;
        prompt = undefined;
      }
      prompt = chunk.promptProgress ?? prompt;
      finishReason = chunk.finishReason ?? finishReason;
      tokensPerSecond = chunk.tokensPerSecond ?? tokensPerSecond;
      const elapsedMs = now() - firstMs;
      // Until the server has said how fast it was, pieces of text stand for tokens.
      const rate =
        tokensPerSecond ?? (numPieces > 1 && elapsedMs > 0 ? (1000 * (numPieces - 1)) / elapsedMs : 0);
      stats = {
        promptTokens: chunk.usage?.promptTokens ?? stats?.promptTokens ?? 0,
        cachedTokens: chunk.usage?.cachedTokens ?? stats?.cachedTokens ?? 0,
        answerTokens: chunk.usage?.answerTokens ?? numPieces,
        tokensPerSecond: rate,
      };
      onProgress({ content, recording: recorder?.recording, stats, prompt });
    }
    return ended({ status: 'done' });
  } catch (error) {
    if (signal.aborted) return ended({ status: 'stopped' });
    const told = error instanceof ApiError ? error : new ApiError(String(error), 'internal', 0);
    return ended({ status: 'failed', error: { message: told.message, code: told.code } });
  }
}

/** What the model reads: the system prompt and the branch down to the question. Answers that failed empty are left out. */
export function requestMessages(system: string, path: readonly Message[]): readonly ChatMessage[] {
  const turns = path
    .filter(({ role, content }) => role === 'user' || content !== '')
    .map(({ role, content }) => ({ role, content }));
  return system.trim() === '' ? turns : [{ role: 'system', content: system }, ...turns];
}
