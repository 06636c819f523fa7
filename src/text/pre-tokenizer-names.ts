/** How text is cut by the name that a GGUF file gives (`tokenizer.ggml.pre`). Source of names and meanings: llama.cpp. */
import { UnsupportedError } from '../core/errors.ts';
import { GPT2_PATTERN, isolate, LLAMA3_PATTERN, QWEN2_PATTERN, type SplitStep } from './split-step.ts';

export interface NamedPreTokenizer {
  /** The first is the one we write. */
  readonly names: readonly string[];
  readonly steps: readonly SplitStep[];
  /** A piece that is a token is taken as it is, without merging. */
  readonly ignoreMerges?: boolean;
  /** Whether texts begin with the start token where the file doesn't say. */
  readonly addBos?: boolean;
  /** What `tokenizer.json` of these models does to text first; GGUF has no key for it and its readers do nothing. */
  readonly normalizer?: 'nfc' | undefined;
}

const CJK = '4e00-9fa5 3040-309f 30a0-30ff';

// A letter run may end in the small half of a word: "camelCase" is two pieces, and so is "GPTs".
const CAPITALS = String.raw`[\p{Lu}\p{Lt}\p{Lm}\p{Lo}\p{M}]`;
const SMALL = String.raw`[\p{Ll}\p{Lm}\p{Lo}\p{M}]`;

function casePattern(number: string, contractions: string): string {
  const before = String.raw`[^\r\n\p{L}\p{N}]?`;
  return (
    `${before}${CAPITALS}*${SMALL}+${contractions}|${before}${CAPITALS}+${SMALL}*${contractions}|${number}` +
    String.raw`| ?[^\s\p{L}\p{N}]+[\r\n/]*|\s*[\r\n]+|\s+(?!\S)|\s+`
  );
}

const NAMED: readonly NamedPreTokenizer[] = [
  {
    names: ['qwen2', 'deepseek-r1-qwen', 'dots1', 'megrez', 'kormo', 'f2llmv2', 'hunyuan', 'solar-open'],
    steps: [isolate(QWEN2_PATTERN)],
    normalizer: 'nfc',
  },
  { names: ['stablelm2', 'grok-2'], steps: [isolate(QWEN2_PATTERN)] },
  {
    names: ['llama-bpe', 'llama3', 'llama-v3', 'falcon3', 'falcon-h1', 'pixtral', 'midm-2.0', 'lfm2'],
    steps: [isolate(LLAMA3_PATTERN)],
    ignoreMerges: true,
    addBos: true,
  },
  { names: ['dbrx', 'smaug-bpe', 'glm4', 'chatglm-bpe'], steps: [isolate(LLAMA3_PATTERN)] },
  {
    names: [
      'gpt-2',
      'gpt2',
      'phi-2',
      'mpt',
      'olmo',
      'jais',
      'gigachat',
      'a.x-4.0',
      'mellum',
      'exaone4',
    ].concat(['modern-bert', 'trillion', 'granite-docling']),
    steps: [isolate(GPT2_PATTERN)],
  },
  {
    names: ['smollm', 'starcoder', 'refact', 'command-r', 'codeshell', 'exaone', 'minerva-7b', 'mellum2'],
    steps: [isolate(String.raw`\p{N}`), isolate(GPT2_PATTERN)],
  },
  {
    names: ['default'],
    steps: [
      isolate(String.raw`[\p{P}\$\+<=>\^~\|]+`),
      isolate(GPT2_PATTERN),
      isolate(String.raw`\p{N}+`),
      isolate('[0-9][0-9][0-9]'),
    ],
  },
  {
    names: ['falcon'],
    steps: [isolate('[\\p{P}\\$\\+<=>\\^~\\|`]+'), isolate(GPT2_PATTERN), isolate('[0-9][0-9][0-9]')],
  },
  {
    names: ['qwen35'],
    steps: [
      isolate(
        String.raw`(?i:'s|'t|'re|'ve|'m|'ll|'d)|[^\r\n\p{L}\p{N}]?[\p{L}\p{M}]+|\p{N}` +
          String.raw`| ?[^\s\p{L}\p{M}\p{N}]+[\r\n]*|\s*[\r\n]+|\s+(?!\S)|\s+`,
      ),
    ],
    normalizer: 'nfc',
  },
  {
    names: ['gpt-4o', 'llama4', 'kanana2', 'minimax-m2'],
    steps: [isolate(casePattern(String.raw`\p{N}{1,3}`, "(?i:'s|'t|'re|'ve|'m|'ll|'d)?"))],
  },
  {
    names: ['tekken'],
    steps: [isolate(casePattern(String.raw`\p{N}`, ''))],
    ignoreMerges: true,
    addBos: true,
  },
  {
    names: ['deepseek-llm'],
    steps: [
      isolate(String.raw`[\r\n]`),
      isolate(
        `\\s?${classOf(
          '41-5a 61-7a b5 c0-d6 d8-f6 f8-1ba 1bc-1bf 1c4-293 295-2af 370-373 376-377 37b-37d 37f 386 388-38a 38c ' +
            '38e-3a1 3a3-3f5 3f7-481 48a-52f 531-556 10a0-10c5 13a0-13f5 13f8-13fd 1c90-1cba 1cbd-1cbf 1d00-1d2b ' +
            '1d6b-1d77 1d79-1d9a 1e00-1f15 1f18-1f1d 1f20-1f45 1f48-1f4d 1f50-1f57 1f59 1f5b 1f5d 1f5f-1f7d ' +
            '1f80-1fb4 1fb6-1fbc 1fbe 1fc2-1fc4 1fc6-1fcc 1fd0-1fd3 1fd6-1fdb 1fe0-1fec 1ff2-1ff4 1ff6-1ffc 2102 ' +
            '2107 210a-2113 2115 2119-211d 2124 2126 2128 212a-212d 212f-2134 2139 213c-213f 2145-2149 214e ' +
            '2183-2184 2c00-2c7b 2c7e-2ce4 2ceb-2cee 2cf2-2cf3 a640-a66d a680-a69b a722-a76f a771-a787 a78b-a78e ' +
            'ab70-abbf fb00-fb06 fb13-fb17 ff21-ff3a ff41-ff5a 10400-1044f 104b0-104d3 104d8-104fb 10c80-10cb2 ' +
            '10cc0-10cf2 118a0-118df 1e900-1e943',
        )}+`,
      ),
      isolate(`\\s?${classOf('21-2f 3a-7e ff01-ff0f ff1a-ff5e 2018-201f 3000-3002')}+`),
      isolate(String.raw`\s+$`),
      isolate(`${classOf('4e00-9fa5 800-4e00 ac00-d7ff')}+`),
      isolate(String.raw`\p{N}+`),
    ],
  },
  {
    names: ['deepseek-coder'],
    steps: [
      isolate(String.raw`[\r\n]`),
      isolate(String.raw`\s?\p{L}+`),
      isolate(String.raw`\s?\p{P}+`),
      isolate(`${classOf('4e00-9fa5 800-4e00 ac00-d7ff')}+`),
      isolate(String.raw`\p{N}`),
    ],
  },
  {
    names: ['deepseek-v3', 'hunyuan-dense', 'joyai-llm'],
    steps: [
      isolate(String.raw`\p{N}{1,3}`),
      isolate(`${classOf(CJK)}+`),
      isolate(
        `${classOf('21-2f 3a-40 5b-60 7b-7e')}[A-Za-z]+` +
          String.raw`|[^\r\n\p{L}\p{P}\p{S}]?[\p{L}\p{M}]+| ?[\p{P}\p{S}]+[\r\n]*|\s*[\r\n]+|\s+(?!\S)|\s+`,
      ),
    ],
  },
];

/** A class of characters from ranges of hexadecimal code points. */
function classOf(ranges: string): string {
  const char = (hex: string): string => {
    const text = String.fromCodePoint(Number.parseInt(hex, 16));
    return /[\\\]^[&-]/.test(text) ? `\\${text}` : text;
  };
  return `[${ranges
    .split(' ')
    .map((range) => range.split('-').map(char).join('-'))
    .join('')}]`;
}

/** By its name in GGUF. Throws `UnsupportedError` for a name that is not in the table: a guess would change the ids. */
export function preTokenizerByName(name: string): NamedPreTokenizer {
  const found = NAMED.find(({ names }) => names.includes(name));
  if (found) return found;
  throw new UnsupportedError(
    `Cannot cut text as this model's tokenizer does: the pre-tokenizer "${name}" is not known`,
    {
      code: 'unsupported-pre-tokenizer',
      hint: 'use the Hugging Face folder of the model: its tokenizer.json spells out what GGUF only names',
    },
  );
}

/** The name in GGUF of these steps, and of this normaliser if there is a choice; undefined if they have none. */
export function preTokenizerName(
  steps: readonly SplitStep[],
  ignoreMerges: boolean,
  normalizer: NamedPreTokenizer['normalizer'],
): string | undefined {
  const wanted = JSON.stringify(steps);
  const same = NAMED.filter(
    (named) => JSON.stringify(named.steps) === wanted && (named.ignoreMerges ?? false) === ignoreMerges,
  );
  return (same.find((named) => named.normalizer === normalizer) ?? same[0])?.names[0];
}
