import { mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { BYTES_IN_TOKEN_ORDER, spellBytes } from '../../src/text/byte-alphabet.ts';
import { QWEN2 } from '../../src/text/pre-tokenizer.ts';
import { byteLevelJson, preTokenizerToJson } from '../../src/text/pre-tokenizer-json.ts';
import { goldenDots1, goldenDots1Names } from '../fixtures/golden-dots1.ts';
import { goldenRelative, goldenRelativeNames, RELATIVES } from '../fixtures/golden-relatives.ts';
import type { HfShapeConfig, NamedTensor } from '../fixtures/random-dots1.ts';
import type { RelativeConfig } from '../fixtures/random-relatives.ts';
import { randomWeights, writeWeights } from './models.ts';

export interface LlamaCppModel {
  readonly config: (HfShapeConfig | RelativeConfig) & Readonly<Record<string, unknown>>;
  readonly weights: ReadonlyMap<string, NamedTensor>;
  readonly tokens: readonly number[];
}

/** What llama.cpp limits, at the limit and beyond, as changes of the recorded model `<architecture>/plain`. */
const VARIANTS: Readonly<Record<string, Readonly<Record<string, unknown>>>> = {
  'dots1/grouped-heads': { num_key_value_heads: 2 },
  'dots1/no-shared-expert': { n_shared_experts: 0 },
  'dots1/no-shared-expert-all-dense': { n_shared_experts: 0, first_k_dense_replace: 3 },
  'dots1/all-groups-kept': { n_group: 4, topk_group: 4 },
  'dots1/groups-of-one': { n_group: 8, topk_group: 4 },
  'dots1/1024-experts': { n_routed_experts: 1024, moe_intermediate_size: 8 },
  'dots1/1025-experts': { n_routed_experts: 1025, moe_intermediate_size: 8 },
  'qwen3moe/tied': { tie_word_embeddings: true },
  'qwen3moe/one-expert': { num_experts: 1, num_experts_per_tok: 1, norm_topk_prob: false },
  'qwen3moe/all-experts-raw': { num_experts_per_tok: 8, norm_topk_prob: false },
  'qwen3moe/1025-experts': { num_experts: 1025, moe_intermediate_size: 8 },
  'llama/512-layers': { num_hidden_layers: 512, hidden_size: 16, intermediate_size: 16 },
  'llama/513-layers': { num_hidden_layers: 513, hidden_size: 16, intermediate_size: 16 },
};

/** Names of all models that llama.cpp was given: those recorded from transformers, and the variants. */
export function llamaCppModelNames(): string[] {
  return [
    ...goldenDots1Names().map((name) => `dots1/${name}`),
    ...RELATIVES.flatMap((architecture) =>
      goldenRelativeNames(architecture).map((name) => `${architecture}/${name}`),
    ),
    ...Object.keys(VARIANTS),
  ];
}

export function llamaCppModel(fullName: string): LlamaCppModel {
  const [architecture, name] = fullName.split('/');
  const golden = (id: string) =>
    architecture === 'dots1' ? goldenDots1(id) : goldenRelative(architecture, id);
  if (!(fullName in VARIANTS)) return golden(name);
  const plain = golden('plain');
  const config = { ...plain.config, ...VARIANTS[fullName] };
  return { config, weights: randomWeights(config, 3), tokens: plain.tokens.slice(0, 64) };
}

/** A Hugging Face folder in `parent`, with a tokenizer of the 256 bytes, because peers insist on one. */
export async function writeLlamaCppFolder(parent: string, fullName: string): Promise<string> {
  const folder = join(parent, fullName.replace('/', '-'));
  await writeFolderWithBytes(folder, llamaCppModel(fullName));
  return folder;
}

/** A Hugging Face folder of this name, as `writeLlamaCppFolder` makes one. */
export async function writeFolderWithBytes(
  folder: string,
  { config, weights }: Pick<LlamaCppModel, 'config' | 'weights'>,
): Promise<void> {
  mkdirSync(folder);
  writeFileSync(join(folder, 'config.json'), JSON.stringify(config));
  writeFileSync(join(folder, 'tokenizer.json'), JSON.stringify(byteTokenizer()));
  await writeWeights(folder, weights);
}

function byteTokenizer() {
  return {
    version: '1.0',
    added_tokens: [],
    normalizer: { type: 'NFC' },
    pre_tokenizer: preTokenizerToJson(QWEN2.steps),
    post_processor: byteLevelJson(),
    decoder: byteLevelJson(),
    model: {
      type: 'BPE',
      vocab: Object.fromEntries([...spellBytes(BYTES_IN_TOKEN_ORDER)].map((text, id) => [text, id])),
      merges: [],
    },
  };
}
