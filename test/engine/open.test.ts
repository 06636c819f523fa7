import { afterEach, describe, expect, it, vi } from 'vitest';
import { referenceBackend } from '../../src/backend/reference/reference-backend.ts';
import { type OpenOptions, openEngine } from '../../src/engine/open.ts';
import { countingBackend } from '../fixtures/counting-backend.ts';
import { TINY_LLAMACPP_GGUF } from '../fixtures/golden-dots1.ts';

afterEach(() => vi.restoreAllMocks());

describe('openEngine()', () => {
  it('closes its executable when a step after loading throws', async () => {
    const counting = countingBackend({ ...referenceBackend });
    vi.spyOn(referenceBackend, 'load').mockImplementation(counting.backend.load);
    // The limit of a step is read when the executable is there already.
    const options: OpenOptions = {
      backend: 'reference',
      get maxStepTokens(): number {
        expect(counting.open.executables).toBe(1);
        throw new Error('a later step');
      },
    };
    await expect(openEngine(TINY_LLAMACPP_GGUF, options)).rejects.toThrow('a later step');
    expect(counting.open.executables).toBe(0);
    const engine = await openEngine(TINY_LLAMACPP_GGUF, { backend: 'reference' });
    expect(counting.open.executables).toBe(1);
    await engine.close();
    expect(counting.open.executables).toBe(0);
  });
});
