/** Writes a Hugging Face checkpoint: `model.safetensors`, or shards with their index. */
import { UnsupportedError, UsageError } from '../core/errors.ts';
import { formatCount } from '../core/units.ts';
import type { SinkFolder } from './byte-sink.ts';
import { SAFETENSORS_DTYPES } from './safetensors.ts';
import {
  divideIntoShards,
  type FilePlan,
  shardName,
  type TensorBytes,
  type TensorToWrite,
  tensorBytes,
  type WriteOptions,
  type WrittenFiles,
  writeFiles,
} from './write-tensors.ts';

export interface SafetensorsContent<T extends TensorToWrite> {
  /** `__metadata__` of every file; `{ format: 'pt' }` if absent, without which transformers refuses to load. */
  readonly metadata?: Readonly<Record<string, string>>;
  readonly tensors: readonly T[];
  readonly bytes: TensorBytes<T>;
}

export interface SafetensorsWriteOptions extends WriteOptions {
  /** 5 GB if absent, as transformers does. */
  readonly maxShardBytes?: number | undefined;
}

const DTYPE_OF = new Map([...SAFETENSORS_DTYPES].map(([dtype, typeName]) => [typeName, dtype]));
const DEFAULT_SHARD_BYTES = 5_000_000_000;

/**
 * Write tensors into a folder, streaming: `model.safetensors`, or `model-0000i-of-0000N.safetensors` with
 * `model.safetensors.index.json` when they exceed one shard. All files appear, or none. Throws `UnsupportedError` for
 * quantised types.
 */
export async function writeSafetensors<T extends TensorToWrite>(
  folder: SinkFolder,
  content: SafetensorsContent<T>,
  options: SafetensorsWriteOptions = {},
): Promise<WrittenFiles> {
  const { maxShardBytes = DEFAULT_SHARD_BYTES } = options;
  checkTensors(content.tensors);
  const shards = divideIntoShards(content.tensors, { maxShardBytes });
  const metadata = content.metadata ?? { format: 'pt' };
  const plans = shards.map((shard, i): FilePlan<T> => {
    const name =
      shards.length === 1 ? 'model.safetensors' : shardName('model', i, shards.length, 'safetensors');
    const tensors = inFileOrder(shard);
    return { name, header: encodeHeader(tensors, metadata), tensors, alignment: 1 };
  });
  if (plans.length > 1) plans.unshift(planIndex(plans));
  return await writeFiles(plans, folder.create, content.bytes, options);
}

/** Wide types first, as the reference writer does: then every tensor is aligned to its element. */
function inFileOrder<T extends TensorToWrite>(tensors: readonly T[]): T[] {
  return tensors.toSorted((a, b) => b.type.blockBytes - a.type.blockBytes);
}

function encodeHeader(
  tensors: readonly TensorToWrite[],
  metadata: Readonly<Record<string, string>>,
): Uint8Array {
  const entries: [string, unknown][] = [['__metadata__', metadata]];
  let offset = 0;
  for (const tensor of tensors) {
    const end = offset + tensorBytes(tensor);
    const dtype = DTYPE_OF.get(tensor.type.name);
    entries.push([tensor.name, { dtype, shape: tensor.shape, data_offsets: [offset, end] }]);
    offset = end;
  }
  const json = new TextEncoder().encode(JSON.stringify(Object.fromEntries(entries)));
  const length = Math.ceil(json.length / 8) * 8;
  const header = new Uint8Array(8 + length).fill(0x20);
  new DataView(header.buffer).setBigUint64(0, BigInt(length), true);
  header.set(json, 8);
  return header;
}

function planIndex<T extends TensorToWrite>(plans: readonly FilePlan<T>[]): FilePlan<T> {
  const tensors = plans.flatMap((plan) => plan.tensors.map((tensor) => ({ tensor, file: plan.name })));
  const index = {
    metadata: { total_size: tensors.reduce((sum, { tensor }) => sum + tensorBytes(tensor), 0) },
    weight_map: Object.fromEntries(tensors.map(({ tensor, file }) => [tensor.name, file])),
  };
  const header = new TextEncoder().encode(`${JSON.stringify(index, null, 2)}\n`);
  return { name: 'model.safetensors.index.json', header, tensors: [], alignment: 1 };
}

function checkTensors(tensors: readonly TensorToWrite[]): void {
  const names = new Set<string>();
  for (const { name, type } of tensors) {
    if (names.has(name) || name === '__metadata__') {
      throw new UsageError(
        `Cannot write tensor "${name}" among ${formatCount(tensors.length)}: the name is taken`,
        {
          code: 'tensor-name',
          hint: 'give each tensor a name of its own',
        },
      );
    }
    names.add(name);
    if (DTYPE_OF.has(type.name)) continue;
    throw new UnsupportedError(`Cannot write tensor "${name}": safetensors has no ${type.name}`, {
      code: 'unsupported-dtype',
      hint: 'decode it to bf16 or f32',
    });
  }
}
