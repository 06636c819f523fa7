// Decodes the files of `record_files.py --model F32.gguf --out FOLDER` and compares every tensor with what ggml's to_float
// makes of it.
//
//   node check-files.ts FOLDER     (Node 22.18 or later, which runs TypeScript)
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { openFileSource } from '../../../src/format/file-source.ts';
import { decodedHashes, type RecordedFiles } from '../../quantize/llama-cpp-files.ts';

const [folder] = process.argv.slice(2);
const { files }: RecordedFiles = JSON.parse(readFileSync(join(folder, 'files.json'), 'utf8'));
for (const [name, { refused, tensors }] of Object.entries(files)) {
  if (refused !== undefined) {
    process.stdout.write(`${name}: not written: ${refused}\n`);
    continue;
  }
  const source = await openFileSource(join(folder, `${name}.gguf`));
  const ours = await decodedHashes(source);
  await source.close();
  const different = Object.keys(tensors).filter((tensor) => ours[tensor] !== tensors[tensor]);
  const count = Object.keys(tensors).length;
  if (different.length > 0) process.exitCode = 1;
  process.stdout.write(
    `${name}: ${[`${count - different.length} of ${count} tensors are the same`, ...different].join(' ')}\n`,
  );
}
