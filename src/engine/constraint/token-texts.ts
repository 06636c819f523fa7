import type { Tokenizer } from '../../text/tokenizer.ts';

/** What a token stands for, or why a grammar cannot use it. */
export type TokenText = { readonly bytes: readonly number[] } | { readonly fault: string };

/** A token as a grammar names it, by its id `<[65]>` or by its text, -> what it stands for. */
export type TokenTexts = (name: string) => TokenText;

const NAME = /<(?:\[(\d{1,9})\]|([^\s<>[\]]+))>/;
/** With "any token but this one" (`!`). */
export const TOKEN_NAME = new RegExp(`!?${NAME.source}`, 'y');

/** Every token that a grammar may name. */
export function tokenNames(gbnf: string): Set<string> {
  return new Set(Array.from(gbnf.matchAll(new RegExp(NAME.source, 'g')), ([name]) => name));
}

export function tokenTexts(tokenizer: Tokenizer): TokenTexts {
  return (name) => {
    const number = NAME.exec(name)?.[1];
    const id = number === undefined ? tokenizer.idOf(name) : Number(number);
    if (id === undefined || id >= tokenizer.vocabSize || tokenizer.isUnused(id))
      return { fault: `there is no token ${name}` };
    const bytes = tokenizer.isControl(id) ? [] : [...tokenizer.decodeBytes(id)];
    return bytes.length > 0 ? { bytes } : { fault: `the token ${name} stands for no text of an answer` };
  };
}
