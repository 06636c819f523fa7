import { mkdirSync, writeFileSync } from 'node:fs';
import { f32 } from '../../src/dtype/index.ts';
import { type Engine, openEngine } from '../../src/engine/open.ts';
import { score } from '../../src/engine/score.ts';
import { createFileFolder } from '../../src/format/file-source.ts';
import { openGguf } from '../../src/format/gguf-shards.ts';
import { openHfFolder } from '../../src/format/hf-folder.ts';
import { writeSafetensors } from '../../src/format/safetensors-writer.ts';
import type { StoredTensor } from '../../src/format/stored-tensor.ts';
import { type HfShapeConfig, type NamedTensor, randomDots1Weights } from '../fixtures/random-dots1.ts';
import { type RelativeConfig, randomRelativeWeights } from '../fixtures/random-relatives.ts';

type Config = (HfShapeConfig | RelativeConfig) & Readonly<Record<string, unknown>>;

/** Random weights of either kind of configuration. */
export function randomWeights(config: Config, seed: number): Map<string, NamedTensor> {
  return 'n_routed_experts' in config
    ? randomDots1Weights(config as HfShapeConfig, seed)
    : randomRelativeWeights(config as RelativeConfig, seed);
}

/** A Hugging Face folder without tokenizer: random weights in f32. `edit` may change or take away tensors. */
export async function writeHfFolder(
  path: string,
  config: Config,
  edit: (weights: Map<string, NamedTensor>) => void = () => {},
): Promise<string> {
  mkdirSync(path);
  writeFileSync(`${path}/config.json`, JSON.stringify(config));
  const weights = randomWeights(config, 3);
  edit(weights);
  await writeWeights(path, weights);
  return path;
}

/** `model.safetensors` in f32. */
export async function writeWeights(path: string, weights: ReadonlyMap<string, NamedTensor>): Promise<void> {
  await writeSafetensors(await createFileFolder(path), {
    tensors: [...weights].map(([name, { shape, data }]) => ({ name, type: f32, shape, data })),
    bytes: ({ data }) => [new Uint8Array(data.buffer, data.byteOffset, data.byteLength)],
  });
}

/** Logits of every position, with an exact cache. */
export async function logitsOf(
  path: string,
  tokens: readonly number[],
  backend: 'reference' | 'native' = 'reference',
): Promise<Float32Array[]> {
  const engine: Engine = await openEngine(path, { backend, kvType: 'f32' });
  const rows: Float32Array[] = [];
  for await (const { logits_V } of score(engine, tokens, 0)) rows.push(logits_V.slice());
  await engine.close();
  return rows;
}

/** Everything in the weight files of a model: name -> type, shape and bytes. */
export async function tensorsOf(
  path: string,
): Promise<Map<string, { type: string; shape: readonly number[]; bytes: string }>> {
  const file = path.endsWith('.gguf') ? await openGguf(path) : await openHfFolder(path);
  const tensors = new Map<string, { type: string; shape: readonly number[]; bytes: string }>();
  for (const [name, tensor] of file.tensors)
    tensors.set(name, { type: tensor.type.name, shape: tensor.shape, bytes: await bytesOf(tensor) });
  await file.close();
  return tensors;
}

async function bytesOf({ source, offset, sizeBytes }: StoredTensor): Promise<string> {
  return Buffer.from(await source.read(offset, sizeBytes)).toString('base64');
}
