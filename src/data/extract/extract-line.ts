/** One line of JSON with a page in, one line of JSON with its text out. */
import { DotsError } from '../../core/errors.ts';
import type { PageLimits } from './budget.ts';
import { extractPage } from './extract-page.ts';

export interface ExtractedLine {
  /** The row of the output: id, text, title, pageType. */
  readonly json: string;
  readonly numChars: number;
  readonly pageType: string;
}

export interface FailedLine {
  readonly id: unknown;
  readonly code: string;
  readonly message: string;
}

/** Never throws: whatever a page does, it is a row of the output or of the table of errors. */
export function extractLine(bytes: Uint8Array, limits: Partial<PageLimits> = {}): ExtractedLine | FailedLine {
  let id: unknown = null;
  try {
    let fields: unknown;
    try {
      fields = JSON.parse(new TextDecoder('utf-8', { fatal: true }).decode(bytes));
    } catch (error) {
      return bad(id, error instanceof TypeError ? 'it is not UTF-8 text' : 'it is not JSON');
    }
    if (typeof fields !== 'object' || fields === null || Array.isArray(fields))
      return bad(id, 'it is not a JSON object');
    const { html, url, ...rest } = fields as Readonly<Record<string, unknown>>;
    id = typeof rest.id === 'string' || typeof rest.id === 'number' ? rest.id : null;
    if (typeof html !== 'string')
      return bad(id, html === undefined ? 'it has no field "html"' : 'its "html" is not text');
    const { text, title, pageType } = extractPage(html, {
      url: typeof url === 'string' ? url : undefined,
      limits,
    });
    return { json: JSON.stringify({ id, text, title, pageType }), numChars: text.length, pageType };
  } catch (error) {
    if (error instanceof DotsError) return { id, code: error.code, message: error.message };
    // Out of stack, or a mistake of ours: the other pages are not affected.
    return { id, code: 'page-failed', message: `Cannot extract the page: ${(error as Error).message}` };
  }
}

function bad(id: unknown, found: string): FailedLine {
  return { id, code: 'bad-document', message: `Cannot read the line: ${found}` };
}
