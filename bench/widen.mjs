/**
 * The same model with rows of a multiple of 256 numbers, so that a small trained one can be stored in the K and IQ types,
 * whose blocks are that long: what it lacks is zero, and norm weights shrink because their mean is over more numbers.
 *
 *   node bench/widen.mjs FOLDER OUT      (Hugging Face folders; FOLDER has one file of f32 weights)
 */
import { cpSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';

const BLOCK = 256;
const [from, to] = process.argv.slice(2);
if (!to) {
  process.stderr.write('error: two folders are needed\nhint:  node bench/widen.mjs FOLDER OUT\n');
  process.exit(2);
}
/** @param {number} size */
const widened = (size) => Math.ceil(size / BLOCK) * BLOCK;
cpSync(from, to, { recursive: true, filter: (path) => !path.endsWith('optimizer') });
const config = JSON.parse(readFileSync(join(from, 'config.json'), 'utf8'));
const { hidden_size: hidden, head_dim: headSize, num_attention_heads: numHeads } = config;
const width = numHeads * headSize;

/**
 * Rows and columns of a matrix as they shall be; the vocabulary and the list of experts stay.
 * @param {string} name
 * @param {number[]} shape
 */
function widenedShape(name, [rows, columns]) {
  const stays = /embed_tokens|lm_head|mlp\.gate\.weight/.test(name);
  return [stays ? rows : widened(rows), widened(columns)];
}

/**
 * @param {string} name
 * @param {number[]} shape
 * @param {Float32Array} values
 */
function widenedTensor(name, shape, values) {
  if (shape.length === 1) {
    if (/[qk]_norm|correction_bias/.test(name)) return { shape, values };
    const padded = new Float32Array(widened(hidden));
    const scale = Math.sqrt(hidden / padded.length);
    for (let i = 0; i < hidden; i++) padded[i] = values[i] * scale;
    return { shape: [padded.length], values: padded };
  }
  const [rows, columns] = widenedShape(name, shape);
  const padded = new Float32Array(rows * columns);
  for (let row = 0; row < shape[0]; row++)
    padded.set(values.subarray(row * shape[1], (row + 1) * shape[1]), row * columns);
  return { shape: [rows, columns], values: padded };
}

const file = readFileSync(join(from, 'model.safetensors'));
const headerBytes = Number(file.readBigUInt64LE(0));
/** @type {Record<string, Entry>} */
const header = JSON.parse(file.subarray(8, 8 + headerBytes).toString());
const parts = [];
/** @typedef {{ dtype: string, shape: number[], data_offsets: number[] }} Entry */
/** @type {Record<string, Entry>} */
const newHeader = {};
let offset = 0;
for (const [name, { dtype, shape, data_offsets: range }] of Object.entries(header)) {
  if (name === '__metadata__') continue;
  if (dtype !== 'F32') throw new Error(`${name} is ${dtype}, not F32`);
  const bytes = file.subarray(8 + headerBytes + range[0], 8 + headerBytes + range[1]);
  const values = new Float32Array(new Uint8Array(bytes).buffer);
  const tensor = widenedTensor(name, shape, values);
  const part = Buffer.from(tensor.values.buffer);
  newHeader[name] = { dtype, shape: tensor.shape, data_offsets: [offset, offset + part.length] };
  offset += part.length;
  parts.push(part);
}
const text = Buffer.from(JSON.stringify(newHeader));
const length = Buffer.alloc(8);
length.writeBigUInt64LE(BigInt(text.length));
writeFileSync(join(to, 'model.safetensors'), Buffer.concat([length, text, ...parts]));
const heads = {
  num_attention_heads: widened(width) / headSize,
  num_key_value_heads: widened(width) / headSize,
};
const sizes = {
  hidden_size: widened(hidden),
  intermediate_size: widened(config.intermediate_size),
  moe_intermediate_size: widened(config.moe_intermediate_size),
};
writeFileSync(join(to, 'config.json'), `${JSON.stringify({ ...config, ...heads, ...sizes }, null, 2)}\n`);
