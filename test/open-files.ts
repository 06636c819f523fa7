// Runs with every test file: whatever file it opened has to be closed at its end. Node only warns about a forgotten one,
// whenever it collects it ("Closing a FileHandle object on garbage collection").
import fs, { type FileHandle } from 'node:fs/promises';
import { syncBuiltinESMExports } from 'node:module';
import { afterAll, expect } from 'vitest';

/** Where each open file was opened. */
const opened = new Map<FileHandle, Error>();
const { open } = fs;

fs.open = async (path, ...options) => {
  const opener = new Error(`${path} was opened in "${expect.getState().currentTestName}" and never closed`);
  const file = await open(path, ...options);
  const { close } = file;
  opened.set(file, opener);
  file.close = () => {
    opened.delete(file);
    return close.call(file);
  };
  return file;
};
// Makes it what "import … from 'node:fs/promises'" gives.
syncBuiltinESMExports();

// Hooks run last to first, so this one after those of the file.
afterAll(() => {
  const [error] = opened.values();
  if (error) throw error;
});
