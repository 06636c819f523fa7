import { InternalError, UnsupportedError } from '../core/errors.ts';
import type { Architecture, ModelConfig } from './architecture.ts';
import { dots1 } from './dots1/dots1.ts';
import { llama } from './llama/llama.ts';
import { qwen3moe } from './qwen3moe/qwen3moe.ts';

/** Every architecture there is; the first is what a training run gets if it names none. */
export const architectures: readonly Architecture[] = [dots1, qwen3moe, llama];

/** The one whose `key` is `found`. Throws `UnsupportedError` that lists all of them. */
export function findArchitecture(
  found: unknown,
  key: (architecture: Architecture) => string,
  origin: string,
): Architecture {
  const architecture = architectures.find((known) => key(known) === found);
  if (architecture) return architecture;
  throw new UnsupportedError(`${origin} holds the architecture ${JSON.stringify(found ?? '(none)')}`, {
    code: 'wrong-architecture',
    hint: `dots.ts runs ${architectures.map((known) => `${known.title} ("${key(known)}")`).join(', ')}`,
  });
}

/** The one that made a configuration. */
export function architectureOf({ architecture }: ModelConfig): Architecture {
  const found = architectures.find(({ name }) => name === architecture);
  if (found) return found;
  throw new InternalError(`no architecture is called ${architecture}`);
}
