/** Entry of a worker process of the local executor. */
import { runWorker } from './worker.ts';

runWorker();
