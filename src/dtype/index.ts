import { FormatError, UnsupportedError } from '../core/errors.ts';
import { bf16 } from './bf16.ts';
import { f8_e4m3, f8_e5m2 } from './f8.ts';
import { f16 } from './f16.ts';
import { f32 } from './f32.ts';
import { f64 } from './f64.ts';
import { i8, i16, i32, i64 } from './integers.ts';
import { iq1_m } from './iq1-m.ts';
import { iq1_s } from './iq1-s.ts';
import { iq2_s } from './iq2-s.ts';
import { iq2_xs } from './iq2-xs.ts';
import { iq2_xxs } from './iq2-xxs.ts';
import { iq3_s } from './iq3-s.ts';
import { iq3_xxs } from './iq3-xxs.ts';
import { iq4_nl } from './iq4-nl.ts';
import { iq4_xs } from './iq4-xs.ts';
import { mxfp4 } from './mxfp4.ts';
import { nvfp4 } from './nvfp4.ts';
import { q1_0 } from './q1-0.ts';
import { q2_k } from './q2-k.ts';
import { q3_k } from './q3-k.ts';
import { q4_0 } from './q4-0.ts';
import { q4_1 } from './q4-1.ts';
import { q4_k } from './q4-k.ts';
import { q5_0 } from './q5-0.ts';
import { q5_1 } from './q5-1.ts';
import { q5_k } from './q5-k.ts';
import { q6_k } from './q6-k.ts';
import { q8_0 } from './q8-0.ts';
import type { StorageType } from './storage-type.ts';
import { tq1_0 } from './tq1-0.ts';
import { tq2_0 } from './tq2-0.ts';

export { type StorageType, storageBytes } from './storage-type.ts';
export { bf16, f16, f32, q4_0, q4_1, q5_0, q5_1, q8_0 };

/** Every storage type, floats first, then by bits a weight. Types without a ggml id have a negative one. */
export const storageTypes: readonly StorageType[] = [
  ...[f32, f16, bf16, f64, f8_e4m3, f8_e5m2],
  ...[i8, i16, i32, i64],
  ...[q8_0, q6_k, q5_1, q5_0, q5_k, q4_1, q4_0, q4_k, q3_k, q2_k, q1_0],
  ...[iq4_nl, iq4_xs, iq3_s, iq3_xxs, iq2_s, iq2_xs, iq2_xxs, iq1_m, iq1_s],
  ...[nvfp4, mxfp4, tq2_0, tq1_0],
];

const byName = new Map(storageTypes.map((type) => [type.name, type]));
const byId = new Map(storageTypes.filter((type) => type.id >= 0).map((type) => [type.id, type]));

/** The type of a name, in any case: `Q4_K`. Throws `UnsupportedError` (`unknown-storage-type`). */
export function storageTypeByName(name: string): StorageType {
  const type = byName.get(name.toLowerCase());
  if (type !== undefined) return type;
  const likely = nearestName(name);
  const suggestion = likely === undefined ? '' : `did you mean "${likely}"? `;
  throw new UnsupportedError(`Cannot find a storage type called "${name}"`, {
    code: 'unknown-storage-type',
    hint: `${suggestion}known types: ${storageTypes.map((known) => known.name).join(', ')}`,
  });
}

// The two usual slips: other punctuation ("q4k", "IQ2-XXS"), and the name of a whole file's mix ("q4_k_m", "q3_k_l").
function nearestName(name: string): string | undefined {
  const letters = lettersOf(name);
  const matches = storageTypes
    .map((type) => type.name)
    .filter((known) => letters.startsWith(lettersOf(known)));
  return matches.sort((a, b) => b.length - a.length)[0];
}

function lettersOf(name: string): string {
  return name.toLowerCase().replaceAll(/[^a-z0-9]/g, '');
}

/**
 * The type of a ggml type id. Throws `FormatError` for every other number, so that a reader given damaged bytes fails
 * in one way; the message distinguishes ids with a meaning elsewhere from ids without one.
 */
export function storageTypeById(id: number): StorageType {
  const type = byId.get(id);
  if (type !== undefined) return type;
  const { code, found, hint } = explainId(id);
  throw new FormatError(`Cannot read storage type ${id}: ${found}`, {
    code,
    hint,
    expected: 'the id of a storage type',
    found: `${id}`,
  });
}

// Layouts that ggml had and gave up; their ids were never used again.
const removedTypes = new Map([
  [4, 'Q4_2'],
  [5, 'Q4_3'],
  [31, 'Q4_0_4_4'],
  [32, 'Q4_0_4_8'],
  [33, 'Q4_0_8_8'],
  [36, 'IQ4_NL_4_4'],
  [37, 'IQ4_NL_4_8'],
  [38, 'IQ4_NL_8_8'],
]);

// Layouts of activations while a program runs.
const runTimeTypes = new Map([
  [9, 'Q8_1'],
  [15, 'Q8_K'],
]);

function explainId(id: number): { code: string; found: string; hint: string } {
  const removed = removedTypes.get(id);
  if (removed !== undefined) {
    return {
      code: 'removed-storage-type',
      found: `it was ${removed}, which ggml has removed`,
      hint: 'quantise the model again from its original weights, or download a newer file',
    };
  }
  const runTime = runTimeTypes.get(id);
  if (runTime !== undefined) {
    return {
      code: 'run-time-storage-type',
      found: `it is ${runTime}, which holds activations at run time and no weights`,
      hint: 'the file is damaged, or the program that wrote it has a bug; compare its size with the model page',
    };
  }
  // ik_llama.cpp numbers its own types from 97 up: IQ2_K is 137, the row-interleaved _R4 variants start at 200.
  if (Number.isInteger(id) && id >= 97 && id < 512) {
    return {
      code: 'foreign-storage-type',
      found: 'ids from 97 up belong to ik_llama.cpp',
      hint: 'use a file made for llama.cpp, or convert this one with ik_llama.cpp',
    };
  }
  return {
    code: 'unknown-storage-type',
    found: 'no type has this id',
    hint: 'the file is damaged, or newer than this version of dots.ts',
  };
}
