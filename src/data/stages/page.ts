/** The rows that `scan` makes: where a page is, or the text itself where the input holds text already. */
import type { Schema } from '../plan/row.ts';

export const PAGE = {
  doc_no: 'int',
  id: 'text',
  url: 'text',
  title: 'text',
  /** Null for a page, whose text is extracted later. */
  text: 'text',
  /** Where the page is: a file as the pipeline names it, and `RecordPlace`. */
  source: 'text',
  format: 'text',
  place: 'text',
  offset: 'int',
  size: 'int',
  inner: 'int',
} as const satisfies Schema;

/** One row for each input file. */
export const INPUT = {
  doc_no: 'int',
  file_no: 'int',
  path: 'text',
  format: 'text',
  size: 'int',
} as const satisfies Schema;

/** `archive`: WARC or ARC; `lines`: JSON lines with `text` or `html`. */
export type InputFormat = 'archive' | 'lines';

export function isHtml(contentType: string): boolean {
  return /^\s*(?:text\/html|application\/xhtml\+xml)\b/i.test(contentType);
}
