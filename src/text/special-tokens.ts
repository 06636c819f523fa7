/** Which ids begin, end and pad: by the file's keys and by texts whose meaning is the same in every model. */
import { FormatError } from '../core/errors.ts';
import { formatCount } from '../core/units.ts';
import { TOKEN_UNUSED, type Vocabulary } from './vocabulary.ts';

/**
 * Tokens that end a turn or a text in every model that has them: dots.llm1, ChatML (Qwen, SmolLM), Llama 3. Files often
 * declare one alone, and a model runs past its turn at another. `<|eom_id|>` ends a turn that calls a tool.
 */
const END_TEXTS: readonly string[] = [
  '<|endofresponse|>',
  '<|endoftext|>',
  '<|im_end|>',
  '<|eot_id|>',
  '<|eom_id|>',
  '<|end_of_text|>',
];

export interface SpecialTokens {
  /** Goes before every raw text; many models have none. Chat templates write their own. */
  readonly bos?: number;
  /** Every id that ends a generation, the file's own choice first. */
  readonly eos: readonly number[];
  readonly pad?: number;
}

/** What the keys of a file say. */
export interface DeclaredTokens {
  readonly bos?: number | undefined;
  /** Only a file that asks for it gets a start token: defaults of old readers name the comma. */
  readonly addBos?: boolean | undefined;
  /** The one that ends a turn first. */
  readonly eos: readonly number[];
  readonly pad?: number | undefined;
}

/** Throws `FormatError` for ids outside the vocabulary; negative ones mean "none". */
export function resolveSpecialTokens(declared: DeclaredTokens, vocabulary: Vocabulary): SpecialTokens {
  const use = (id: number | undefined, role: string): number | undefined => {
    if (id === undefined || id < 0) return undefined;
    if (Number.isInteger(id) && id < vocabulary.size) return id;
    throw new FormatError(
      `Cannot use ${formatCount(id)} as the ${role} token: the vocabulary has ${formatCount(vocabulary.size)} tokens`,
      { code: 'bad-special-token', hint: 'the tokenizer and its configuration belong to different models' },
    );
  };
  const eos = new Set<number>();
  for (const id of [
    ...declared.eos.map((id) => use(id, 'end')),
    ...END_TEXTS.map((text) => vocabulary.ids.get(text)),
  ]) {
    if (id !== undefined && vocabulary.kindOf(id) !== TOKEN_UNUSED) eos.add(id);
  }
  const bos = declared.addBos ? use(declared.bos, 'start') : undefined;
  const pad = use(declared.pad, 'padding');
  return {
    eos: [...eos],
    ...(bos === undefined ? {} : { bos }),
    ...(pad === undefined ? {} : { pad }),
  };
}
