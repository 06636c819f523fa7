/** One record of a WARC file (ISO 28500) or of the older ARC format, from bytes. */
import { FormatError } from '../../core/errors.ts';

export interface WarcRecord {
  /** `response`, `resource`, `request`, `metadata`, `warcinfo`…; `response` for ARC. */
  readonly type: string;
  /** Empty where the record has none. */
  readonly url: string;
  readonly id: string;
  /** Of the record as a whole, such as `application/http; msgtype=response`; for ARC that of the page. */
  readonly contentType: string;
  /** The block: for `response`, an HTTP message. */
  readonly block: Uint8Array;
}

/** The size of a record whose header has been read. */
export interface RecordHeader extends Omit<WarcRecord, 'block'> {
  readonly headerBytes: number;
  readonly blockBytes: number;
}

export type ArchiveFormat = 'warc' | 'arc';

/** A header that does not end within this many bytes is none. */
export const MAX_HEADER_BYTES = 1 << 16;

/** Which format begins here, if any. */
export function formatAt(bytes: Uint8Array): ArchiveFormat | undefined {
  const start = Buffer.from(bytes.buffer, bytes.byteOffset, Math.min(bytes.length, 16)).toString('latin1');
  if (/^WARC\/\d/.test(start)) return 'warc';
  if (/^(?:filedesc|https?|dns|ftp|warcinfo):/i.test(start)) return 'arc';
  return undefined;
}

/** Throws `FormatError` where no record begins at the start of `bytes`. Undefined where the header is longer than `bytes`. */
export function parseHeader(bytes: Uint8Array): RecordHeader | undefined {
  const format = formatAt(bytes);
  if (!format) throw damaged('no record begins here');
  return format === 'warc' ? parseWarcHeader(bytes) : parseArcHeader(bytes);
}

function parseWarcHeader(bytes: Uint8Array): RecordHeader | undefined {
  const view = Buffer.from(bytes.buffer, bytes.byteOffset, Math.min(bytes.length, MAX_HEADER_BYTES));
  // Some writers end lines with a line feed alone.
  const match = /\r?\n\r?\n/.exec(view.toString('latin1'));
  if (!match) {
    if (bytes.length >= MAX_HEADER_BYTES) throw damaged('its header does not end');
    return undefined;
  }
  const fields = headerFields(view.toString('utf8', 0, match.index));
  const length = fields.get('content-length') ?? '';
  if (!/^\d{1,15}$/.test(length)) throw damaged(`its Content-Length is "${length}"`);
  return {
    type: (fields.get('warc-type') ?? '').toLowerCase(),
    // An older draft of the standard wrote <URL>.
    url: (fields.get('warc-target-uri') ?? '').replace(/^<(.*)>$/, '$1'),
    id: fields.get('warc-record-id') ?? '',
    contentType: fields.get('content-type') ?? '',
    headerBytes: match.index + match[0].length,
    blockBytes: Number(length),
  };
}

/** `URL IP DATE TYPE LENGTH`, with spaces inside bad URLs. */
function parseArcHeader(bytes: Uint8Array): RecordHeader | undefined {
  const end = bytes.indexOf(10);
  if (end < 0) {
    if (bytes.length >= MAX_HEADER_BYTES) throw damaged('its header does not end');
    return undefined;
  }
  const line = Buffer.from(bytes.buffer, bytes.byteOffset, end).toString('utf8').trimEnd();
  const match = /^(\S.*?) (\S+) (\d{8,17}) (\S+)(?: \S+)*? (\d{1,15})$/.exec(line);
  if (!match) throw damaged(`its header line is "${line.slice(0, 80)}"`);
  const [, url, , date, contentType, length] = match;
  const isFileHeader = url.startsWith('filedesc:');
  return {
    type: isFileHeader ? 'warcinfo' : /^https?:/i.test(url) ? 'response' : 'resource',
    url,
    id: `${date}/${url}`,
    contentType,
    headerBytes: end + 1,
    blockBytes: Number(length),
  };
}

/** Names in lower case; lines that begin with a space continue the one before. */
export function headerFields(text: string): Map<string, string> {
  const fields = new Map<string, string>();
  let last = '';
  for (const line of text.split(/\r?\n/)) {
    if (/^[ \t]/.test(line) && last !== '') {
      fields.set(last, `${fields.get(last)} ${line.trim()}`);
      continue;
    }
    const colon = line.indexOf(':');
    if (colon <= 0) continue;
    last = line.slice(0, colon).trim().toLowerCase();
    fields.set(last, line.slice(colon + 1).trim());
  }
  return fields;
}

export function damaged(found: string, cause?: unknown): FormatError {
  return new FormatError(`Cannot read a record of an archive: ${found}`, {
    code: 'damaged-record',
    hint: 'other records of the file are read',
    cause,
  });
}
