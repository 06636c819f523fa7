import type { JsonValue } from '../format/json.ts';
import type { DocumentStream, TrainingDocument } from './document-stream.ts';

/**
 * Multi-session concatenation: several conversations become one sequence, in which later ones see the earlier ones, as in a
 * chat window that nobody cleared. Up to `numSessions` of them, as long as they fit into `maxTokens`.
 */
export class JoinedSessions implements DocumentStream {
  private readonly sessions: DocumentStream;
  private readonly numSessions: number;
  private readonly maxTokens: number;
  /** A session that did not fit any more, and its position. */
  private held: { readonly session: TrainingDocument; readonly at: JsonValue } | undefined;

  constructor(sessions: DocumentStream, numSessions: number, maxTokens: number) {
    this.sessions = sessions;
    this.numSessions = numSessions;
    this.maxTokens = maxTokens;
  }

  async next(): Promise<TrainingDocument> {
    const joined = [this.held?.session ?? (await this.sessions.next())];
    this.held = undefined;
    let length = joined[0].tokens.length;
    while (joined.length < this.numSessions) {
      const at = this.sessions.position();
      const session = await this.sessions.next();
      if (length + session.tokens.length > this.maxTokens) {
        this.held = { session, at };
        break;
      }
      joined.push(session);
      length += session.tokens.length;
    }
    return { ...joinDocuments(joined), keepWhole: true };
  }

  position(): JsonValue {
    return this.held ? this.held.at : this.sessions.position();
  }

  async seek(position: JsonValue): Promise<void> {
    this.held = undefined;
    await this.sessions.seek(position);
  }
}

/** A document with a loss mask. */
export type MaskedDocument = TrainingDocument & { readonly lossMask: Uint8Array };

/** One document of several. Tokens of documents without a mask count. */
export function joinDocuments(documents: readonly TrainingDocument[]): MaskedDocument {
  const length = documents.reduce((sum, { tokens }) => sum + tokens.length, 0);
  const tokens = new Int32Array(length);
  const lossMask = new Uint8Array(length).fill(1);
  let end = 0;
  for (const document of documents) {
    tokens.set(document.tokens, end);
    if (document.lossMask) lossMask.set(document.lossMask, end);
    end += document.tokens.length;
  }
  return { tokens, lossMask };
}
