/** Lists the documents of the input files and numbers them. Pages stay where they are; only their places are stored. */
import type { DotsError } from '../../core/errors.ts';
import { docNo, numberOf, type Row, textOf } from '../plan/row.ts';
import { defineStage, type Emission, type Process } from '../plan/stage.ts';
import { parseHttpResponse } from '../warc/http-response.ts';
import { readWarc, type WarcItem } from '../warc/read-warc.ts';
import { INPUT, isHtml, PAGE } from './page.ts';
import { linesWithPlaces, type PlacedLine } from './placed-lines.ts';

export const scanStage = defineStage<null>({
  name: 'scan',
  version: 1,
  input: INPUT,
  output: () => PAGE,
  isTrusted: true,
  rowsPerTask: 1,
  configure: () => null,
  open: (_, { resolve }): Process =>
    async function* (rows) {
      for await (const row of rows) yield* scanFile(row, resolve(textOf(row, 'path')));
    },
});

async function* scanFile(row: Row, file: string): AsyncGenerator<Emission> {
  const fileNo = numberOf(row, 'file_no');
  const format = textOf(row, 'format');
  const base = { source: textOf(row, 'path'), format };
  let record = 0;
  if (format === 'archive') {
    for await (const item of readWarc(file)) {
      const emission = recordEmission(item, docNo(fileNo, record), base);
      if (!emission) continue;
      record++;
      yield emission;
    }
  } else {
    for await (const line of linesWithPlaces(file)) yield lineEmission(line, docNo(fileNo, record++), base);
  }
}

type Base = { readonly source: string; readonly format: string };

const HEAD_BYTES = 1 << 16;

/** Undefined for records that hold no page and never could: requests, metadata, the description of the archive. */
function recordEmission(item: WarcItem, doc_no: number, base: Base): Emission | undefined {
  if ('error' in item) return failed(doc_no, item.error);
  const { record, place } = item;
  if (record.type !== 'response' && record.type !== 'resource') return undefined;
  const { kind, ...where } = place;
  // The headers are enough: the body is decoded when the page is extracted.
  const { status, headers } = parseHttpResponse(record.block.subarray(0, HEAD_BYTES), 0);
  const contentType = status === 0 ? record.contentType : (headers.get('content-type') ?? '');
  if (status !== 0 && status !== 200)
    return { excluded: { doc_no, rule: 'http-status', value: status, limit: 200, detail: record.url } };
  if (!isHtml(contentType))
    return { excluded: { doc_no, rule: 'not-html', detail: contentType.slice(0, 100) } };
  return {
    row: { doc_no, id: record.id, url: record.url, title: null, text: null, ...base, place: kind, ...where },
  };
}

function lineEmission(item: PlacedLine, doc_no: number, base: Base): Emission {
  if ('error' in item) return failed(doc_no, item.error);
  const { fields, place } = item;
  const optional = (name: string): string | null => {
    const value = fields[name];
    return typeof value === 'string' || typeof value === 'number' ? String(value) : null;
  };
  const { kind, ...where } = place;
  const isPage = typeof fields.html === 'string';
  if (!isPage && typeof fields.text !== 'string')
    return { failed: { doc_no, code: 'bad-document', message: 'the line has neither "text" nor "html"' } };
  return {
    row: {
      doc_no,
      id: optional('id'),
      url: optional('url'),
      title: optional('title'),
      text: isPage ? null : (fields.text as string),
      ...base,
      place: kind,
      ...where,
    },
  };
}

function failed(doc_no: number, error: DotsError): Emission {
  return { failed: { doc_no, code: error.code, message: error.message } };
}
