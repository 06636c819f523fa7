import type { HighlightReply, HighlightRequest } from './highlight-worker.ts';

/** A grammar that takes longer for one block is a grammar that does not end: the block stays plain. */
const LIMIT_MS = 15_000;

interface Running {
  readonly worker: Worker;
  readonly waiting: Map<number, { resolve: (reply: HighlightReply) => void; reject: (error: Error) => void }>;
}

/** The worker, while there is one. Grammars are regular expressions of others: in a worker they cannot stop the page. */
let running: Running | undefined;
let lastId = 0;

/** Lengths and kinds of the parts of a text; undefined for unknown languages and where it takes too long. */
export async function requestRuns(text: string, language: string): Promise<Uint32Array | undefined> {
  running ??= start();
  const mine = running;
  const id = ++lastId;
  let timer: ReturnType<typeof setTimeout> | undefined;
  const reply = await new Promise<HighlightReply>((resolve, reject) => {
    mine.waiting.set(id, { resolve, reject });
    mine.worker.postMessage({ id, text, language } satisfies HighlightRequest);
    timer = setTimeout(() => {
      resolve({ id });
      mine.waiting.delete(id);
      end(mine, new Error('The highlighter takes too long'));
    }, LIMIT_MS);
  });
  clearTimeout(timer);
  if (reply.error !== undefined) throw new Error(reply.error);
  return reply.runs;
}

function start(): Running {
  const worker = new Worker(new URL('./highlight-worker.ts', import.meta.url), { type: 'module' });
  const mine: Running = { worker, waiting: new Map() };
  worker.onmessage = ({ data }: MessageEvent<HighlightReply>) => {
    mine.waiting.get(data.id)?.resolve(data);
    mine.waiting.delete(data.id);
  };
  worker.onerror = (event) => {
    event.preventDefault();
    end(mine, new Error('The highlighter cannot be loaded'));
  };
  return mine;
}

/** What waits is asked again by those who asked; the next request starts a new worker. */
function end(mine: Running, error: Error): void {
  mine.worker.terminate();
  if (running === mine) running = undefined;
  for (const { reject } of mine.waiting.values()) reject(error);
}
