/**
 * What constrained decoding costs: for each token of a document, the time to find which tokens may come next and to go
 * on with the one that does. Compared with xgrammar (WebAssembly), on the same documents and vocabulary.
 *
 *   node bench/constraint.ts TOKENIZER.json
 *
 * `cold` is the first document after compiling, `warm` the median of the following ones. CSV on stdout: microseconds for
 * each token (median, p99, max) and milliseconds to compile.
 *
 * Node >= 22.18 runs this file as it is; for older ones bundle it first:
 *   npx rolldown bench/constraint.ts --platform node --format esm -o node_modules/.bench/constraint.mjs
 */
import { cpSync, mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { createRequire } from 'node:module';
import { cpus, tmpdir } from 'node:os';
import { join } from 'node:path';
import { type ConstraintSpec, compileConstraint } from '../src/engine/constraint/compile-constraint.ts';
import { tokenTrieOf } from '../src/engine/constraint/token-trie.ts';
import type { Tokenizer } from '../src/text/tokenizer.ts';
import { tokenizerFromJson } from '../src/text/tokenizer-json.ts';

const WARM_ROUNDS = 5;

const person = {
  type: 'object',
  properties: {
    name: { type: 'string' },
    age: { type: 'integer', minimum: 0, maximum: 130 },
    email: { type: 'string', format: 'email' },
    tags: { type: 'array', items: { type: 'string', maxLength: 24 }, maxItems: 8 },
    address: {
      type: 'object',
      properties: {
        street: { type: 'string' },
        city: { type: 'string' },
        zip: { type: 'string', pattern: '^\\d{5}$' },
      },
      required: ['street', 'city', 'zip'],
      additionalProperties: false,
    },
    friend: { anyOf: [{ $ref: '#' }, { type: 'null' }] },
  },
  required: ['name', 'age', 'email', 'tags', 'address', 'friend'],
  additionalProperties: false,
};
const someone = (friend: unknown) => ({
  name: 'Ada Lovelace, countess; 爱达·勒芙蕾丝',
  age: 36,
  email: 'ada.lovelace@analytical-engine.org',
  tags: ['mathematics', 'first programmer', '数学'],
  address: { street: '12 St James’s Square, "second floor"\n', city: 'London', zip: '12345' },
  friend,
});

const CASES: readonly { readonly name: string; readonly schema: object; readonly text: string }[] = [
  { name: 'person', schema: person, text: JSON.stringify(someone(someone(null))) },
  { name: 'person, indented', schema: person, text: JSON.stringify(someone(someone(null)), null, 2) },
  { name: 'any object', schema: { type: 'object' }, text: JSON.stringify(someone(someone(null)), null, 2) },
  {
    name: 'long bounded string',
    schema: { type: 'string', minLength: 5, maxLength: 200 },
    text: JSON.stringify('The quick brown fox jumps over the lazy dog, and nobody knows why. '.repeat(2)),
  },
  {
    name: 'enum of 500',
    schema: { enum: Array.from({ length: 500 }, (_, i) => `country number ${i} of the world`) },
    text: '"country number 321 of the world"',
  },
];

interface Follower {
  mask(): unknown;
  accept(token: number): void;
}

interface Contender {
  readonly name: string;
  /** A schema -> what follows one document after another. */
  compile(schema: object): Promise<() => Follower | Promise<Follower>>;
}

function ours(tokenizer: Tokenizer): Contender {
  return {
    name: 'dots.ts',
    compile: async (schema) => {
      const constraint = compileConstraint(
        { type: 'json-schema', schema } satisfies ConstraintSpec,
        tokenizer,
      );
      return () => constraint.start();
    },
  };
}

/** The package is UMD but says that it is ESM; as a copy with the ending .cjs it loads. */
async function theirs(tokenizer: Tokenizer): Promise<Contender> {
  const require = createRequire(import.meta.url);
  const folder = mkdtempSync(join(tmpdir(), 'dots-xgrammar-'));
  cpSync(require.resolve('@mlc-ai/web-xgrammar'), join(folder, 'index.cjs'));
  const { TokenizerInfo, GrammarCompiler, GrammarMatcher } = require(join(folder, 'index.cjs'));
  rmSync(folder, { recursive: true });
  const pieces = Array.from({ length: tokenizer.vocabSize }, (_, id) => tokenizer.pieceOf(id));
  const info = await TokenizerInfo.createTokenizerInfo(pieces, 'byte_level', false, pieces.length, [
    tokenizer.special.eos[0],
  ]);
  return {
    name: 'xgrammar',
    compile: async (schema) => {
      const compiler = await GrammarCompiler.createGrammarCompiler(info, false);
      const compiled = await compiler.compileJSONSchema(JSON.stringify(schema), true);
      return async () => {
        const matcher = await GrammarMatcher.createGrammarMatcher(compiled);
        return {
          mask: async () => {
            await matcher.getNextTokenBitmask();
          },
          accept: (token: number) => {
            if (!matcher.acceptToken(token)) throw new Error(`xgrammar refuses token ${token}`);
          },
        };
      };
    },
  };
}

async function follow(follower: Follower, tokens: ArrayLike<number>): Promise<number[]> {
  const micros: number[] = [];
  for (const token of Array.from(tokens)) {
    const start = performance.now();
    const waiting = follower.mask();
    if (waiting instanceof Promise) await waiting;
    follower.accept(token);
    micros.push((performance.now() - start) * 1000);
  }
  return micros;
}

function figures(micros: readonly number[]): string {
  const sorted = [...micros].sort((a, b) => a - b);
  const at = (share: number) =>
    sorted[Math.min(sorted.length - 1, Math.floor(share * sorted.length))].toFixed(0);
  return `${at(0.5)},${at(0.99)},${at(1)}`;
}

const tokenizer = tokenizerFromJson({ tokenizerJson: JSON.parse(readFileSync(process.argv[2], 'utf8')) });
const start = performance.now();
const trie = tokenTrieOf(tokenizer);
console.error(
  `${tokenizer.vocabSize} tokens, ${trie.bytes.length} nodes, longest ${trie.maxDepth} bytes, ${(performance.now() - start).toFixed(0)} ms`,
);
console.log(
  'contender,case,tokens,compileMs,coldMedianUs,coldP99Us,coldMaxUs,warmMedianUs,warmP99Us,warmMaxUs,machine',
);
for (const contender of [ours(tokenizer), await theirs(tokenizer)]) {
  for (const { name, schema, text } of CASES) {
    const tokens = tokenizer.encode(text);
    const begin = performance.now();
    const open = await contender.compile(schema);
    const compileMs = performance.now() - begin;
    const cold = await follow(await open(), tokens);
    const warm: number[] = [];
    for (let round = 0; round < WARM_ROUNDS; round++) warm.push(...(await follow(await open(), tokens)));
    console.log(
      `${contender.name},"${name}",${tokens.length},${compileMs.toFixed(1)},${figures(cold)},${figures(warm)},${cpus()[0].model}`,
    );
  }
}
