import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import { SseStream } from '../../src/server/sse.ts';

const OPTIONS = { maxUnsentBytes: 1000, pingMs: 1e6, onCancel: () => {} };

describe('SseStream', () => {
  beforeEach(() => {
    vi.useFakeTimers({
      toFake: ['setTimeout', 'clearTimeout', 'setInterval', 'clearInterval', 'performance'],
    });
  });
  afterEach(() => {
    vi.useRealTimers();
  });

  it('writes the first event at once, and those that follow sooner than 20 ms together', async () => {
    const stream = new SseStream(OPTIONS);
    const reader = stream.body.pipeThrough(new TextDecoderStream()).getReader();
    const read = async (): Promise<string | undefined> => (await reader.read()).value;
    stream.send('1');
    expect(await read()).toBe('data: 1\n\n');
    stream.send('2');
    stream.send('3');
    vi.advanceTimersByTime(20);
    expect(await read()).toBe('data: 2\n\ndata: 3\n\n');
    vi.advanceTimersByTime(20);
    stream.send('4');
    expect(await read()).toBe('data: 4\n\n');
  });

  it('loses nothing that waits to be written when it closes', async () => {
    const stream = new SseStream(OPTIONS);
    const text = new Response(stream.body).text();
    for (const data of ['1', '2', '3']) stream.send(data);
    stream.close();
    expect(await text).toBe('data: 1\n\ndata: 2\n\ndata: 3\n\n');
  });

  it('is full when what waits to be written is more than the reader may leave unread', async () => {
    const stream = new SseStream(OPTIONS);
    stream.send('x');
    stream.send('y'.repeat(1000));
    expect(stream.isFull).toBe(true);
    const drained = stream.drained(1000);
    const reader = stream.body.getReader();
    vi.advanceTimersByTime(20);
    await reader.read();
    await reader.read();
    expect(await drained).toBe(true);
  });
});
