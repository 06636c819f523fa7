import { FormatError, InternalError, UsageError } from '../core/errors.ts';
import type { Batch, BatchSource } from '../data/batch.ts';
import type { DataFact } from '../data/open-data.ts';
import type { JsonValue } from '../format/json.ts';

/** Data from a number of tokens on. */
export interface DataStage {
  readonly from: number;
  readonly source: BatchSource;
  /** What decides its batches; a run that has begun it resumes with the same only. */
  readonly identity?: readonly DataFact[];
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

  identities(): (readonly DataFact[])[] {
    return this.stages.map(({ identity = [] }) => identity);
  }

  /** Throws `UsageError` where a stage that was begun before `tokens` has other data than then. */
  checkIdentities(then: readonly (readonly DataFact[])[], tokens: number, origin: string): void {
    for (const [i, { from, identity }] of this.stages.entries()) {
      const before = then[i];
      if (from >= tokens || before === undefined || before.length === 0 || identity === undefined) continue;
      const length = Math.max(before.length, identity.length);
      const at = Array.from({ length }, (_, fact) => fact).find(
        (fact) => before[fact]?.value !== identity[fact]?.value,
      );
      if (at === undefined) continue;
      const [old, now] = [before[at], identity[at]];
      const isFile = (fact: DataFact | undefined) => fact !== undefined && !fact.what.startsWith('data.');
      const found =
        old && now && old.what === now.what && !isFile(now)
          ? `${now.what} is ${now.value}, it was ${old.value}`
          : `${(now ?? old).what} is not what the run has read`;
      throw new UsageError(`Cannot resume from ${origin} with other data: ${found}`, {
        code: 'other-data',
        hint: 'resume with the data that the run began with, or begin a new run with the checkpoint as "initFrom"',
      });
    }
  }

  /** To the positions of the checkpoint `origin`. Throws `FormatError` where the data of a run that has begun has none. */
  async seek(positions: readonly JsonValue[], origin: string): Promise<void> {
    for (const [i, { source }] of this.stages.entries()) {
      const position = positions[i];
      if (position !== undefined && position !== null) await source.seek(position);
      // A stage that was added since then begins at its beginning.
      else if (i < Math.max(1, positions.length))
        throw new FormatError(`Cannot resume from ${origin}: it lacks the position in its data`, {
          code: 'damaged-checkpoint',
          hint: 'to resume from the checkpoint before it, move this one away; if there is none, begin anew',
        });
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
