import { extname } from 'node:path';
import { readJsonLines, textField } from '../data/json-lines.ts';
import { readText } from './read-text.ts';
import type { Session } from './session.ts';

export interface Document {
  readonly text: string;
  /** The field `lang` of a line of JSON. */
  readonly language: string | undefined;
}

/** Options of commands that read text. */
export interface DocumentFlags {
  readonly file: readonly string[];
  /** Field of a line of JSON with the text. */
  readonly field: string;
}

/** Each file one document; of `.jsonl` each line. */
export async function readDocuments(session: Session, { file, field }: DocumentFlags): Promise<Document[]> {
  const documents: Document[] = [];
  for (const name of file) {
    if (!isJsonLines(name)) {
      documents.push({ text: await readText(session, name), language: undefined });
      continue;
    }
    for await (const line of readJsonLines(name, { signal: session.signal })) {
      const { lang } = line.fields;
      documents.push({
        text: textField(line, field, name),
        language: typeof lang === 'string' ? lang : undefined,
      });
    }
  }
  return documents;
}

function isJsonLines(name: string): boolean {
  return ['.jsonl', '.ndjson'].includes(extname(name.replace(/\.gz$/, '')));
}
