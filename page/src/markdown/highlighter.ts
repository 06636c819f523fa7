import type { HighlightReply, HighlightRequest } from './highlight-worker.ts';

/** A grammar that takes longer for one block is a grammar that does not end: the block stays plain. */
const LIMIT_MS = 15_000;

/** Grammars are regular expressions of others: in a worker they cannot stop the page. */
let worker: Worker | undefined;
let previous: Promise<unknown> = Promise.resolve();

/** Lengths and kinds of the parts of a text; undefined for unknown languages and where it takes too long. One text at a time. */
export function requestRuns(text: string, language: string): Promise<Uint32Array | undefined> {
  const runs = previous.then(() => runsOf({ text, language }));
  previous = runs.catch(() => {});
  return runs;
}

async function runsOf(request: HighlightRequest): Promise<Uint32Array | undefined> {
  worker ??= new Worker(new URL('./highlight-worker.ts', import.meta.url), { type: 'module' });
  const current = worker;
  let timer: ReturnType<typeof setTimeout> | undefined;
  try {
    const { runs, error } = await new Promise<HighlightReply>((resolve, reject) => {
      current.onmessage = ({ data }: MessageEvent<HighlightReply>) => resolve(data);
      current.onerror = (event) => {
        event.preventDefault();
        reject(new Error('The highlighter cannot be loaded'));
      };
      timer = setTimeout(() => {
        end(current);
        resolve({});
      }, LIMIT_MS);
      current.postMessage(request);
    });
    if (error !== undefined) throw new Error(error);
    return runs;
  } catch (error) {
    // The next request starts anew.
    end(current);
    throw error;
  } finally {
    clearTimeout(timer);
  }
}

function end(ended: Worker): void {
  ended.terminate();
  if (worker === ended) worker = undefined;
}
