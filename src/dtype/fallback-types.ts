/**
 * What a tensor is stored as where the blocks of a type do not divide its rows: in dots.llm1 the rows of 1,408 and 10,944 of
 * all down matrices, a third of the model. Source: `llama-quant.cpp` of llama.cpp, which has changed its mind once.
 */
import { storageTypeByName } from './index.ts';

/** Tables by the time from which llama.cpp had them. The files of dots.llm1 that people have are from mid-2025. */
export const FALLBACKS = {
  '2026': { q2_k: 'q4_0', q3_k: 'q4_0' },
  'mid-2025': { q2_k: 'iq4_nl', q3_k: 'iq4_nl' },
} as const;

export type Fallbacks = keyof typeof FALLBACKS;

const COMMON: Readonly<Record<string, string>> = {
  iq1_s: 'iq4_nl',
  iq1_m: 'iq4_nl',
  iq2_xxs: 'iq4_nl',
  iq2_xs: 'iq4_nl',
  iq2_s: 'iq4_nl',
  iq3_xxs: 'iq4_nl',
  iq3_s: 'iq4_nl',
  iq4_xs: 'iq4_nl',
  q4_k: 'q5_0',
  q5_k: 'q5_1',
  q6_k: 'q8_0',
  tq1_0: 'q4_0',
  tq2_0: 'q4_0',
  // Not in llama.cpp, which has no quantiser for them or stops: the next type whose blocks are 32.
  nvfp4: 'mxfp4',
  q1_0: 'q4_0',
};

/** The requested type, or its fallback in rows of `columns`: a type with blocks of 32, or f16 where not even those divide. */
export function fallbackType(
  requested: string,
  columns: number,
  table: Fallbacks,
): { readonly type: string; readonly insteadOf?: string } {
  const divides = (name: string): boolean => columns % storageTypeByName(name).blockElements === 0;
  if (divides(requested)) return { type: requested };
  const instead = (FALLBACKS[table] as Readonly<Record<string, string>>)[requested] ?? COMMON[requested];
  return { type: instead !== undefined && divides(instead) ? instead : 'f16', insteadOf: requested };
}
