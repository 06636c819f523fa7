/** The thread that extracts pages: one line of JSON for each message, answered by what came of it. */
import { parentPort, workerData } from 'node:worker_threads';
import { PAGE_LIMITS } from './budget.ts';
import { extractLine } from './extract-line.ts';

// Where only the time of the whole process can be measured, that of the other threads counts too.
const { numThreads } = workerData as { numThreads: number };
const limits = { maxMs: PAGE_LIMITS.maxMs * numThreads };

parentPort?.on('message', (line: Uint8Array) => {
  parentPort?.postMessage(extractLine(line, limits));
});
