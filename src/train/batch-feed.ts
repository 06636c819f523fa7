import { InternalError } from '../core/errors.ts';
import type { Batch, BatchSource } from '../data/batch.ts';
import type { JsonValue } from '../format/json.ts';

/** Data from a number of tokens on. */
export interface DataStage {
  readonly from: number;
  readonly source: BatchSource;
}

/** The tokens of one optimiser step, in micro-batches, and the positions of the sources after them. */
export interface GlobalBatch {
  readonly microBatches: readonly Batch[];
  readonly positions: readonly JsonValue[];
}

/** Hands out the micro-batches of each optimiser step, from the source whose turn it is. */
export class BatchFeed {
  private readonly stages: readonly DataStage[];

  constructor(stages: readonly DataStage[]) {
    this.stages = stages;
  }

  positions(): JsonValue[] {
    return this.stages.map(({ source }) => source.position());
  }

  async seek(positions: readonly JsonValue[]): Promise<void> {
    for (const [i, { source }] of this.stages.entries()) {
      // A stage that was added since then begins at its beginning.
      if (positions[i] !== undefined) await source.seek(positions[i]);
    }
  }

  /** For the optimiser step that begins after `tokens`. */
  async take(tokens: number, batchTokens: number, microBatchTokens: number): Promise<GlobalBatch> {
    const stage = this.stages.findLast(({ from }) => from <= tokens);
    if (!stage) throw new InternalError('no data for the beginning of the run');
    const microBatches: Batch[] = [];
    for (let done = 0; done < batchTokens; done += microBatchTokens)
      microBatches.push(await stage.source.next(microBatchTokens));
    return { microBatches, positions: this.positions() };
  }
}
