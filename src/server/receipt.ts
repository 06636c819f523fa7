/** `dots.receipt`: what is needed to get the same answer again, and what of the request had no effect on it. */
import type { ChoiceEnd } from './choice.ts';
import type { AnswerRules } from './served-model.ts';

export interface ReceiptFacts {
  readonly fingerprint: string;
  readonly seed: number;
  /** Which answer to the request it is. */
  readonly stream: number;
  readonly prompt: readonly number[];
  readonly tokens: readonly number[];
  readonly end: ChoiceEnd;
  readonly sampling: Readonly<Record<string, unknown>>;
  readonly ignored: readonly string[];
}

export function receipt(facts: ReceiptFacts): object {
  const { fingerprint, seed, stream, prompt, tokens, end, sampling, ignored } = facts;
  return {
    fingerprint,
    seed,
    stream,
    prompt_token_ids: prompt,
    token_ids: tokens,
    stopped_by: end.stoppedBy ?? null,
    sampling,
    ignored,
  };
}

/** Fields that nobody knows, tools that the model does not have, and what of schemas is not enforced. */
export function ignoredParts(fields: readonly string[], { skipped, constraint }: AnswerRules): string[] {
  return [
    ...fields.map((name) => `unknown field ${JSON.stringify(name)}`),
    ...skipped,
    ...(constraint?.ignored ?? []),
  ];
}

const SAMPLING = [
  'temperature',
  'top_p',
  'top_k',
  'min_p',
  'repeat_penalty',
  'repetition_penalty',
  'presence_penalty',
  'frequency_penalty',
] as const;

/** The values that decide how tokens are chosen: those of the request, else those of the model. */
export function samplingValues(
  request: { readonly [Name in (typeof SAMPLING)[number]]?: number | undefined },
  defaults: Readonly<Record<string, number>>,
): Record<string, unknown> {
  const given = SAMPLING.map((name) => [
    name === 'repeat_penalty' ? 'repetition_penalty' : name,
    request[name],
  ]);
  return { ...defaults, ...Object.fromEntries(given.filter(([, value]) => value !== undefined)) };
}
