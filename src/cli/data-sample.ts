import { InternalError, UsageError } from '../core/errors.ts';
import { formatCount } from '../core/units.ts';
import { messagesOf } from '../data/conversations.ts';
import { readJsonLines } from '../data/json-lines.ts';
import {
  questionOf,
  sampleAccepted,
  VERIFIERS,
  type VerifiableQuestion,
} from '../data/rejection-sampling.ts';
import { generate } from '../engine/generate.ts';
import { writeAll } from '../format/byte-sink.ts';
import { createFileSink } from '../format/file-source.ts';
import { renderChat } from '../text/render-chat.ts';
import { lockOutput } from './lock-output.ts';
import { openModel, requireTokenizer } from './open-model.ts';
import { generateOptions, type ModelFlags, type SamplingFlags } from './options.ts';
import type { Session } from './session.ts';

export interface DataSampleFlags extends ModelFlags, SamplingFlags {
  readonly questions: readonly string[];
  readonly out: string;
  readonly verifier: string;
  readonly samples: number;
  readonly keep: number;
}

/** `dots data sample`: answers of the model that a verifier accepts, as conversations for `dots sft`. */
export async function dataSample(
  session: Session,
  model: string | undefined,
  flags: DataSampleFlags,
): Promise<void> {
  await lockOutput(flags.out, () => sampleInto(session, model, flags));
}

async function sampleInto(
  session: Session,
  model: string | undefined,
  flags: DataSampleFlags,
): Promise<void> {
  const { seed = 0, ...sampling } = generateOptions({ maxTokens: 256, ...flags });
  const questions: VerifiableQuestion[] = [];
  for (const file of flags.questions) {
    for await (const line of readJsonLines(file, { signal: session.signal })) {
      const question = questionOf(messagesOf(line, file));
      if (question) questions.push(question);
    }
  }
  if (questions.length === 0) {
    throw new UsageError(
      `Cannot sample: no conversation of ${flags.questions.join(', ')} ends with an answer`,
      {
        code: 'no-questions',
        hint: 'the last message of each conversation must be the correct answer',
      },
    );
  }
  await using engine = await openModel(session, model, flags);
  const tokenizer = requireTokenizer(engine.files, 'sampling answers needs one');
  const progress = session.progress('sampling', 'questions', flags);
  const result = await sampleAccepted({
    questions,
    verify: VERIFIERS[flags.verifier],
    samplesPerQuestion: flags.samples,
    keepPerQuestion: flags.keep,
    seed,
    signal: session.signal,
    onProgress: (done, total) => progress.update(done, total),
    async generate(messages, answerSeed) {
      const prompt = [...renderChat(engine.files.chatTemplate, messages, tokenizer)];
      if (prompt.length >= engine.contextLength) return undefined;
      const options = { ...sampling, seed: answerSeed, signal: session.signal };
      for await (const event of generate(engine, prompt, options)) {
        if (event.type === 'finish') return event.reason === 'length' ? undefined : event.text;
      }
      throw new InternalError('the answer ended without a finish event');
    },
  }).finally(() => progress.clear());
  const lines = result.accepted.map((conversation) => `${JSON.stringify(conversation)}\n`).join('');
  const bytes = new TextEncoder().encode(lines);
  await writeAll(await createFileSink(flags.out, bytes.length), [bytes]);
  const summary = {
    questions: questions.length,
    sampled: result.numSampled,
    solved: result.numSolved,
    accepted: result.accepted.length,
  };
  if (flags.json) await session.json(summary);
  else {
    await session.line(
      `wrote ${flags.out}: ${formatCount(summary.accepted)} answers accepted of ${formatCount(summary.sampled)}, ` +
        `${formatCount(summary.solved)} of ${formatCount(summary.questions)} questions solved`,
    );
  }
}
