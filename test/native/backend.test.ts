import { describe, expect, it } from 'vitest';
import { referenceBackend } from '../../src/backend/reference/reference-backend.ts';
import { nativeBackend, nativeIsas, whyNoNative } from './stored-models.ts';

describe.skipIf(whyNoNative)(`kernelId ${whyNoNative ?? ''}`, () => {
  it('differs where the kernels do, and not with the number of threads', () => {
    const ids = [referenceBackend, ...nativeIsas().map((isa) => nativeBackend({ isa }))].map(
      ({ kernelId }) => kernelId,
    );
    expect(new Set(ids).size).toBe(1 + nativeIsas().length);
    expect(nativeBackend({ threads: 1 }).kernelId).toBe(nativeBackend({ threads: 3 }).kernelId);
  });
});
