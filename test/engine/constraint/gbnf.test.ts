import { describe, expect, it } from 'vitest';
import { compileConstraint } from '../../../src/engine/constraint/compile-constraint.ts';
import { acceptsText, constraintTokenizer, randomAnswer } from './random-answer.ts';

const tokenizer = constraintTokenizer();
const compile = (gbnf: string) => compileConstraint({ type: 'grammar', gbnf }, tokenizer);

const idOf = (text: string): number => tokenizer.encode(text)[0];

const ARITHMETIC = `
# sums of products
root ::= sum "\\n"?
sum ::= product ( [+-] product )*   # a comment
product ::=
  value (("*" | "/") value)*
value ::= [0-9]+ | "(" sum ")" |
  name
name ::= [a-zé] [^\\x00-\\x60{-\\U0010ffff]{0,3}
`;

describe('a GBNF grammar', () => {
  it.each([
    [ARITHMETIC, ['1', '1+2*(x-30)\n', '((é))', 'abcd/5'], ['', '1+', '(1', 'abcde', 'a b', '+1']],
    ['root ::= "a\\"\\\\\\x41\\u00e9" .', ['a"\\Aé你'], ['a"\\Aé', 'a"\\Aé\n\n']],
    ['root ::= item{2,3} tail?\nitem ::= "x" | "y"\ntail ::= "!"{2}', ['xy', 'yyx!!'], ['x', 'xyxy', 'xy!']],
    ['root ::= [\\]\\-a]+ | [^\\n]', [']-a', '你'], ['\n', 'ab']],
    ['root ::= (\n "a"\n | "b"\n)*\n', ['', 'abba'], ['c']],
    ['root ::= 0-digit 1_\n0-digit ::= [0-4]\n1_ ::= "x"\n', ['0x'], ['5x', '0']],
    ['root ::= "a"\n  | "b"\n\n  # or\n  | c\nc ::=\n  "c"\n  | "d"', ['a', 'b', 'c', 'd'], ['', 'ab']],
    [`root ::= <[${idOf('A')}]>+ <[${idOf('é')}]>?`, ['A', 'AAé'], ['', 'é', 'B']],
    ['root ::= "[" (root ("," root)*)? "]"', ['[]', '[[],[[]]]'], ['[', '[,]']],
  ])('%j', (gbnf, good, bad) => {
    const constraint = compile(gbnf);
    for (const text of good) expect([text, acceptsText(constraint, tokenizer, text)]).toEqual([text, true]);
    for (const text of bad) expect([text, acceptsText(constraint, tokenizer, text)]).toEqual([text, false]);
  });

  it('leads to an end whatever tokens are chosen', () => {
    const constraint = compile('root ::= "(" root ")" | "[" root "," root "]" | [a-z]{1,4} "0"?');
    for (let seed = 0; seed < 10; seed++) {
      const text = randomAnswer(constraint, tokenizer, seed, 20) ?? '0';
      expect(text).toMatch(/0|[a-z]/);
      if (text !== '0') expect(acceptsText(constraint, tokenizer, text)).toBe(true);
    }
  });

  it.each([
    ['', 'line 1: there is no rule "root"'],
    ['a ::= "x"', 'there is no rule "root"'],
    ['root ::= a\n\nb ::= c', 'line 1: there is no rule "a"'],
    ['root ::= root "x" | "y"', 'rule "root" is left-recursive'],
    ['root ::= a\na ::= b? "" c\nb ::= "x"\nc ::= a', 'is left-recursive'],
    ['root ::= ("x"', 'a group is not closed'],
    ['root ::= "x\n"', 'line 1: a text is not closed'],
    ['root ::= "x"\nroot ::= "y"', 'line 2: rule "root" is there already'],
    ['root ::= "x" }', 'expected the end of the line'],
    ['root ::= "x"{3,2}', 'the bounds of a count'],
    ['root ::= "\\q"', 'is not an escape'],
    ['root ::= <[9999999]>', 'there is no token <[9999999]>'],
    ['root ::= <|endofresponse|>', 'the token <|endofresponse|> stands for no text'],
    ['root ::= <nothing>', 'there is no token <nothing>'],
    ['root ::= !<[65]>', '"any token but one" is not supported'],
    ['root = "x"', 'expected "::="'],
    ['::= "x"', 'expected the name of a rule'],
    [`root ::= ${'('.repeat(80)}"x"${')'.repeat(80)}`, 'nested more than 64 deep'],
  ])('refuses %j', (gbnf, message) => {
    expect(() => compile(gbnf)).toThrow(message);
    expect(() => compile(gbnf)).toThrow(expect.objectContaining({ code: 'bad-grammar' }));
  });

  it('that nothing matches is refused', () => {
    expect(() => compile('root ::= "a" root')).toThrow(
      expect.objectContaining({ code: 'unsatisfiable-constraint' }),
    );
  });
});
