import { describe, expect, it } from 'vitest';
import { type ByteSink, writeAll } from '../../src/format/byte-sink.ts';

/** A sink that writes down what is called, and fails at one of the calls. */
function recorder(...failing: ('write' | 'finish' | 'discard')[]) {
  const calls: string[] = [];
  const call = async (name: string, what = '') => {
    calls.push(name + what);
    if ((failing as string[]).includes(name)) throw new Error(`no ${name}`);
  };
  const sink: ByteSink = {
    name: 'file',
    write: (bytes) => call('write', ` ${bytes}`),
    finish: () => call('finish'),
    discard: () => call('discard'),
  };
  return { sink, calls };
}

describe('writeAll()', () => {
  const pieces = [Uint8Array.of(1, 2), Uint8Array.of(3)];

  it('writes all pieces in their order and puts the file in place', async () => {
    const { sink, calls } = recorder();
    await writeAll(sink, pieces);
    expect(calls).toEqual(['write 1,2', 'write 3', 'finish']);
  });

  it('throws away what is written where a piece, the end or what makes the pieces fails', async () => {
    const broken = recorder('write');
    await expect(writeAll(broken.sink, pieces)).rejects.toThrow('no write');
    expect(broken.calls).toEqual(['write 1,2', 'discard']);
    const unfinished = recorder('finish');
    await expect(writeAll(unfinished.sink, pieces)).rejects.toThrow('no finish');
    expect(unfinished.calls.at(-1)).toBe('discard');
    const stuck = recorder('write', 'discard');
    await expect(writeAll(stuck.sink, pieces)).rejects.toThrow('no write');
    const { sink, calls } = recorder();
    const failing = function* () {
      yield Uint8Array.of(1);
      throw new Error('no pieces');
    };
    await expect(writeAll(sink, failing())).rejects.toThrow('no pieces');
    expect(calls).toEqual(['write 1', 'discard']);
  });
});
