import { expect, it } from 'vitest';
import { defaultName } from '../../src/cli/serve.ts';

it.each([
  [undefined, 'mini'],
  ['mini', 'mini'],
  ['models/inst-Q4_K-00001-of-00002.gguf', 'inst-Q4_K'],
  ['C:\\models\\inst.GGUF', 'inst'],
  ['blobs/sha256-0123456789abcdef', 'name in file'],
  ['folder/', 'name in file'],
])('clients call %s "%s"', (model, name) => {
  expect(defaultName(model, 'name in file')).toBe(name);
});
