import type { Backend, LoadOptions } from '../../src/backend/backend.ts';
import { loadAddon } from '../../src/backend/native/addon.ts';
import { openNativeBackend } from '../../src/backend/native/native-backend.ts';
import { Random } from '../../src/core/random.ts';
import { storageTypeByName, storageTypes } from '../../src/dtype/index.ts';
import { type StorageType, storageBytes } from '../../src/dtype/storage-type.ts';
import type { StoredWeight } from '../../src/graph/stored-weight.ts';
import type { ModelConfig } from '../../src/model/architecture.ts';
import { configFromHf } from '../../src/model/config-hf.ts';
import { weightSpecs } from '../../src/model/weights.ts';
import { randomTensor } from '../fixtures/random-dots1.ts';

const found = loadAddon();

/** Why tests of the native backend do not run on this machine; undefined where they do. */
export const whyNoNative = found.addon ? undefined : `no native backend: ${found.why}`;

export function nativeBackend(options: { threads?: number; isa?: string } = {}): Backend {
  const { backend } = openNativeBackend({ threads: 2, ...options });
  if (!backend) throw new Error(whyNoNative);
  return backend;
}

/** The instruction sets that this machine runs, the best one last. */
export const nativeIsas = (): string[] => found.addon?.isas() ?? [];

/** Storage types with native kernels. */
export const nativeTypes: readonly StorageType[] = storageTypes.filter(
  (type) => found.addon !== undefined && type.id >= 0 && found.addon.activationKind(type.id) >= 0,
);

/** Every feature of the architecture at the least width that all storage types can have: rows of 256. */
export const WIDE_CONFIG: ModelConfig = configFromHf({
  model_type: 'dots1',
  vocab_size: 96,
  hidden_size: 256,
  num_hidden_layers: 2,
  num_attention_heads: 4,
  num_key_value_heads: 2,
  head_dim: 64,
  intermediate_size: 256,
  moe_intermediate_size: 256,
  n_routed_experts: 4,
  n_shared_experts: 1,
  num_experts_per_tok: 2,
  first_k_dense_replace: 1,
  n_group: 1,
  topk_group: 1,
  norm_topk_prob: true,
  routed_scaling_factor: 2.5,
  rms_norm_eps: 1e-5,
  rope_theta: 1e7,
  max_position_embeddings: 256,
  tie_word_embeddings: false,
});

/** Random weights with all matrices in one storage type. Norms and the router are f32, as in every file. */
export function weightsOfType(
  config: ModelConfig,
  type: StorageType,
  seed: number,
): Map<string, StoredWeight> {
  const f32 = storageTypeByName('f32');
  return new Map(
    weightSpecs(config).map((spec) => {
      const isMatrix = spec.shape.length > 1 && !spec.isRouter;
      const stored = isMatrix ? type : f32;
      const std = spec.shape.length > 1 ? 1 / Math.sqrt(spec.shape.at(-1) as number) : 0.1;
      // The generator centres what is called a norm on one.
      const values = randomTensor(
        spec.isNorm ? `${spec.name}.norm.weight` : spec.name,
        spec.shape,
        std,
        seed,
      );
      const bytes = stored.encodeRow ? encode(stored, values) : randomCodes(stored, values.length, std, seed);
      const parts = [{ sizeBytes: bytes.length, read: async () => bytes }];
      return [spec.name, { name: spec.name, type: stored, shape: spec.shape, parts }];
    }),
  );
}

function encode(type: StorageType, values: Float32Array): Uint8Array {
  const bytes = new Uint8Array(storageBytes(type, values.length));
  type.encodeRow?.(values, 0, bytes, 0, values.length);
  return bytes;
}

/** Where a block keeps its f16 scale and its f16 minimum, and the minimum that centres random codes. */
const SCALES: Readonly<Record<string, { at: number; minimumAt?: number; centre?: number }>> = {
  q2_k: { at: 80, minimumAt: 82, centre: 1.5 },
  q3_k: { at: 108 },
  q4_k: { at: 0, minimumAt: 2, centre: 7.5 },
  q5_k: { at: 0, minimumAt: 2, centre: 15.5 },
  q6_k: { at: 208 },
  tq1_0: { at: 52 },
  tq2_0: { at: 64 },
};

/** Blocks of random codes whose values have the given standard deviation. */
function randomCodes(type: StorageType, count: number, std: number, seed: number): Uint8Array {
  const random = new Random(seed + type.id);
  const bytes = Uint8Array.from({ length: storageBytes(type, count) }, () => random.below(256));
  // Ternary types have no fourth code.
  if (type.name === 'tq2_0') {
    for (const [i, byte] of bytes.entries()) bytes[i] = byte ^ ((byte & (byte >> 1) & 0x55) << 1);
  }
  setScales(type, bytes, 1);
  const sample = new Float32Array(Math.min(count, 64 * type.blockElements));
  type.decode(bytes, 0, sample, 0, sample.length);
  const rootMeanSquare = Math.sqrt(sample.reduce((sum, x) => sum + x * x, 0) / sample.length);
  setScales(type, bytes, std / rootMeanSquare);
  return bytes;
}

function setScales(type: StorageType, bytes: Uint8Array, scale: number): void {
  const f16 = storageTypeByName('f16');
  const half = encode(f16, Float32Array.of(scale));
  const { at, minimumAt, centre } = SCALES[type.name] ?? { at: 0 };
  for (let begin = 0; begin < bytes.length; begin += type.blockBytes) {
    const block = bytes.subarray(begin, begin + type.blockBytes);
    if (type.name === 'mxfp4') {
      block[0] = 127 + Math.round(Math.log2(scale)) - (begin % 3); // a power of two
    } else if (type.name === 'nvfp4') {
      for (let i = 0; i < 4; i++)
        block[i] = Math.max(0, 7 + Math.round(Math.log2(scale))) * 8 + (block[i] & 7);
    } else if (type.name === 'iq1_m') {
      for (let i = 0; i < 4; i++) {
        const nibble = (half[i >> 1] >> (4 * (i & 1))) & 15;
        block[49 + 2 * i] = (block[49 + 2 * i] & 15) | (nibble << 4);
      }
    } else {
      block.set(half, at);
      if (minimumAt !== undefined)
        block.set(encode(f16, Float32Array.of(scale * (centre as number))), minimumAt);
    }
  }
}

/** Options for an executable that holds `numPages` pages of an f16 KV cache. */
export function loadOptions(numPages: number, stateType = 'f16'): LoadOptions {
  return { stateBindings: { P: numPages }, stateType: storageTypeByName(stateType) };
}
