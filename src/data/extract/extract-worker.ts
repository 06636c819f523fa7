/** The thread that extracts pages: one line of JSON for each message, answered by what came of it. */
import { parentPort } from 'node:worker_threads';
import { extractLine } from './extract-line.ts';

parentPort?.on('message', (line: Uint8Array) => {
  parentPort?.postMessage(extractLine(line));
});
