import type { Backend } from '../../src/backend/backend.ts';
import { openNativeBackend } from '../../src/backend/native/native-backend.ts';

/** A backend that is compared with the reference, or why it is not. */
export type Candidate =
  | { readonly name: string; readonly backend: Backend }
  | { readonly name: string; readonly backend: undefined; readonly why: string };

export function candidates(): Candidate[] {
  return [{ name: 'native', ...openNativeBackend({ threads: 2 }) }];
}

/** Ops that a backend has no kernel for, and why it needs none. Whatever is not listed here must be there and agree. */
export const skipped: Readonly<Record<string, Readonly<Record<string, string>>>> = {
  native: {
    after: 'an alias needs no kernel',
    reshape: 'an alias needs no kernel',
  },
};

/** Why an op is not run on a backend; undefined where it must be. */
export function reasonToSkip(candidate: Candidate, op: string): string | undefined {
  return candidate.backend === undefined ? candidate.why : skipped[candidate.name][op];
}
