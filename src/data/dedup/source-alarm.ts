/** An alarm for sources that a step nearly wipes out: often a template that all pages share, not pages without worth. */

export interface SourceLoss {
  /** Whatever documents are grouped by: a domain, a file, a language. */
  readonly source: string;
  readonly numDocuments: number;
  readonly numRemoved: number;
}

export interface SourceAlarmOptions {
  /** Sources with fewer documents raise none; default 20. */
  readonly minDocuments?: number;
  /** Share of the documents that must be gone; default 0.9. */
  readonly minRemovedShare?: number;
}

/** The sources to look at, the largest loss first. */
export function sourceAlarms(losses: Iterable<SourceLoss>, options: SourceAlarmOptions = {}): SourceLoss[] {
  const { minDocuments = 20, minRemovedShare = 0.9 } = options;
  return [...losses]
    .filter(
      ({ numDocuments, numRemoved }) =>
        numDocuments >= minDocuments && numRemoved >= minRemovedShare * numDocuments,
    )
    .sort((a, b) => b.numRemoved - a.numRemoved || (a.source < b.source ? -1 : 1));
}

/** What an alarm says, without a full stop. */
export function describeAlarm({ source, numDocuments, numRemoved }: SourceLoss, step: string): string {
  return `${step} removed ${numRemoved} of ${numDocuments} documents of ${source}: look at what they share before you continue`;
}
