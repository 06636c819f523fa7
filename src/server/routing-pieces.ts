import type { ExpertIds } from '../engine/routing.ts';

/** Collects where the tokens of a chunk were routed. */
export class RoutingPieces {
  private first = 0;
  private pieces: ExpertIds[] = [];

  add(experts: ExpertIds | undefined): void {
    if (experts) this.pieces.push(experts);
  }

  /**
   * What was collected since the last call: `first`, the place of its first token in the answer, and the ids [tokens, layers
   * with experts, experts of a token] as base64 of bytes (of 16-bit numbers, low byte first, for more than 256 experts).
   */
  take(): { readonly first: number; readonly ids: string } | undefined {
    if (this.pieces.length === 0) return undefined;
    const buffers = this.pieces.map((piece) => Buffer.from(piece.buffer, piece.byteOffset, piece.byteLength));
    const taken = { first: this.first, ids: Buffer.concat(buffers).toString('base64') };
    this.first += this.pieces.length;
    this.pieces = [];
    return taken;
  }
}
