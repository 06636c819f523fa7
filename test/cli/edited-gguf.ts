import { openGguf } from '../../src/format/gguf-shards.ts';
import type { GgufValue } from '../../src/format/gguf-values.ts';
import { writeGguf } from '../../src/format/gguf-writer.ts';
import type { StoredTensor } from '../../src/format/stored-tensor.ts';
import { TINY_LLAMACPP_GGUF } from '../fixtures/golden-dots1.ts';

export interface Edit {
  /** New values; undefined takes a key away. */
  readonly metadata?: Readonly<Record<string, GgufValue | undefined>>;
  /** May rename, reshape (the same number of elements) and leave out tensors. */
  readonly tensors?: (tensors: StoredTensor[]) => StoredTensor[];
}

/** Write a copy of the tiny model to `path`, with something in it changed. */
export async function editedGguf(path: string, edit: Edit): Promise<string> {
  const file = await openGguf(TINY_LLAMACPP_GGUF);
  const metadata = new Map(file.metadata);
  for (const [key, value] of Object.entries(edit.metadata ?? {})) {
    if (value) metadata.set(key, value);
    else metadata.delete(key);
  }
  const tensors = [...file.tensors.values()];
  await writeGguf(path, {
    metadata,
    tensors: edit.tensors ? edit.tensors(tensors) : tensors,
    bytes: async function* ({ source, offset, sizeBytes }) {
      yield await source.read(offset, sizeBytes);
    },
  });
  await file.close();
  return path;
}
