/** Main text, title and type of each page. Documents that are text already pass through. */
import { decodeHtml } from '../extract/decode-html.ts';
import { extractPage } from '../extract/extract-page.ts';
import { DOCUMENT, type Row, textOf } from '../plan/row.ts';
import { defineStage, type Emission, exclude, perDocument } from '../plan/stage.ts';
import { PAGE } from './page.ts';
import { PageReader } from './page-reader.ts';

export const extractStage = defineStage<null>({
  name: 'extract',
  version: 1,
  input: PAGE,
  // The extractor has a limit of a second of its own, with a clearer error.
  budget: { timeMs: 5000 },
  output: () => DOCUMENT,
  // 10 ms a page: a task of some seconds.
  rowsPerTask: 256,
  configure: () => null,
  open(_, { resolve }) {
    const reader = new PageReader(resolve);
    const process = perDocument(async (row): Promise<Emission> => {
      const document = { ...documentOf(row), lang: null, lang_score: null };
      if (row.text !== null) return { row: { ...document, page_type: null, text: textOf(row, 'text') } };
      const page = await reader.read(row);
      const html = typeof page.html === 'string' ? page.html : decodeHtml(page.html, page.contentType).html;
      const { text, title, pageType } = extractPage(
        html,
        typeof row.url === 'string' ? { url: row.url } : {},
      );
      if (text.trim() === '') return exclude(row, { rule: 'no-text', detail: pageType });
      return { row: { ...document, title: title || (row.title ?? null), page_type: pageType, text } };
    });
    return Object.assign(process, { close: () => reader.close() });
  },
});

function documentOf({ doc_no, id, url, title }: Row): Row {
  return { doc_no, id, url, title };
}
