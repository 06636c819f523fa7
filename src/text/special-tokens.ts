/** Which ids begin, end and pad: by the file's keys and by the texts every model of this family shares. */
import { FormatError } from '../core/errors.ts';
import { formatCount } from '../core/units.ts';
import type { SpecialTokens } from './tokenizer.ts';
import { TOKEN_UNUSED, type Vocabulary } from './vocabulary.ts';

// With the file's own end token alone an instruct model of this family runs past its turn. `<|im_end|>` is the turn's end
// of the vocabulary it was derived from: never trained on, harmless to stop at.
const END_TEXTS = ['<|endofresponse|>', '<|endoftext|>', '<|im_end|>'];

export interface DeclaredTokens {
  readonly bos?: number | undefined;
  /** Only a file that asks for it gets a start token: defaults of old readers name the comma. */
  readonly addBos?: boolean | undefined;
  readonly eos: readonly (number | undefined)[];
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
