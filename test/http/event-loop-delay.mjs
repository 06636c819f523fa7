// Preloaded into a server process: on SIGUSR2 it writes the longest pause of its event loop since the last time.
import { monitorEventLoopDelay } from 'node:perf_hooks';

const delay = monitorEventLoopDelay({ resolution: 1 });
delay.enable();
process.on('SIGUSR2', () => {
  process.stderr.write(`longest pause ${(delay.max / 1e6).toFixed(1)} ms\n`);
  delay.reset();
});
