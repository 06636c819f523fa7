/**
 * Rejection sampling: several answers to each question, of which those that a verifier accepts become training data (the
 * second phase of the report's fine-tuning). Who generates is not known here; the command hands in the engine.
 */
import { CounterRandom } from '../core/counter-random.ts';
import type { ChatMessage } from '../text/chat-template.ts';
import { verifyMathAnswer } from './verify-math.ts';

export interface VerifiableQuestion {
  /** The conversation up to the user's last turn. */
  readonly messages: readonly ChatMessage[];
  /** An answer known to be right. */
  readonly reference: string;
}

/** True for an answer to keep. */
export type Verifier = (answer: string, question: VerifiableQuestion) => boolean | Promise<boolean>;

/** Verifiers by the name that the command takes. */
export const VERIFIERS: Readonly<Record<string, Verifier>> = {
  math: (answer, { reference }) => verifyMathAnswer(answer, reference),
};

export interface RejectionSamplingOptions {
  readonly questions: readonly VerifiableQuestion[];
  /** Answer a conversation; the same seed gives the same answer. Undefined: the answer did not end. */
  readonly generate: (messages: readonly ChatMessage[], seed: number) => Promise<string | undefined>;
  readonly verify: Verifier;
  /** Answers drawn for each question. */
  readonly samplesPerQuestion: number;
  /** Different accepted answers kept for each question; drawing stops when they are there. Default 1. */
  readonly keepPerQuestion?: number;
  readonly seed: number | bigint;
  readonly signal?: AbortSignal;
  readonly onProgress?: (done: number, total: number) => void;
}

export interface RejectionSamplingResult {
  /** Conversations that end with an accepted answer, in the order of the questions. */
  readonly accepted: readonly { readonly messages: readonly ChatMessage[] }[];
  readonly numSampled: number;
  /** Questions with at least one accepted answer. */
  readonly numSolved: number;
}

/** Sample and verify. The result depends on questions, seed and generator alone. */
export async function sampleAccepted(options: RejectionSamplingOptions): Promise<RejectionSamplingResult> {
  const { questions, generate, verify, samplesPerQuestion, keepPerQuestion = 1 } = options;
  const accepted: { messages: readonly ChatMessage[] }[] = [];
  let numSampled = 0;
  let numSolved = 0;
  for (const [i, question] of questions.entries()) {
    const random = new CounterRandom(options.seed, i);
    const kept = new Set<string>();
    for (let sample = 0; sample < samplesPerQuestion && kept.size < keepPerQuestion; sample++) {
      options.signal?.throwIfAborted();
      numSampled++;
      const answer = (await generate(question.messages, answerSeed(random, sample)))?.trim();
      if (answer === undefined || kept.has(answer) || !(await verify(answer, question))) continue;
      kept.add(answer);
      accepted.push({ messages: [...question.messages, { role: 'assistant', content: answer }] });
    }
    if (kept.size > 0) numSolved++;
    options.onProgress?.(i + 1, questions.length);
  }
  return { accepted, numSampled, numSolved };
}

/** 53 bits, so that no two answers are drawn with the same numbers. */
function answerSeed(random: CounterRandom, sample: number): number {
  return random.uniform(sample) * 2 ** 53;
}

/** A conversation whose last answer is known to be right -> a question with its reference. */
export function questionOf(messages: readonly ChatMessage[]): VerifiableQuestion | undefined {
  const last = messages.at(-1);
  if (last?.role !== 'assistant') return undefined;
  return { messages: messages.slice(0, -1), reference: last.content };
}
