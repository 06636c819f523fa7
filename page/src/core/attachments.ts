/** A text file that becomes part of a question. */
export interface Attachment {
  readonly name: string;
  readonly text: string;
}

export type Refusal = 'fileTooLarge' | 'fileNotText' | 'fileEmpty';

/** A context of 32,768 tokens holds about half of it. */
export const MAX_FILE_BYTES = 256 * 1024;

/** The text of a file, or why it cannot be one. */
export function readAttachment(name: string, bytes: Uint8Array): Attachment | Refusal {
  if (bytes.length > MAX_FILE_BYTES) return 'fileTooLarge';
  const text = decode(bytes)?.replaceAll('\r\n', '\n');
  if (text === undefined || text.includes('\0')) return 'fileNotText';
  if (text.trim() === '') return 'fileEmpty';
  return { name: plainName(name), text };
}

/** Windows writes UTF-16 with a byte order mark; all else is UTF-8 or not text. */
function decode(bytes: Uint8Array): string | undefined {
  const [a, b] = bytes;
  const encoding = a === 0xff && b === 0xfe ? 'utf-16le' : a === 0xfe && b === 0xff ? 'utf-16be' : 'utf-8';
  try {
    return new TextDecoder(encoding, { fatal: true }).decode(bytes);
  } catch {
    return undefined;
  }
}

/** On one line, and without what would end or begin a block. */
function plainName(name: string): string {
  return name.replace(/[\p{Cc}\p{Cf}\u2028\u2029`]+/gu, ' ').trim() || 'file';
}

/** A question with its files: each as a fenced block after its name. */
export function withAttachments(question: string, attachments: readonly Attachment[]): string {
  const blocks = attachments.map(({ name, text }) => {
    const longest = Math.max(2, ...(text.match(/`+/g) ?? []).map((run) => run.length));
    const fence = '`'.repeat(longest + 1);
    return `${name}\n${fence}${languageOf(name)}\n${text.replace(/\n$/, '')}\n${fence}`;
  });
  return [question, ...blocks].filter((part) => part !== '').join('\n\n');
}

/** Endings are names that highlighters and models know. */
function languageOf(name: string): string {
  return /\.([a-z0-9]{1,10})$/i.exec(name)?.[1].toLowerCase() ?? '';
}

/** The reverse, to show a question with its files folded. Whatever is not such a block belongs to the question. */
export function splitAttachments(content: string): {
  readonly question: string;
  readonly attachments: readonly Attachment[];
} {
  const attachments: Attachment[] = [];
  let rest = content;
  for (let block = lastBlock(rest); block; block = lastBlock(rest)) {
    attachments.unshift({ name: block.name, text: block.text });
    rest = rest.slice(0, block.start).trimEnd();
  }
  return { question: rest, attachments };
}

/** A fence and the name before it, at the end of a text. Lines are looked at from the end, once. */
function lastBlock(content: string): (Attachment & { readonly start: number }) | undefined {
  const fence = /(?:^|\n)(`{3,})$/.exec(content)?.[1];
  if (!fence) return undefined;
  const end = content.length - fence.length;
  // A longer fence begins with a shorter one: the line has to be the fence and a language.
  for (
    let at = content.lastIndexOf(`\n${fence}`, end - 2);
    at > 0;
    at = content.lastIndexOf(`\n${fence}`, at - 1)
  ) {
    const lineEnd = content.indexOf('\n', at + 1);
    if (lineEnd >= end || !/^[a-z0-9]*$/.test(content.slice(at + 1 + fence.length, lineEnd))) continue;
    const start = content.lastIndexOf('\n', at - 1) + 1;
    const name = content.slice(start, at);
    const isFirst = start === 0 || content.slice(0, start).endsWith('\n\n');
    if (!isFirst || name === '' || name.includes('`')) return undefined;
    return { name, text: content.slice(lineEnd + 1, Math.max(lineEnd + 1, end - 1)), start };
  }
  return undefined;
}
