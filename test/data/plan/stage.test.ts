import { describe, expect, it } from 'vitest';
import { docNo, MAX_FILES, RECORDS_PER_FILE, type Row, textOf } from '../../../src/data/plan/row.ts';
import { type Emission, exclude, type Process, perDocument, perGroup } from '../../../src/data/plan/stage.ts';

async function run(process: Process, rows: readonly Row[]): Promise<Emission[]> {
  const emissions: Emission[] = [];
  async function* input(): AsyncGenerator<Row> {
    yield* rows;
  }
  for await (const emission of process(input())) emissions.push(emission);
  return emissions;
}

describe('stages', () => {
  it('perDocument() passes a document on, drops it with a reason, or makes several of it', async () => {
    const process = perDocument((row) => {
      const text = textOf(row, 'text');
      if (text === '') return exclude(row, { rule: 'empty', value: 0, limit: 1 });
      return text.split(' ').map((word) => ({ row: { ...row, text: word } }));
    });
    const rows = [
      { doc_no: 1, text: 'a b' },
      { doc_no: 2, text: '' },
    ];
    expect(await run(process, rows)).toEqual([
      { row: { doc_no: 1, text: 'a' } },
      { row: { doc_no: 1, text: 'b' } },
      { excluded: { doc_no: 2, rule: 'empty', value: 0, limit: 1 } },
    ]);
  });

  it('perGroup() hands over the whole group at once', async () => {
    const process = perGroup((rows) => [{ row: { docs: rows.map((row) => Number(row.doc_no)) } }]);
    expect(await run(process, [{ doc_no: 3 }, { doc_no: 5 }])).toEqual([{ row: { docs: [3, 5] } }]);
  });

  it('numbers of documents stay exact for every file and record', () => {
    const largest = docNo(MAX_FILES - 1, RECORDS_PER_FILE - 1);
    expect(Number.isSafeInteger(largest)).toBe(true);
    expect(largest - docNo(MAX_FILES - 1, 0)).toBe(RECORDS_PER_FILE - 1);
    expect(() => docNo(MAX_FILES, 0)).toThrow('has no number');
  });
});
