import { randomBytes, randomInt } from 'node:crypto';

/** `chatcmpl-` and 24 characters, unique for all practical purposes. */
export function uniqueId(prefix: string): string {
  return prefix + randomBytes(18).toString('base64url');
}

/** A seed for a request that gives none; small enough for every JSON reader. */
export function randomSeed(): number {
  return randomInt(2 ** 47);
}
