// Sets metadata of a GGUF file of one shard and keeps every tensor to the bit:
//   node scripts/gguf-metadata.mjs models/mini.gguf general.name=mini general.sampling.temp=0.5
// A key keeps the type it has in the file. New keys: whole numbers are i32, other numbers f32, everything else a string;
// temperature and the like are f32 also where they are whole, as llama.cpp wants them.
import { openGguf } from '../dist/format/gguf-shards.js';
import { writeGguf } from '../dist/format/gguf-writer.js';

const F32_KEYS = /^general\.sampling\.(temp|top_p|min_p|penalty_repeat)$/;

const [path, ...settings] = process.argv.slice(2);
if (!path || settings.length === 0 || !settings.every((setting) => /^[^=]+=/.test(setting))) {
  console.error('usage: node scripts/gguf-metadata.mjs FILE.gguf KEY=VALUE...');
  process.exit(2);
}
const file = await openGguf(path);
if (file.sources.length > 1) throw new Error(`${path} is one of ${file.sources.length} shards`);
const metadata = new Map(file.metadata);
for (const setting of settings) {
  const [, key, text] = /** @type {RegExpExecArray} */ (/^([^=]+)=(.*)$/s.exec(setting));
  metadata.set(key, ggufValue(key, text));
}
await writeGguf(path, {
  metadata,
  tensors: [...file.tensors.values()],
  bytes: async function* ({ source, offset, sizeBytes }) {
    yield await source.read(offset, sizeBytes);
  },
});

/**
 * @param {string} key
 * @param {string} text
 * @returns {import('../dist/format/gguf-values.js').GgufValue}
 */
function ggufValue(key, text) {
  const number = text.trim() === '' ? Number.NaN : Number(text);
  const newType = Number.isNaN(number) ? 'string' : F32_KEYS.test(key) || number % 1 !== 0 ? 'f32' : 'i32';
  const type = metadata.get(key)?.type ?? newType;
  switch (type) {
    case 'string':
      return { type, value: text };
    case 'array':
    case 'bool':
    case 'u64':
    case 'i64':
      throw new Error(`${key} is of type ${type}, which this script does not set`);
    default:
      if (Number.isNaN(number)) throw new Error(`${key} is of type ${type}, and ${text} is not a number`);
      return { type, value: number };
  }
}
