/** All rules, in the order in which they are asked. */
import { C4_DOCUMENTS, C4_LINES, FINEWEB_DOCUMENTS } from './c4-rules.ts';
import { GOPHER_QUALITY, GOPHER_REPETITION } from './gopher-rules.ts';
import { METADATA, PROMPT_DOCUMENTS, PROMPT_LINES, STRUCTURE } from './page-rules.ts';
import { REFINEDWEB_DOCUMENTS, REFINEDWEB_LINES } from './refinedweb-rules.ts';
import type { DocumentRule, LineRule } from './rule.ts';

export const DOCUMENT_RULES: readonly DocumentRule[] = [
  ...METADATA,
  ...STRUCTURE,
  ...GOPHER_REPETITION,
  ...GOPHER_QUALITY,
  ...C4_DOCUMENTS,
  ...REFINEDWEB_DOCUMENTS,
  ...PROMPT_DOCUMENTS,
  ...FINEWEB_DOCUMENTS,
];

/** Asked before the document rules of their family. */
export const LINE_RULES: readonly LineRule[] = [...C4_LINES, ...REFINEDWEB_LINES, ...PROMPT_LINES];
