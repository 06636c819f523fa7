import { describe, expect, it } from 'vitest';
import { EventQueue } from '../../src/engine/event-queue.ts';

/** Lets everything run that does not wait for the writer. */
const settle = (): Promise<void> => new Promise((resolve) => setTimeout(resolve, 0));

/** Reads on its own, as a client does; `seen` grows. */
function reader<T>(queue: EventQueue<T>): { seen: T[]; end: Promise<void> } {
  const seen: T[] = [];
  const read = async (): Promise<void> => {
    for await (const item of queue.read()) seen.push(item);
  };
  return { seen, end: read() };
}

describe('EventQueue', () => {
  it('wakes a waiting reader at flush() and not before', async () => {
    const queue = new EventQueue<number>();
    const { seen } = reader(queue);
    await settle();
    queue.push(1);
    queue.push(2);
    await settle();
    expect(seen).toEqual([]);
    queue.flush();
    await settle();
    expect(seen).toEqual([1, 2]);
  });

  it('a flush() without items wakes nobody, and one before the reader came loses nothing', async () => {
    const queue = new EventQueue<number>();
    queue.push(1);
    queue.flush();
    const { seen } = reader(queue);
    await settle();
    queue.flush();
    await settle();
    expect(seen).toEqual([1]);
  });

  it('gives all items before it ends, also those that were never flushed', async () => {
    const queue = new EventQueue<number>();
    const { seen, end } = reader(queue);
    await settle();
    queue.push(1);
    queue.end();
    await end;
    expect(seen).toEqual([1]);
  });

  it('throws the error of end() after the items before it', async () => {
    const queue = new EventQueue<number>();
    const { seen, end } = reader(queue);
    await settle();
    queue.push(1);
    queue.end(new Error('broken'));
    await expect(end).rejects.toThrow('broken');
    expect(seen).toEqual([1]);
  });

  it('is full at 64 unread items, and says so when they have been read', async () => {
    const queue = new EventQueue<number>();
    let numDrained = 0;
    queue.onDrained = () => {
      numDrained++;
    };
    for (let i = 0; i < 63; i++) queue.push(i);
    expect(queue.isFull).toBe(false);
    const { seen } = reader(queue);
    await settle();
    expect(numDrained).toBe(0);
    for (let i = 0; i < 70; i++) queue.push(i);
    expect(queue.isFull).toBe(true);
    queue.flush();
    await settle();
    expect(queue.isFull).toBe(false);
    expect(numDrained).toBe(1);
    // What was pushed after it was full is kept.
    expect(seen).toHaveLength(133);
  });

  it('a reader that stops early leaves the queue to nobody: pushing and ending still work', async () => {
    const queue = new EventQueue<number>();
    queue.push(1);
    for await (const _ of queue.read()) break;
    queue.push(2);
    queue.flush();
    queue.end();
    expect(queue.isFull).toBe(false);
  });
});
